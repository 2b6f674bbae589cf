//! The contract, and what lies on the disk.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::Mutex;

use futures_lite::future::block_on;
use unlapse_core::Secret;
use unlapse_core::outbox::OutboxStore;
use unlapse_store::conformance::outbox::{LIMITS, all, request};
use unlapse_store::custody::{Passphrase, Stretch};
use unlapse_store::{FileOutbox, MemoryOutbox};

use crate::outbox;
use crate::rig::{Rig, WAIT, names};

#[test]
fn memory_keeps_the_contract() {
    block_on(all(|| Arc::new(MemoryOutbox::new().limits(LIMITS)) as Arc<dyn OutboxStore>));
}

#[test]
fn sealed_files_keep_the_contract() {
    let rigs = Mutex::new(Vec::new());
    block_on(all(|| {
        let rig = Rig::new();
        let store = Arc::new(outbox(rig.root.path()).limits(LIMITS));
        rigs.lock().expect("no panic before").push(rig);
        store as Arc<dyn OutboxStore>
    }));
}

#[test]
fn c3_nobody_else_can_read_it_and_r18_nothing_is_in_clear() {
    let rig = Rig::new();
    let outbox = outbox(rig.root.path());
    outbox.put(request("canary-server", b"canary-body")).expect("put in");
    let mode = |path: &std::path::Path| {
        std::fs::metadata(path).expect("there").permissions().mode() & 0o777
    };
    assert_eq!(mode(outbox.dir()), 0o700);
    for path in names(outbox.dir(), "") {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        let bytes = std::fs::read(&path).expect("read");
        let text = format!("{} {}", path.display(), String::from_utf8_lossy(&bytes));
        for secret in ["canary", "api.example", "a value"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[test]
fn a_line_costs_one_stretching_of_the_passphrase() {
    let rig = Rig::new();
    let open = |passphrase: &'static str| {
        let custody = Passphrase::new(move || Ok(Secret::new(passphrase)));
        let custody = custody.stretch(Stretch::Pbkdf2 { rounds: 1_000 }).expect("in range");
        FileOutbox::new(rig.root.path().join("outbox"), "project", Arc::new(custody))
    };
    for _ in 0..3 {
        // Each is what another process would have.
        open("correct horse").put(request("acme", b"")).expect("put in");
    }
    let salts = names(&rig.root.path().join("outbox"), ".request").into_iter().map(|path| {
        let text = String::from_utf8_lossy(&std::fs::read(path).expect("read")).into_owned();
        let line: serde_json::Value =
            serde_json::from_str(text.lines().next().expect("a line")).expect("JSON");
        line["custody"]["salt"].to_string()
    });
    let mut salts: Vec<_> = salts.collect();
    salts.dedup();
    assert_eq!(salts.len(), 1, "{salts:?}");
    // Nobody adds to what another passphrase opens: half a line would wait for each of them.
    let refused = open("wrong battery").put(request("acme", b"")).expect_err("refused");
    assert_eq!(refused.code(), "custody_unavailable");
    assert_eq!(open("correct horse").contents().expect("listed").entries.len(), 3);
}

#[test]
fn nothing_is_left_but_what_waits() {
    let rig = Rig::new();
    let outbox = outbox(rig.root.path());
    let id = outbox.put(request("acme", b"x")).expect("put in").id;
    let sender = outbox.lock_sender(WAIT).expect("the right");
    let entry = sender.read(id).expect("read").expect("there");
    sender.write(id, entry.progress.begun(entry.queued_at)).expect("written");
    sender.delete(id).expect("removed");
    let mut left: Vec<_> = names(outbox.dir(), "")
        .into_iter()
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    left.sort();
    assert_eq!(left, ["append.lock", "send.lock"]);
}
