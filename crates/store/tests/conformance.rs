//! Memory and file stores keep the contract.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "a test writes down what a machine is called")]

mod rig;

use std::sync::{Arc, Mutex};

use futures_lite::future::block_on;
use rig::Rig;
use unlapse_core::Store;
use unlapse_store::custody::{Machine, Passphrase, Stretch};
use unlapse_store::{FileStore, Layout, MemoryStore, conformance};

#[test]
fn memory_keeps_the_contract() {
    block_on(conformance::all(|| Arc::new(MemoryStore::new())));
}

#[test]
fn files_keep_the_contract() {
    // Every part in a directory of its own, all gone at the end.
    let rigs = Mutex::new(Vec::new());
    block_on(conformance::all(|| {
        let rig = Rig::new();
        let store = Arc::new(rig.store());
        rigs.lock().expect("no panic before").push(rig);
        store as Arc<dyn Store>
    }));
}

#[test]
fn a_tools_own_file_keeps_the_contract_but_for_further_keys() {
    let passphrase = || {
        let custody = Passphrase::new(|| Ok(unlapse_core::Secret::new("correct horse")));
        Arc::new(custody.stretch(Stretch::Pbkdf2 { rounds: 1_000 }).expect("in range"))
    };
    let rig = Rig::new();
    let fresh = |name: &str| -> Arc<dyn Store> {
        let layout = Layout::File(rig.root.path().join(name).join(".token"));
        Arc::new(FileStore::new(layout, "project", passphrase()))
    };
    block_on(async {
        conformance::a_saved_record_is_loaded(fresh("1")).await;
        conformance::the_lease_is_exclusive(fresh("2")).await;
        conformance::busy_is_bounded_and_names_the_holder(fresh("3")).await;
        conformance::what_is_set_aside_is_found(fresh("4")).await;
        conformance::the_newest_copy_wins(fresh("5")).await;
        conformance::remove_removes_everything(fresh("6")).await;
        conformance::no_update_is_lost(fresh("7")).await;
    });
}

#[test]
fn files_sealed_for_a_machine_keep_the_contract() {
    let rig = Rig::new();
    let id = rig.root.path().join("machine-id");
    std::fs::write(&id, "3d1219c7c4c5404aaa1f6d2a48adfda4\n").expect("written");
    let layout = Layout::Directory(rig.dir());
    let store = FileStore::new(layout, "project", Arc::new(Machine::reading([id])));
    block_on(conformance::list_names_every_key(Arc::new(store)));
}
