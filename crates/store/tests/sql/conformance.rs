//! Records in a database keep the contract of every store.

use std::sync::{Arc, Mutex};

use futures_lite::future::block_on;
use tokio::runtime::Runtime;
use unlapse_core::Store;
use unlapse_store::conformance;

use crate::place::Place;
use crate::rig::node;

/// Runs the suite on threads that have no runtime, on stores that have one.
fn keeps_the_contract(fresh: impl Fn() -> Place) {
    let runtime = Runtime::new().expect("a runtime");
    // Every part in a database of its own, all gone at the end.
    let places = Mutex::new(Vec::new());
    block_on(conformance::all(|| {
        let place = fresh();
        let store = runtime.block_on(node(&place));
        places.lock().expect("no panic before").push(place);
        Arc::new(store) as Arc<dyn Store>
    }));
}

#[test]
fn files_of_sqlite_keep_the_contract() {
    keeps_the_contract(Place::file);
}

#[test]
fn a_server_keeps_the_contract() {
    if Place::server().is_none() {
        return;
    }
    keeps_the_contract(|| Place::server().expect("it was there"));
}
