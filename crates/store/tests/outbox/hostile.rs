//! Files that somebody else has written, torn or moved.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use unlapse_core::Damage;
use unlapse_core::outbox::{EntryId, OutboxError};
use unlapse_store::FileOutbox;
use unlapse_store::conformance::outbox::request;

use crate::rig::{Rig, WAIT, names};
use crate::{ids, outbox};

fn path_of(outbox: &FileOutbox, id: EntryId) -> PathBuf {
    outbox.dir().join(format!("{:020}-{:08x}.request", id.number, id.tag))
}

/// What is done to the second of three entries, and what is said of it.
type Row = (&'static str, fn(&Path), Damage);

const ROWS: [Row; 8] = [
    ("empty", |path| std::fs::write(path, "").expect("written"), Damage::Empty),
    ("noise", |path| std::fs::write(path, [0xff; 300]).expect("written"), Damage::Corrupt),
    ("torn", |path| cut(path, 100), Damage::Corrupt),
    ("torn in its seal", |path| cut(path, 450), Damage::Undecryptable),
    ("altered", flip_last, Damage::Undecryptable),
    ("of a later version", later, Damage::NewerFormat),
    ("open to others", |path| chmod(path, 0o644), Damage::Exposed),
    ("a link", link, Damage::NotAFile),
];

fn cut(path: &Path, len: usize) {
    let bytes = std::fs::read(path).expect("read");
    assert!(bytes.len() > len, "{} bytes", bytes.len());
    std::fs::write(path, &bytes[..len]).expect("written");
}

fn flip_last(path: &Path) {
    let mut bytes = std::fs::read(path).expect("read");
    *bytes.last_mut().expect("some") ^= 1;
    std::fs::write(path, bytes).expect("written");
}

fn later(path: &Path) {
    let bytes = std::fs::read(path).expect("read");
    let at = bytes.windows(19).position(|part| part == b"\"unlapse_request\":1").expect("there");
    let mut later = bytes.clone();
    later[at + 18] = b'2';
    std::fs::write(path, later).expect("written");
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("changed");
}

fn link(path: &Path) {
    std::fs::remove_file(path).expect("removed");
    symlink("/etc/passwd", path).expect("linked");
}

#[test]
fn c4_what_cannot_be_used_is_set_aside_once_and_is_in_nobodys_way() {
    for (name, spoil, damage) in ROWS {
        let rig = Rig::new();
        let outbox = outbox(rig.root.path());
        let put = |body| outbox.put(request("acme", body)).expect("put in").id;
        let (first, second, third) = (put(b"1"), put(b"2"), put(b"3"));
        spoil(&path_of(&outbox, second));

        let contents = outbox.contents().expect("listed");
        assert_eq!(ids(&contents), [first, third], "{name}");
        assert_eq!(contents.unreadable, [path_of(&outbox, second).display().to_string()], "{name}");

        let sender = outbox.lock_sender(WAIT).expect("the right");
        match sender.read(second) {
            Err(OutboxError::Damaged { id, damage: found, kept: Some(kept) }) => {
                assert_eq!((id, found), (second, damage), "{name}");
                assert!(std::fs::symlink_metadata(&kept).is_ok(), "{name}: kept as {kept}");
            }
            other => panic!("{name}: {other:?}"),
        }
        assert_eq!(sender.read(second), Ok(None), "{name}: once");
        assert!(sender.read(third).expect("read").is_some(), "{name}: the next goes on");
        let contents = outbox.contents().expect("listed");
        assert_eq!(contents.unreadable.len(), 1, "{name}: and a person can see it");
        let next = put(b"4");
        assert!(next > third, "{name}: the order goes on");
    }
}

#[test]
fn k12_nobody_can_change_the_order_or_repeat_an_entry_under_another_name() {
    let rig = Rig::new();
    let outbox = outbox(rig.root.path());
    let first = outbox.put(request("acme", b"1")).expect("put in").id;
    let second = outbox.put(request("acme", b"2")).expect("put in").id;
    let (one, two) = (path_of(&outbox, first), path_of(&outbox, second));
    let held = outbox.dir().join("held");
    std::fs::rename(&one, &held).expect("moved");
    std::fs::rename(&two, &one).expect("moved");
    std::fs::rename(&held, &two).expect("moved");
    let copy = EntryId { number: second.number + 1, tag: 1 };
    std::fs::copy(&one, path_of(&outbox, copy)).expect("copied");
    let contents = outbox.contents().expect("listed");
    assert!(contents.entries.is_empty(), "{contents:?}");
    assert_eq!(contents.unreadable.len(), 3);
}

#[test]
fn c2_another_key_opens_nothing_touches_nothing_and_adds_nothing() {
    let rig = Rig::new();
    let ours = outbox(rig.root.path());
    let id = ours.put(request("acme", b"1")).expect("put in").id;
    let key = rig.root.path().join("keys/key");
    let kept = rig.root.path().join("keys/kept");
    std::fs::rename(&key, &kept).expect("moved");
    let other = Rig::new();
    outbox(other.root.path()).put(request("acme", b"1")).expect("makes a key");
    std::fs::copy(other.root.path().join("keys/key"), &key).expect("copied");

    let theirs = outbox(rig.root.path());
    let codes = [
        theirs.contents().map(|_| ()).expect_err("refused"),
        theirs.put(request("acme", b"2")).map(|_| ()).expect_err("refused"),
        theirs.lock_sender(WAIT).expect("the right").read(id).map(|_| ()).expect_err("refused"),
    ];
    for error in codes {
        assert_eq!(error.code(), "custody_key_wrong");
    }
    std::fs::rename(&kept, &key).expect("moved");
    let back = outbox(rig.root.path());
    assert_eq!(ids(&back.contents().expect("listed")), [id], "nothing was touched");
}

#[test]
fn what_is_not_ours_in_the_directory_is_left_alone() {
    let rig = Rig::new();
    let outbox = outbox(rig.root.path());
    outbox.put(request("acme", b"1")).expect("put in");
    let strange = ["notes.txt", "7-00000000.request", ".request", "x.request.tmp-1-1"];
    for name in strange {
        std::fs::write(outbox.dir().join(name), "x").expect("written");
    }
    std::fs::create_dir(outbox.dir().join("00000000000000000009-00000001.request")).expect("made");
    let contents = outbox.contents().expect("listed");
    assert_eq!((contents.entries.len(), contents.unreadable.len()), (1, 1));
    outbox.put(request("acme", b"2")).expect("put in");
    assert_eq!(names(outbox.dir(), "notes.txt").len(), 1);
    for name in strange {
        assert!(outbox.dir().join(name).exists(), "{name}");
    }
}
