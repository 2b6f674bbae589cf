//! Programs are heard, killed, and never outlive their test.

use unlapse_example_stage::{Desk, Program, eventually};

fn shell() -> Desk {
    Desk::new("/bin/sh")
}

#[test]
fn a_program_sees_its_own_environment_and_nothing_of_the_machine() {
    let mut desk = shell().env("SERVER", "one");
    desk.set("SERVER", "two");
    let run = desk.run(&["-c", "echo $SERVER; pwd; echo $HOME; cat"]).ok();
    let root = desk.root().canonicalize().expect("it is there");
    let (work, home) = (root.join("work"), desk.root().join("home"));
    assert_eq!(run.stdout, format!("two\n{}\n{}\n", work.display(), home.display()));
    assert_eq!(desk.run_with(&["-c", "cat"], "typed\n").ok().stdout, "typed\n");
    desk.unset("SERVER");
    let env = desk.run(&["-c", "env"]).ok().stdout;
    assert!(!env.contains("SERVER=") && !env.contains("CARGO"), "{env}");
}

#[test]
fn how_it_ended_is_told() {
    let run = shell().run(&["-c", "echo out; echo the reason >&2; exit 3"]).failed(3, "the reason");
    assert_eq!((run.stdout.as_str(), run.signal), ("out\n", None));
    let mut running = shell().start(&["-c", "echo 1; echo 2; echo 3; while :; do sleep 1; done"]);
    assert_eq!(running.line("2"), "2");
    assert_eq!(running.line("3"), "3", "each line is read once, in order");
    let run = running.kill();
    assert_eq!((run.code, run.signal), (None, Some(9)), "{run}");
    let mut running = shell().start(&["-c", "trap 'exit 7' INT; echo up; while :; do :; done"]);
    running.line("up");
    assert_eq!(running.interrupt().code, Some(7));
}

#[test]
#[should_panic(expected = "it never said")]
fn a_line_that_never_comes_is_not_waited_for_beyond_the_end() {
    shell().start(&["-c", "echo something else"]).line("what was hoped for");
}

#[test]
fn a_program_ends_with_its_owner() {
    let desk = shell();
    let mut running: Program = desk.start(&["-c", "echo up; while :; do sleep 1; done"]);
    running.line("up");
    let proc = std::path::PathBuf::from(format!("/proc/{}", running.id()));
    assert!(proc.exists());
    drop(running);
    eventually("it is gone", || !proc.exists());
    let root = desk.root().to_owned();
    drop(desk);
    assert!(!root.exists());
}
