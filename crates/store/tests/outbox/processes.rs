//! Many processes, and processes that are killed.

use std::os::unix::process::ExitStatusExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Signal, getpid, kill_process};
use unlapse_core::UnixTime;
use unlapse_core::outbox::{OutboxError, Progress};
use unlapse_store::WatchedDisk;
use unlapse_store::conformance::outbox::request;

use crate::rig::{Reaped, Rig, WAIT, child, eventually, names, passed};
use crate::{ids, outbox};

#[test]
fn k12_eight_processes_put_in_at_once_and_nothing_is_lost_or_shared() {
    let rig = Rig::new();
    let children: Vec<_> = (0..8)
        .map(|number| {
            let mut command =
                child("processes::child_puts_in", rig.root.path(), &number.to_string());
            Reaped(command.spawn().expect("spawned"))
        })
        .collect();
    for mut child in children {
        assert!(child.0.wait().expect("waited").success());
    }
    let outbox = outbox(rig.root.path());
    let contents = outbox.contents().expect("listed");
    let numbers: Vec<_> = contents.entries.iter().map(|entry| entry.id.number).collect();
    assert_eq!(numbers, (1..=80).collect::<Vec<_>>(), "each its own place");
    let mut keys: Vec<_> = contents.entries.iter().map(|entry| &entry.idempotency_key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 80, "each its own key");
    let sender = outbox.lock_sender(WAIT).expect("the right");
    for number in 0..8_u8 {
        let ours = contents.entries.iter().filter(|it| it.key.server == number.to_string());
        let bodies: Vec<_> = ours
            .map(|it| sender.read(it.id).expect("read").expect("there").message.body[0])
            .collect();
        assert_eq!(bodies, (0..10).collect::<Vec<_>>(), "in the order of process {number}");
    }
}

#[test]
#[ignore = "run by its parent test"]
fn child_puts_in() {
    let Some((root, number)) = passed() else { return };
    for index in 0..10 {
        outbox(&root).put(request(&number, &[index])).expect("put in");
    }
}

#[test]
fn k12_a_killed_sender_is_named_before_and_gives_up_its_right_at_once() {
    let rig = Rig::new();
    let outbox = outbox(rig.root.path());
    outbox.put(request("acme", b"1")).expect("put in");
    let mut command = child("processes::child_sends", rig.root.path(), "");
    let mut holder = Reaped(command.spawn().expect("spawned"));
    eventually("the child may send", || {
        matches!(outbox.lock_sender(Duration::ZERO), Err(OutboxError::Busy { .. }))
    });
    let started = Instant::now();
    let busy = outbox.lock_sender(Duration::from_millis(300)).map(|_| ()).expect_err("busy");
    assert!(started.elapsed() < Duration::from_secs(5), "the wait is bounded");
    let OutboxError::Busy { holder: Some(named) } = busy else { panic!("{busy}") };
    assert_eq!(named.pid, holder.0.id());
    holder.0.kill().expect("killed");
    holder.0.wait().expect("reaped");
    outbox.lock_sender(Duration::ZERO).expect("the kernel has freed it");
}

#[test]
#[ignore = "run by its parent test"]
fn child_sends() {
    let Some((root, _)) = passed() else { return };
    let _sender = outbox(&root).lock_sender(WAIT).expect("the right");
    std::thread::sleep(WAIT);
}

fn begun() -> Progress {
    Progress::default().begun(UnixTime::from_secs(1))
}

#[test]
fn k12_killed_at_every_step_an_entry_is_there_whole_or_not_at_all() {
    for change in ["put", "save", "remove"] {
        let mut kills = 0;
        for step in 0.. {
            let rig = Rig::new();
            let outbox = outbox(rig.root.path());
            let first = outbox.put(request("acme", b"1")).expect("put in").id;
            let arg = format!("{change} {step}");
            let mut command = child("processes::child_dies_at_a_step", rig.root.path(), &arg);
            let status = command.status().expect("run");
            let at = format!("{change}, killed at {step}");

            let contents = outbox.contents().expect("listed");
            assert!(contents.unreadable.is_empty(), "{at}: {contents:?}");
            let sender = outbox.lock_sender(WAIT).expect("the right");
            let found = sender.read(first).expect("whole");
            let progress = found.as_ref().map(|entry| entry.progress);
            let new = match change {
                "put" => {
                    assert_eq!(progress, Some(Progress::default()), "{at}");
                    let second = contents.entries.get(1).map(|entry| entry.id);
                    if let Some(second) = second {
                        let entry = sender.read(second).expect("whole").expect("there");
                        assert_eq!(&**entry.message.body, &[7_u8; 5000], "{at}");
                    }
                    second.is_some()
                }
                "save" => {
                    assert!(progress == Some(begun()) || progress == Some(Progress::default()));
                    progress == Some(begun())
                }
                _ => {
                    assert!(found.is_none() || progress == Some(Progress::default()), "{at}");
                    found.is_none()
                }
            };
            let next = outbox.put(request("acme", b"2")).expect("put in").id;
            assert_eq!(ids(&outbox.contents().expect("listed")).last(), Some(&next), "{at}");
            let mut left = names(outbox.dir(), "");
            left.retain(|path| path.to_string_lossy().contains(".tmp-"));
            assert!(left.is_empty(), "{at}: {left:?}");
            if status.success() {
                assert!(new, "{change}: done when it returns");
                break;
            }
            assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "{at}: {status}");
            kills += 1;
        }
        assert!(kills >= 4, "{change}: {kills} steps are too few to prove much");
    }
}

#[test]
#[ignore = "run by its parent test"]
fn child_dies_at_a_step() {
    let Some((root, arg)) = passed() else { return };
    let (change, step) = arg.split_once(' ').expect("a change and a step");
    let last: usize = step.parse().expect("a number");
    let steps = AtomicUsize::new(0);
    let disk = WatchedDisk::new(move |_| {
        if steps.fetch_add(1, Ordering::SeqCst) == last {
            kill_process(getpid(), Signal::KILL)?;
        }
        Ok(())
    });
    let outbox = outbox(&root).disk(Arc::new(disk));
    let first = ids(&outbox.contents().expect("listed"))[0];
    match change {
        "put" => drop(outbox.put(request("acme", &[7; 5000])).expect("put in")),
        "save" => {
            outbox.lock_sender(WAIT).expect("the right").write(first, begun()).expect("written");
        }
        _ => outbox.lock_sender(WAIT).expect("the right").delete(first).expect("removed"),
    }
}
