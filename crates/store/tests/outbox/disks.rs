//! Disks that fail at each step.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::io::Errno;
use unlapse_core::StoreError;
use unlapse_core::outbox::{OutboxError, Progress};
use unlapse_store::conformance::outbox::request;
use unlapse_store::{Disk, DiskOperation as Op, DiskStep, WatchedDisk};

use crate::rig::{Rig, WAIT, names};
use crate::{ids, outbox};

/// A disk whose `k`-th effect fails, and only that one; `steps` counts its effects.
fn failing(k: usize, errno: Errno, steps: &Arc<AtomicUsize>) -> Arc<dyn Disk> {
    let count = Arc::clone(steps);
    Arc::new(WatchedDisk::new(move |_: &DiskStep| {
        let done = count.fetch_add(1, Ordering::SeqCst);
        if done == k { Err(errno.into()) } else { Ok(()) }
    }))
}

#[test]
fn r5_a_disk_that_fails_at_any_step_leaves_nothing_half_queued() {
    let mut failures = 0;
    for k in 0.. {
        let rig = Rig::new();
        let healthy = outbox(rig.root.path());
        let first = healthy.put(request("acme", b"1")).expect("put in").id;
        let steps = Arc::default();
        let disk = failing(k, Errno::NOSPC, &steps);
        let put = outbox(rig.root.path()).disk(disk).put(request("acme", b"2"));
        let left = healthy.contents().expect("listed");
        assert!(left.unreadable.is_empty(), "step {k}: {left:?}");
        match put {
            Ok(summary) => assert_eq!(ids(&left), [first, summary.id], "step {k}"),
            Err(error) => {
                failures += 1;
                assert_eq!(ids(&left), [first], "step {k}: {error}");
                let full = matches!(&error, OutboxError::Store(StoreError::Full { .. }));
                assert!(full, "step {k}: a clear error, not {error}");
            }
        }
        let mut temporary = names(healthy.dir(), "");
        temporary.retain(|path| path.to_string_lossy().contains(".tmp-"));
        assert!(temporary.is_empty(), "step {k}: {temporary:?}");
        if steps.load(Ordering::SeqCst) <= k {
            break;
        }
    }
    assert!(failures >= 4, "{failures} failures are too few to prove much");
}

#[test]
fn r3_progress_that_cannot_be_written_changes_nothing() {
    for k in 0.. {
        let rig = Rig::new();
        let healthy = outbox(rig.root.path());
        let id = healthy.put(request("acme", b"1")).expect("put in").id;
        let steps = Arc::default();
        let disk = failing(k, Errno::NOSPC, &steps);
        let begun = Progress { attempts: 1, ..Progress::default() };
        let saved = match outbox(rig.root.path()).disk(disk).lock_sender(WAIT) {
            Ok(sender) => sender.write(id, begun),
            Err(error) => Err(error),
        };
        let sender = healthy.lock_sender(WAIT).expect("the right");
        let found = sender.read(id).expect("read").expect("it is still there").progress;
        match saved {
            Ok(()) => assert_eq!(found, begun, "step {k}"),
            // Written, and not known to be durable: either may be found.
            Err(_) => assert!(found == begun || found == Progress::default(), "step {k}"),
        }
        if steps.load(Ordering::SeqCst) <= k {
            assert_eq!(found, begun);
            break;
        }
    }
}

#[test]
fn an_entry_is_durable_before_it_is_told() {
    let rig = Rig::new();
    let log = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&log);
    let disk = WatchedDisk::new(move |step: &DiskStep| {
        seen.lock().expect("no panic before").push(step.operation);
        Ok(())
    });
    outbox(rig.root.path()).disk(Arc::new(disk)).put(request("acme", b"1")).expect("put in");
    let log = log.lock().expect("no panic before");
    let last = |wanted| log.iter().rposition(|found| *found == wanted).expect("done");
    assert!(last(Op::Sync) < last(Op::Rename), "its content before its name");
    assert!(last(Op::Rename) < last(Op::SyncDir), "and the name before it is told");
    assert_eq!(last(Op::SyncDir), log.len() - 1);
}
