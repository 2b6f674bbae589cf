use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::*;
use unlapse_core::{Admission, BreakerPolicy, UnixTime};

const PROCESSES: usize = 16;

fn at(secs: u64) -> UnixTime {
    UnixTime::from_secs(secs)
}

fn failed(breaker: Breaker) -> Breaker {
    breaker.failed(at(1), &BreakerPolicy::default())
}

#[test]
fn r16_processes_share_a_breaker_and_doctor_closes_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let (one, two) =
        (FileBreakers::new(dir.path().join("b")), FileBreakers::new(dir.path().join("b")));
    one.update("https://a", &mut failed);
    assert_eq!(two.read("https://a"), failed(Breaker::default()));
    assert_eq!(two.read("https://b"), Breaker::default());
    assert_eq!(two.reset(), ["https://a"]);
    assert_eq!(one.read("https://a"), Breaker::default());
    assert_eq!(two.reset(), [""; 0], "closed already");
}

#[test]
fn r16_no_change_frees_room_on_the_disk() {
    let dir = tempfile::tempdir().expect("a directory");
    let breakers = FileBreakers::new(dir.path().join("b"));
    let place = || {
        let file = fs::metadata(breakers.path("https://a")).expect("kept");
        (file.ino(), file.len(), file.mode() & 0o777)
    };
    breakers.update("https://a", &mut failed);
    let made = place();
    assert_eq!((made.1, made.2), (4096, 0o600));
    breakers.update("https://a", &mut failed);
    assert_eq!(place(), made, "overwritten, and not replaced");
    breakers.update("https://a", &mut Breaker::succeeded);
    assert_eq!((place(), breakers.read("https://a")), (made, Breaker::default()));
    breakers.update("https://a", &mut failed);
    assert_eq!(breakers.reset(), ["https://a"]);
    assert_eq!((place(), breakers.read("https://a")), (made, Breaker::default()));
}

#[test]
fn r16_an_endpoint_too_long_to_be_kept_has_a_closed_breaker() {
    let dir = tempfile::tempdir().expect("a directory");
    let breakers = FileBreakers::new(dir.path().to_owned());
    let long = format!("https://{}", "a".repeat(SIZE));
    breakers.update(&long, &mut failed);
    assert_eq!(breakers.read(&long), Breaker::default());
}

#[test]
fn r16_released_is_released_while_a_child_still_has_the_file_open() {
    let dir = tempfile::tempdir().expect("a directory");
    let breakers = FileBreakers { looks: 1, ..FileBreakers::new(dir.path().to_owned()) };
    let path = breakers.path("https://a");
    let held = breakers.to_change(&path).expect("made");
    // What a fork has until it becomes its own program.
    let inherited = held.0.try_clone().expect("a second descriptor");
    drop(held);
    File::open(&path).expect("made").try_lock_shared().expect("free at once");
    drop(inherited);
}

#[test]
fn hostile_files_are_closed_breakers() {
    let dir = tempfile::tempdir().expect("a directory");
    let breakers = FileBreakers::new(dir.path().to_owned());
    for bytes in [&b""[..], b"{", b"[]", &[0xff; 9000]] {
        fs::write(breakers.path("https://a"), bytes).expect("written");
        assert_eq!(breakers.read("https://a"), Breaker::default());
        assert_eq!(breakers.reset(), [""; 0]);
        breakers.update("https://a", &mut failed);
        assert_eq!(breakers.read("https://a"), failed(Breaker::default()), "written over");
    }
}

#[test]
fn r16_while_all_is_well_nothing_is_written() {
    let dir = tempfile::tempdir().expect("a directory");
    let breakers = FileBreakers::new(dir.path().join("b"));
    breakers.update("https://a", &mut Breaker::succeeded);
    assert!(!dir.path().join("b").exists());
}

#[test]
fn r17_a_lock_that_is_never_given_up_holds_up_nobody_for_long() {
    let dir = tempfile::tempdir().expect("a directory");
    let breakers = FileBreakers::new(dir.path().join("b"));
    let stuck = breakers.to_change(&breakers.path("https://a")).expect("made");
    let other = File::open(breakers.path("https://a")).expect("made");
    assert!(matches!(other.try_lock_shared(), Err(TryLockError::WouldBlock)), "it is locked");
    let started = Instant::now();
    breakers.update("https://a", &mut failed);
    let first = started.elapsed();
    assert!(first < Duration::from_secs(30), "{first:?}");
    breakers.update("https://a", &mut failed);
    assert!(started.elapsed() < first * 2, "it is not waited for again");
    assert_eq!(breakers.read("https://a").failures, 2, "changed all the same");
    drop(stuck);
    breakers.update("https://a", &mut failed);
    assert!(!breakers.is_stuck.load(Ordering::Relaxed), "it is waited for as before");
}

/// This test binary again, many times at once, running the ignored test `name` in `dir`.
fn crowd(name: &str, dir: &Path) {
    let child = |number: usize| {
        let mut command = Command::new(std::env::current_exe().expect("this binary"));
        command.args(["--exact", &format!("breakers::tests::{name}"), "--ignored"]);
        command.env("BREAKERS_DIR", dir).env("BREAKERS_CHILD", number.to_string());
        Reaped(command.stdout(Stdio::null()).spawn().expect("spawned"))
    };
    let children: Vec<_> = (0..PROCESSES).map(child).collect();
    // All of them are there before any may begin.
    eventually("the children are ready", || (0..PROCESSES).all(|it| dir.join(ready(it)).exists()));
    fs::write(dir.join("go"), "").expect("written");
    for mut child in children {
        assert!(child.0.wait().expect("waited").success());
    }
}

/// In a child: its number, and the breakers that it shares, as soon as all may begin. `None` when it
/// was started by hand.
fn passed() -> Option<(usize, PathBuf, FileBreakers)> {
    let dir = PathBuf::from(std::env::var_os("BREAKERS_DIR")?);
    let number = std::env::var("BREAKERS_CHILD").ok()?.parse().expect("a number");
    fs::write(dir.join(ready(number)), "").expect("written");
    eventually("the parent says go", || dir.join("go").exists());
    // Whether the lock is exact is one thing. How long a holder can lose the processor while others
    // wait is another, and no property of these breakers.
    let breakers = FileBreakers { looks: 60_000, ..FileBreakers::new(dir.join("b")) };
    Some((number, dir, breakers))
}

fn ready(number: usize) -> String {
    format!("{number}.ready")
}

fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Failures that each child tells.
const FAILURES: usize = 20;

#[test]
fn r16_sixteen_processes_lose_no_failure() {
    let dir = tempfile::tempdir().expect("a directory");
    crowd("child_fails", dir.path());
    let breaker = FileBreakers::new(dir.path().join("b")).read("https://a");
    assert_eq!(usize::try_from(breaker.failures), Ok(PROCESSES * FAILURES));
    let left = fs::read_dir(dir.path().join("b")).expect("listed").count();
    assert_eq!(left, 1, "the breaker, and nothing else");
}

#[test]
#[ignore = "run by its parent test"]
fn child_fails() {
    let Some((_, _, breakers)) = passed() else { return };
    for _ in 0..FAILURES {
        breakers.update("https://a", &mut failed);
        // The others' turn: only a crowd that never lets go could wait for as long as it may.
        std::thread::sleep(BETWEEN_LOOKS);
    }
}

/// Endpoints that are tried again at once.
const ENDPOINTS: usize = 40;

fn endpoint(number: usize) -> String {
    format!("https://{number}")
}

#[test]
fn r16_one_of_sixteen_processes_makes_the_trial() {
    let dir = tempfile::tempdir().expect("a directory");
    let breakers = FileBreakers::new(dir.path().join("b"));
    for number in 0..ENDPOINTS {
        let open = &mut |breaker| (0..5).fold(breaker, |breaker, _| failed(breaker));
        breakers.update(&endpoint(number), open);
        assert_eq!(breakers.read(&endpoint(number)).admit(at(1000)), Admission::Trial);
    }
    crowd("child_claims", dir.path());
    let names = fs::read_dir(dir.path()).expect("listed").flatten();
    let names: Vec<_> =
        names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    for number in 0..ENDPOINTS {
        let trials = names.iter().filter(|name| name.starts_with(&format!("trial-{number}-")));
        assert_eq!(trials.count(), 1, "of {}", endpoint(number));
    }
}

#[test]
#[ignore = "run by its parent test"]
fn child_claims() {
    let Some((child, dir, breakers)) = passed() else { return };
    for number in 0..ENDPOINTS {
        let mut admission = Admission::Closed;
        breakers.update(&endpoint(number), &mut |breaker| {
            admission = breaker.admit(at(1000));
            if admission == Admission::Trial { breaker.trying(at(1000)) } else { breaker }
        });
        if admission == Admission::Trial {
            fs::write(dir.join(format!("trial-{number}-{child}")), "").expect("written");
        }
    }
}
