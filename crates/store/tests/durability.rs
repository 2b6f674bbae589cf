//! The order of effects on the disk, and what becomes of a record when one of them fails.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests touch files as a neighbour does")]

mod rig;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rig::{Rig, WAIT, key, names, record};
use rustix::io::Errno;
use unlapse_core::{Grant, Now, Place, Record, Secret, StoreError};
use unlapse_store::{DiskOperation as Op, DiskStep, FileLease, FileStore, WatchedDisk};

fn intent() -> Record {
    record(1).intend(Now::default(), false)
}

fn answer() -> Record {
    intent().granted(Grant::bearer(Secret::new("the answer")), Now::default())
}

/// What `run` does to the disk, each file by what its name ends in.
fn recorded(rig: &Rig, run: impl FnOnce(&FileLease)) -> Vec<(Op, String)> {
    let steps = Arc::new(Mutex::new(Vec::new()));
    let watched = Arc::clone(&steps);
    let disk = WatchedDisk::new(move |step: &DiskStep| {
        watched.lock().expect("no panic before").push(step.clone());
        Ok(())
    });
    let lease = rig.store().disk(Arc::new(disk)).lock(&key(), WAIT).expect("the lease");
    steps.lock().expect("no panic before").clear();
    run(&lease);
    let steps = steps.lock().expect("no panic before");
    steps.iter().map(|step| (step.operation, kind(&step.path))).collect()
}

fn kind(path: &Path) -> String {
    let name = path.file_name().expect("a name").to_string_lossy();
    match name.split_once(".tmp-") {
        Some((_, _)) => "tmp".to_owned(),
        None => name.rsplit_once('.').map_or(&*name, |(_, end)| end).to_owned(),
    }
}

fn steps(text: &[(Op, &str)]) -> Vec<(Op, String)> {
    text.iter().map(|(op, name)| (*op, (*name).to_owned())).collect()
}

#[test]
fn c5_a_record_is_whole_and_durable_before_it_takes_its_place_and_after() {
    let rig = Rig::new();
    let seen = recorded(&rig, |lease| lease.write(&record(1)).expect("written"));
    let expected = [
        (Op::Create, "tmp"),
        (Op::Write, "tmp"),
        (Op::Write, "tmp"),
        (Op::Sync, "tmp"),
        (Op::Rename, "token"),
        (Op::SyncDir, "store"),
    ];
    assert_eq!(seen, steps(&expected));
}

#[test]
fn r3_room_is_durable_before_the_intent_and_the_answer_takes_no_more() {
    let rig = Rig::new();
    let seen = recorded(&rig, |lease| lease.write(&intent()).expect("written"));
    let expected = [
        (Op::Remove, "reserve"),
        (Op::Create, "reserve"),
        (Op::Allocate, "reserve"),
        (Op::Sync, "reserve"),
        (Op::Create, "tmp"),
        (Op::Write, "tmp"),
        (Op::Write, "tmp"),
        (Op::Sync, "tmp"),
        (Op::Rename, "token"),
        (Op::SyncDir, "store"),
    ];
    assert_eq!(seen, steps(&expected));
    let reserve = std::fs::metadata(rig::only(&rig.dir(), ".reserve")).expect("there");
    assert_eq!(reserve.len(), 64 * 1024);

    let again = recorded(&rig, |lease| lease.write(&intent()).expect("written"));
    assert!(!again.iter().any(|(_, name)| name == "reserve"), "room that is there is kept");

    let seen = recorded(&rig, |lease| lease.write(&answer()).expect("written"));
    let expected = [
        (Op::OpenWritable, "reserve"),
        (Op::Write, "reserve"),
        (Op::Write, "reserve"),
        (Op::Truncate, "reserve"),
        (Op::Sync, "reserve"),
        (Op::Rename, "token"),
        (Op::SyncDir, "store"),
    ];
    assert_eq!(seen, steps(&expected));
    assert!(names(&rig.dir(), ".reserve").is_empty(), "the room has become the record");
}

#[test]
fn r5_a_superseded_copy_goes_only_after_the_record_is_durable() {
    let rig = Rig::new();
    let seen = recorded(&rig, |lease| {
        lease.put_aside(&record(1)).expect("set aside");
        lease.write(&record(1)).expect("written");
    });
    let expected = [
        (Op::Create, "tmp"),
        (Op::Write, "tmp"),
        (Op::Write, "tmp"),
        (Op::Sync, "tmp"),
        (Op::Rename, "aside"),
        (Op::SyncDir, "store"),
        (Op::Create, "tmp"),
        (Op::Write, "tmp"),
        (Op::Write, "tmp"),
        (Op::Sync, "tmp"),
        (Op::Rename, "token"),
        (Op::SyncDir, "store"),
        (Op::Remove, "aside"),
    ];
    assert_eq!(seen, steps(&expected));
}

/// The store, and a disk whose `k`-th effect from now on fails with `errno`; how many there were.
fn failing(rig: &Rig, k: usize, errno: Errno) -> (FileStore, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let steps = Arc::clone(&count);
    let disk = WatchedDisk::new(move |_| match steps.fetch_add(1, Ordering::SeqCst) {
        step if step == k => Err(io::Error::from(errno)),
        _ => Ok(()),
    });
    (rig.store().disk(Arc::new(disk)), count)
}

#[test]
fn x2_whichever_effect_fails_the_record_is_the_old_or_the_new_and_no_failure_is_hidden() {
    let cases: [(&str, Record, Record); 3] = [
        ("replace", record(1), record(2)),
        ("intent", record(1), intent()),
        ("answer", intent(), answer()),
    ];
    for (name, old, new) in cases {
        for errno in [Errno::NOSPC, Errno::IO, Errno::ROFS] {
            for k in 0.. {
                let rig = Rig::new();
                let healthy = rig.store();
                healthy.lock(&key(), WAIT).expect("free").write(&old).expect("written");
                let (store, count) = failing(&rig, k, errno);
                let saved = store.lock(&key(), WAIT).and_then(|lease| lease.write(&new));
                let found = healthy.read(&key()).expect("whole").expect("a record").record;
                match &saved {
                    Ok(()) => assert_eq!(found, new, "{name} {errno:?} {k}"),
                    Err(_) => assert!(found == old || found == new, "{name} {errno:?} {k}"),
                }
                if let Err(StoreError::Fenced | StoreError::Damaged { .. }) = &saved {
                    panic!("{name} {errno:?} {k}: {saved:?} says the wrong thing");
                }
                healthy.lock(&key(), WAIT).expect("free").write(&record(9)).expect("writable");
                if count.load(Ordering::SeqCst) <= k {
                    assert_eq!(saved, Ok(()));
                    break;
                }
            }
        }
    }
}

#[test]
fn c5_a_directory_that_cannot_be_synced_is_a_failure() {
    let rig = Rig::new();
    let disk = WatchedDisk::new(|step: &DiskStep| match step.operation {
        Op::SyncDir if step.path.ends_with("store") => Err(Errno::IO.into()),
        _ => Ok(()),
    });
    let lease = rig.store().disk(Arc::new(disk)).lock(&key(), WAIT).expect("the lease");
    assert!(matches!(lease.write(&record(1)), Err(StoreError::Io { .. })));
}

#[test]
fn r19_nothing_is_saved_when_the_lock_file_is_not_ours_any_more() {
    let rig = Rig::new();
    let store = rig.store();
    let lost = store.lock(&key(), WAIT).expect("the lease");
    std::fs::remove_dir_all(rig.dir()).expect("removed by somebody");
    assert_eq!(lost.write(&record(1)), Err(StoreError::Fenced));
    let now = store.lock(&key(), WAIT).expect("the lease on the new lock file");
    now.write(&record(2)).expect("written");
    assert_eq!(lost.write(&record(1)), Err(StoreError::Fenced));
    assert_eq!(lost.delete(), Err(StoreError::Fenced));
    lost.put_aside(&record(3)).expect("its answer is not lost");
    let found = now.read().expect("read").expect("a record");
    assert_eq!((found.record, found.place), (record(3), Place::SetAside));
}

#[test]
fn r3_a_torn_room_is_made_again() {
    let rig = Rig::new();
    let store = rig.store();
    let lease = store.lock(&key(), WAIT).expect("the lease");
    lease.write(&intent()).expect("written");
    let reserve = rig::only(&rig.dir(), ".reserve");
    for torn in ["a torn answer", ""] {
        std::fs::write(&reserve, torn).expect("written");
        lease.write(&intent()).expect("written");
        assert_eq!(std::fs::metadata(&reserve).expect("there").len(), 64 * 1024);
    }
    // A hole of the right length has no blocks, and is no room.
    std::fs::write(&reserve, "").expect("written");
    let file = std::fs::File::options().write(true).open(&reserve).expect("opened");
    file.set_len(64 * 1024).expect("stretched");
    lease.write(&intent()).expect("written");
    let blocks = std::os::unix::fs::MetadataExt::blocks(&reserve.metadata().expect("there"));
    assert!(blocks >= 128);
    std::fs::remove_file(&reserve).expect("removed by somebody");
    lease.write(&answer()).expect("written without it");
    assert_eq!(lease.read().expect("read").expect("a record").record, answer());
}
