//! Many processes, and processes that are killed.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests touch files as a neighbour does")]

mod rig;

use std::os::unix::process::ExitStatusExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rig::{Reaped, Rig, WAIT, child, eventually, key, names, passed, record};
use rustix::process::{Signal, getpid, kill_process};
use unlapse_core::{Grant, Key, Now, Place, Record, Secret, StoreError};
use unlapse_store::{FileStore, WatchedDisk};

#[test]
fn r1_eight_processes_lose_no_update() {
    let rig = Rig::new();
    let children: Vec<_> = (0..8)
        .map(|_| Reaped(child("child_increments", rig.root.path(), "25").spawn().expect("spawned")))
        .collect();
    for mut child in children {
        assert!(child.0.wait().expect("waited").success());
    }
    let found = rig.store().read(&key()).expect("read").expect("a record");
    assert_eq!((found.record, found.place), (record(200), Place::Kept));
}

#[test]
#[ignore = "run by its parent test"]
fn child_increments() {
    let Some((root, times)) = passed() else { return };
    let store = rig::store(&root);
    for _ in 0..times.parse::<u32>().expect("a number") {
        let lease = store.lock(&key(), WAIT).expect("the lease");
        let generation = lease.read().expect("read").map_or(0, |found| found.record.generation);
        lease.write(&record(generation + 1)).expect("written");
    }
}

#[test]
fn c6_a_killed_holder_is_named_before_and_frees_the_lease_at_once() {
    let rig = Rig::new();
    let store = rig.store();
    let mut holder = Reaped(child("child_holds", rig.root.path(), "").spawn().expect("spawned"));
    eventually("the child holds the lease", || store.holding(&key()).is_some());

    let started = Instant::now();
    let busy = store.lock(&key(), Duration::from_millis(300)).map(|_| ()).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5), "C6: the wait is bounded");
    let StoreError::Busy { holder: Some(named), .. } = busy else { panic!("C6: {busy}") };
    assert_eq!(named.pid, holder.0.id());
    assert_eq!(store.read(&key()), Ok(None), "R1: a reader is not in anybody's way");

    holder.0.kill().expect("killed");
    holder.0.wait().expect("reaped");
    assert_eq!(store.holding(&key()), None);
    store.lock(&key(), Duration::ZERO).expect("R20: the kernel has freed it");
}

#[test]
#[ignore = "run by its parent test"]
fn child_holds() {
    let Some((root, _)) = passed() else { return };
    let _lease = rig::store(&root).lock(&key(), WAIT).expect("the lease");
    std::thread::sleep(WAIT);
}

/// What a child is killed in, and what may be found afterwards.
struct Scenario {
    name: &'static str,
    before: fn(&FileStore),
    old: fn() -> Option<Record>,
    new: fn() -> Option<Record>,
}

fn intent() -> Record {
    record(1).intend(Now::default(), false)
}

fn answer() -> Record {
    intent().granted(Grant::bearer(Secret::new("the answer")), Now::default())
}

fn write(store: &FileStore, record: &Record) {
    store.lock(&key(), WAIT).expect("the lease").write(record).expect("written");
}

const SCENARIOS: [Scenario; 6] = [
    Scenario { name: "first", before: |_| {}, old: || None, new: || Some(record(1)) },
    Scenario {
        name: "replace",
        before: |store| write(store, &record(1)),
        old: || Some(record(1)),
        new: || Some(record(2)),
    },
    Scenario {
        name: "intent",
        before: |store| write(store, &record(1)),
        old: || Some(record(1)),
        new: || Some(intent()),
    },
    Scenario {
        name: "answer",
        before: |store| write(store, &intent()),
        old: || Some(intent()),
        new: || Some(answer()),
    },
    Scenario {
        name: "aside",
        before: |store| write(store, &record(1)),
        old: || Some(record(1)),
        new: || Some(record(2)),
    },
    Scenario {
        name: "supersede",
        before: |store| {
            let lease = store.lock(&key(), WAIT).expect("the lease");
            lease.put_aside(&record(1)).expect("set aside");
        },
        old: || Some(record(1)),
        new: || Some(record(2)),
    },
];

#[test]
fn x2_killed_at_every_step_the_record_is_the_old_or_the_new() {
    for scenario in &SCENARIOS {
        let mut kills = 0;
        for step in 0.. {
            let rig = Rig::new();
            let store = rig.store();
            (scenario.before)(&store);
            let arg = format!("{} {step}", scenario.name);
            let status = child("child_dies_at_a_step", rig.root.path(), &arg).status();
            let status = status.expect("run");
            let finished = status.success();

            let found = store.read(&key()).expect("whole").map(|stored| stored.record);
            let (old, new) = ((scenario.old)(), (scenario.new)());
            let name = scenario.name;
            if finished {
                assert_eq!(found, new, "{name}: done when it returns");
            } else {
                assert!(found == old || found == new, "{name}, killed at {step}: {found:?}");
            }
            write(&store, &record(9));
            let after = store.read(&key()).expect("read").expect("a record");
            assert_eq!((after.record, after.place), (record(9), Place::Kept));
            let mut left = names(&rig.dir(), "");
            left.retain(|path| path.to_string_lossy().contains(".tmp-"));
            assert!(left.is_empty(), "{name}, killed at {step}: {left:?}");
            if finished {
                break;
            }
            assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "{name}, at {step}: {status}");
            kills += 1;
        }
        assert!(kills >= 5, "{}: {kills} steps are too few to prove much", scenario.name);
    }
}

#[test]
#[ignore = "run by its parent test"]
fn child_dies_at_a_step() {
    let Some((root, arg)) = passed() else { return };
    let (name, step) = arg.split_once(' ').expect("a scenario and a step");
    let last: usize = step.parse().expect("a number");
    let steps = AtomicUsize::new(0);
    let disk = WatchedDisk::new(move |_| {
        if steps.fetch_add(1, Ordering::SeqCst) == last {
            kill_process(getpid(), Signal::KILL)?;
        }
        Ok(())
    });
    let lease = rig::store(&root).disk(Arc::new(disk)).lock(&key(), WAIT).expect("the lease");
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name).expect("a scenario");
    let new = (scenario.new)().expect("a record");
    if name == "aside" {
        lease.put_aside(&new).expect("set aside");
    } else {
        lease.write(&new).expect("written");
    }
}

#[test]
fn x2_killed_while_removing_nothing_older_comes_back() {
    let mut kills = 0;
    for step in 0.. {
        let rig = Rig::new();
        let store = rig.store();
        let lease = store.lock(&key(), WAIT).expect("the lease");
        lease.put_aside(&record(1)).expect("set aside");
        lease.write(&intent()).expect("written");
        lease.put_aside(&record(1)).expect("set aside");
        drop(lease);
        let arg = step.to_string();
        let status = child("child_dies_removing", rig.root.path(), &arg).status().expect("run");
        let found = store.read(&key()).expect("whole").map(|stored| stored.record);
        if status.success() {
            assert_eq!(found, None);
            assert!(names(&rig.dir(), ".reserve").is_empty());
            break;
        }
        assert!(found.is_none() || found == Some(intent()), "killed at {step}: {found:?}");
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "at {step}: {status}");
        kills += 1;
    }
    assert!(kills >= 5, "{kills} steps are too few to prove much");
}

#[test]
#[ignore = "run by its parent test"]
fn child_dies_removing() {
    let Some((root, step)) = passed() else { return };
    let last: usize = step.parse().expect("a number");
    let steps = AtomicUsize::new(0);
    let disk = WatchedDisk::new(move |_| {
        if steps.fetch_add(1, Ordering::SeqCst) == last {
            kill_process(getpid(), Signal::KILL)?;
        }
        Ok(())
    });
    let lease = rig::store(&root).disk(Arc::new(disk)).lock(&key(), WAIT).expect("the lease");
    lease.delete().expect("removed");
}

#[test]
fn c2_sixteen_processes_make_one_key_file() {
    let rig = Rig::new();
    let children: Vec<_> = (0..16)
        .map(|number| {
            let mut command = child("child_seals_first", rig.root.path(), &number.to_string());
            Reaped(command.spawn().expect("spawned"))
        })
        .collect();
    // All of them are there, with no key, before any may begin.
    eventually("the children are ready", || names(rig.root.path(), ".ready").len() == 16);
    std::fs::write(rig.root.path().join("go"), "").expect("written");
    for mut child in children {
        assert!(child.0.wait().expect("waited").success());
    }
    let store = rig.store();
    for number in 0..16 {
        let found = store.read(&Key::new(number.to_string())).expect("opens").expect("a record");
        assert_eq!(found.record, record(number));
    }
    assert_eq!(names(&rig.root.path().join("keys"), "").len(), 1, "and nothing else is left");
}

#[test]
#[ignore = "run by its parent test"]
fn child_seals_first() {
    let Some((root, number)) = passed() else { return };
    let lease = rig::store(&root).lock(&Key::new(&*number), WAIT).expect("the lease");
    std::fs::write(root.join(format!("{number}.ready")), "").expect("written");
    eventually("the parent says go", || root.join("go").exists());
    lease.write(&record(number.parse().expect("a number"))).expect("written");
}
