//! Crashes and failures that somebody hostile would think of.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests touch files as a neighbour does")]

mod rig;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rig::{Rig, WAIT, key, record};
use rustix::io::Errno;
use unlapse_core::{Grant, Now, Record, Secret, StoreError};
use unlapse_store::{DiskOperation as Op, DiskStep, WatchedDisk};

fn intent() -> Record {
    record(1).intend(Now::default(), false)
}

fn answer() -> Record {
    let mut grant = Grant::bearer(Secret::new("the answer"));
    grant.refresh_token = Some(Secret::new("its successor"));
    intent().granted(grant, Now::default())
}

/// The process dies before its `k`-th effect: nothing happens from there on.
#[test]
fn x2_an_answer_that_was_durable_when_its_process_died_is_found() {
    let (mut lost, mut deaths, mut after_sync) = (Vec::new(), 0, 0);
    for k in 0.. {
        let rig = Rig::new();
        let healthy = rig.store();
        healthy.lock(&key(), WAIT).expect("free").write(&intent()).expect("written");
        let (steps, synced) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (count, durable) = (Arc::clone(&steps), Arc::clone(&synced));
        let lease = {
            let disk = WatchedDisk::new(move |step: &DiskStep| {
                let done = count.fetch_add(1, Ordering::SeqCst);
                if done >= k {
                    return Err(io::Error::from(Errno::IO));
                }
                if step.operation == Op::Sync {
                    durable.fetch_add(1, Ordering::SeqCst);
                }
                Ok(())
            });
            rig.store().disk(Arc::new(disk)).lock(&key(), WAIT)
        };
        if let Ok(lease) = lease {
            let _ = lease.write(&answer());
        }
        let next = healthy.lock(&key(), WAIT).expect("free");
        let found = next.read().expect("read").expect("a record").record;
        if synced.load(Ordering::SeqCst) > 0 && found != answer() {
            lost.push(k);
        }
        if steps.load(Ordering::SeqCst) <= k {
            assert_eq!(found, answer());
            break;
        }
        deaths += 1;
        after_sync += usize::from(synced.load(Ordering::SeqCst) > 0);
    }
    assert!(deaths >= 8, "{deaths} deaths are too few to prove much");
    assert!(after_sync >= 1, "none died between the answer's being durable and its place");
    assert_eq!(lost, Vec::<usize>::new(), "durable, and thrown away by the next holder");
}

#[test]
fn k9_nothing_is_left_to_come_back_after_a_logout_that_said_it_worked() {
    let rig = Rig::new();
    let store = rig.store();
    for _ in 0..3 {
        let lease = store.lock(&key(), WAIT).expect("free");
        lease.write(&intent()).expect("written");
        lease.put_aside(&answer()).expect("set aside");
        lease.delete().expect("removed");
        drop(lease);
        assert_eq!(store.read(&key()), Ok(None));
        assert!(store.keys().expect("listed").is_empty());
    }
}

#[test]
fn c4_what_is_too_large_is_refused_and_harms_nothing() {
    let rig = Rig::new();
    let store = rig.store();
    let lease = store.lock(&key(), WAIT).expect("free");
    lease.write(&intent()).expect("written");
    let mut grant = Grant::bearer(Secret::new("a".repeat(70_000)));
    grant.refresh_token = Some(Secret::new("r"));
    let huge = intent().granted(grant, Now::default());
    assert_eq!(lease.write(&huge), Err(StoreError::TooLarge));
    assert_eq!(lease.put_aside(&huge), Err(StoreError::TooLarge));
    assert_eq!(lease.read().expect("read").expect("a record").record, intent());
}
