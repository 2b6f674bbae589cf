//! Nodes that are processes: many at once, killed, and stopped past their lease.

use std::io::{BufRead as _, BufReader};
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use unlapse_core::{Place as Lies, Store as _, StoreError};
use unlapse_store::sql::{SqlOptions, SqlStore};

use crate::children::{Reaped, child, passed};
use crate::place::Place;
use crate::rig::{WAIT, key, node, node_of, open, record};

/// Short, for tests that wait for it; long enough that a busy machine signs in time.
const ALIVE: Duration = Duration::from_secs(3);

fn options() -> SqlOptions {
    SqlOptions { alive: ALIVE, ..SqlOptions::default() }
}

fn spawn(name: &str, place: &Place, arg: &str) -> Reaped {
    let name = format!("processes::{name}");
    let mut command = child(&name, place.folder(), &format!("{arg} {}", place.url));
    Reaped(command.stdin(std::process::Stdio::piped()).spawn().expect("spawned"))
}

/// In a child: its argument, and its node. `None` when it was started by hand.
async fn child_node(options: SqlOptions) -> Option<(String, SqlStore)> {
    let (folder, arg) = passed()?;
    let (arg, url) = arg.split_once(' ').expect("an argument and a URL");
    Some((arg.to_owned(), node_of(open(url).await, &folder, options).await))
}

/// Tells the parent.
#[expect(clippy::print_stdout, reason = "it is the parent that reads it")]
fn say(word: &str) {
    println!("\n{word}");
}

/// Waits for the parent.
fn told() {
    let mut line = String::new();
    let _ = std::io::stdin().read_line(&mut line);
}

/// What a child says next, of what it says to us.
struct Heard(std::io::Lines<BufReader<std::process::ChildStdout>>);

impl Heard {
    fn of(child: &mut Child) -> Self {
        Self(BufReader::new(child.stdout.take().expect("piped")).lines())
    }

    fn expect(&mut self, word: &str) {
        let found = self.0.by_ref().map_while(Result::ok).any(|line| line == word);
        assert!(found, "the child never says {word}");
    }
}

fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process");
    kill_process(pid, signal).expect("signalled");
}

fn tell(child: &mut Child) {
    use std::io::Write as _;
    let input = child.stdin.as_mut().expect("piped");
    input.write_all(b"go\n").expect("told");
}

#[test]
fn r1_six_processes_lose_no_update() {
    for place in Place::each() {
        let children: Vec<_> = (0..6).map(|_| spawn("child_increments", &place, "10")).collect();
        for mut child in children {
            let mut heard = Heard::of(&mut child.0);
            heard.expect("done");
            assert!(child.0.wait().expect("waited").success());
        }
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let found = runtime.block_on(async { node(&place).await.load(&key()).await });
        let found = found.expect("loaded").expect("a record");
        assert_eq!((found.record, found.place), (record(60), Lies::Kept));
    }
}

#[tokio::test]
#[ignore = "run by its parent test"]
async fn child_increments() {
    let Some((times, store)) = child_node(options()).await else { return };
    for _ in 0..times.parse::<u32>().expect("a number") {
        let mut lease = store.lease(&key(), 4 * WAIT).await.expect("the lease");
        let generation =
            lease.load().await.expect("read").map_or(0, |found| found.record.generation);
        lease.save(&record(generation + 1)).await.expect("saved");
    }
    store.settle().await;
    say("done");
}

#[tokio::test]
async fn r20_a_killed_holder_is_named_and_its_lease_is_free_when_its_sign_of_life_has_run_out() {
    for place in Place::each() {
        let store = node(&place).await;
        let mut holder = spawn("child_holds", &place, "-");
        Heard::of(&mut holder.0).expect("holding");
        match store.lease(&key(), Duration::from_millis(200)).await.map(drop) {
            Err(StoreError::Busy { holder: Some(named), .. }) => {
                assert_eq!(named.pid, holder.0.id(), "C6");
            }
            other => panic!("C6: {other:?}"),
        }
        assert_eq!(
            store.load(&key()).await.map(|found| found.is_some()),
            Ok(true),
            "R1: read by all"
        );
        // Alive for longer than its first sign was good for.
        tokio::time::sleep(ALIVE + ALIVE / 2).await;
        let busy = store.lease(&key(), Duration::ZERO).await.map(drop);
        assert!(matches!(busy, Err(StoreError::Busy { .. })), "it gives signs of life: {busy:?}");
        holder.0.kill().expect("killed");
        holder.0.wait().expect("reaped");
        let killed = Instant::now();
        let mut lease = store.lease(&key(), WAIT).await.expect("R20: free");
        println!("free {:?} after the kill", killed.elapsed());
        let found = lease.load().await.expect("read").expect("a record").record;
        assert_eq!(found, record(7));
        lease.save(&record(8)).await.expect("saved");
    }
}

#[tokio::test]
#[ignore = "run by its parent test"]
async fn child_holds() {
    let Some((_, store)) = child_node(options()).await else { return };
    let mut lease = store.lease(&key(), WAIT).await.expect("the lease");
    lease.save(&record(7)).await.expect("saved");
    say("holding");
    tokio::time::sleep(10 * WAIT).await;
}

#[tokio::test]
async fn r19_a_holder_that_was_stopped_past_its_lease_is_fenced_and_its_answer_is_found() {
    for place in Place::each() {
        let store = node(&place).await;
        let mut holder = spawn("child_wakes_too_late", &place, "-");
        let mut heard = Heard::of(&mut holder.0);
        heard.expect("holding");
        signal(&holder.0, Signal::STOP);
        let mut lease = store.lease(&key(), WAIT).await.expect("free while it is stopped");
        lease.save(&record(2)).await.expect("saved");
        // It goes on, and gives signs of life again: the lease is lost all the same.
        signal(&holder.0, Signal::CONT);
        tell(&mut holder.0);
        heard.expect("fenced");
        assert_eq!(lease.load().await.expect("read").expect("a record").record, record(2));
        tell(&mut holder.0);
        heard.expect("set aside");
        drop(lease);
        let mut next = store.lease(&key(), WAIT).await.expect("free");
        let found = next.load().await.expect("read").expect("a record");
        assert_eq!((found.record, found.place), (record(3), Lies::SetAside), "R19");
        holder.0.kill().expect("killed");
    }
}

#[tokio::test]
#[ignore = "run by its parent test"]
async fn child_wakes_too_late() {
    let Some((_, store)) = child_node(options()).await else { return };
    let mut lease = store.lease(&key(), WAIT).await.expect("the lease");
    lease.save(&record(1)).await.expect("saved");
    say("holding");
    tokio::task::spawn_blocking(told).await.expect("told");
    // What is written under the lease, whatever it is.
    assert_eq!(lease.save(&record(9)).await, Err(StoreError::Fenced));
    assert_eq!(lease.remove().await, Err(StoreError::Fenced));
    say("fenced");
    tokio::task::spawn_blocking(told).await.expect("told");
    lease.set_aside(&record(3)).await.expect("needs no lease");
    say("set aside");
    tokio::time::sleep(10 * WAIT).await;
}
