//! Processes that are killed at each step of putting in and of sending.
//!
//! The promise: nothing that was put in is lost, and a server that honours idempotency keys acts once
//! on each, in order.

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::{Signal, getpid, kill_process};
use unlapse_store::WatchedDisk;

use super::server::Fault;
use super::side::{Side, policy, process};

/// This test binary again, as a process that does `what` and dies before its `step`th effect on the
/// outbox's disk.
fn child(side: &Side, what: &str, step: usize) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "kills::child_works", "--nocapture", "--ignored", "--test-threads=1"])
        .env("OUTBOX_ROOT", side.root.path())
        .env("OUTBOX_ORIGIN", &side.server.origin)
        .env("OUTBOX_WHAT", what)
        .env("OUTBOX_STEP", step.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

#[tokio::test]
#[ignore = "run by its parent test"]
async fn child_works() {
    let variable = |name| std::env::var(name).ok();
    let Some(origin) = variable("OUTBOX_ORIGIN") else { return };
    let root = PathBuf::from(variable("OUTBOX_ROOT").unwrap());
    let last: usize = variable("OUTBOX_STEP").unwrap().parse().unwrap();
    let steps = AtomicUsize::new(0);
    let disk = WatchedDisk::new(move |_| {
        if steps.fetch_add(1, Ordering::SeqCst) == last {
            kill_process(getpid(), Signal::KILL)?;
        }
        Ok(())
    });
    let process = process(&root, &origin, "cid", Arc::new(disk), policy()).await;
    if variable("OUTBOX_WHAT").unwrap() == "push" {
        process.push("3").await;
    } else {
        process.outbox.flush().await.unwrap();
    }
}

#[tokio::test]
async fn k12_killed_at_every_step_of_sending_each_is_acted_upon_once_in_order() {
    let (mut kills, mut repeated) = (0, 0);
    for step in 0.. {
        let side = Side::open().await;
        let before = side.process().await;
        for number in 1..=3 {
            before.push(&number.to_string()).await;
        }
        let status = child(&side, "flush", step).status().unwrap();
        let (done, left) = (side.server.done(), side.left().await);
        assert!(done.len() + left.len() >= 3, "killed at {step}: {done:?}, {left:?}");
        side.process().await.outbox.flush().await.unwrap();
        assert_eq!(side.server.done(), ["1", "2", "3"], "killed at {step}");
        assert!(side.left().await.is_empty(), "killed at {step}");
        repeated += side.server.seen().len() - 3;
        if status.success() {
            break;
        }
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "at {step}: {status}");
        kills += 1;
    }
    assert!(kills >= 20, "{kills} steps are too few to prove much");
    assert!(repeated >= 3, "some died between the server's deed and their own knowledge of it");
}

#[tokio::test]
async fn k12_killed_at_every_step_of_putting_in_it_is_there_whole_or_not_at_all() {
    let (mut kills, mut kept) = (0, 0);
    for step in 0.. {
        let side = Side::open().await;
        let before = side.process().await;
        before.push("1").await;
        before.push("2").await;
        let status = child(&side, "push", step).status().unwrap();
        let is_kept = side.left().await.len() == 3;
        side.process().await.outbox.flush().await.unwrap();
        let expected: &[&str] = if is_kept { &["1", "2", "3"] } else { &["1", "2"] };
        assert_eq!(side.server.done(), expected, "killed at {step}");
        if status.success() {
            assert!(is_kept, "durable when it returns");
            break;
        }
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "at {step}: {status}");
        kills += 1;
        kept += u32::from(is_kept);
    }
    assert!(kills >= 5, "{kills} steps are too few to prove much");
    assert!(kept >= 1, "one died after it was durable and before it was told");
}

#[tokio::test]
async fn k12_killed_while_the_server_has_the_request() {
    for fault in [Fault::Kill, Fault::ActThenKill] {
        let side = Side::open().await;
        let before = side.process().await;
        before.push("1").await;
        before.push("2").await;
        // Twice in a row, for good measure.
        for _ in 0..2 {
            side.server.fault(fault.clone());
            let mut running = child(&side, "flush", usize::MAX).spawn().unwrap();
            side.server.aim(running.id());
            let status = running.wait().unwrap();
            assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "{fault:?}: {status}");
            let first = &side.left().await[0];
            assert!(first.progress.doubt_since.is_some(), "{fault:?}: the next knows");
        }
        assert_eq!(side.left().await[0].progress.attempts, 2, "{fault:?}");
        side.process().await.outbox.flush().await.unwrap();
        assert_eq!(side.server.done(), ["1", "2"], "{fault:?}");
        assert!(side.left().await.is_empty());
    }
}
