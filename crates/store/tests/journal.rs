//! The journal of uses (K11): many processes, torn lines, hostile files.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests touch files as a neighbour does")]
#![allow(clippy::unwrap_used, reason = "outside of a test function, too, a panic fails the test")]

mod rig;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Child;

use rig::{Reaped, child, passed};
use unlapse_core::usage::{Deed, Entry};
use unlapse_core::{Key, UnixTime};
use unlapse_store::{Journal, JournalRead, Layout};

fn entry(pid: u32, number: u64) -> Entry {
    Entry {
        at: UnixTime::from_secs(number),
        key: Key::new("acme"),
        program: "test".to_owned(),
        pid,
        host: "h1".to_owned(),
        deed: Deed::Served { count: 1 },
    }
}

fn journal(dir: &Path, max_bytes: u64) -> Journal {
    Journal::of(&Layout::Directory(dir.to_owned()), max_bytes)
}

fn numbers(read: &JournalRead) -> Vec<u64> {
    read.entries.iter().map(|entry| entry.at.as_secs()).collect()
}

fn lengthen(path: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

#[test]
fn k11_what_eight_processes_append_is_all_there() {
    let root = tempfile::tempdir().unwrap();
    let spawn = |number: u32| -> Child {
        child("child_appends", root.path(), &number.to_string()).spawn().unwrap()
    };
    let children: Vec<_> = (0..8).map(|number| Reaped(spawn(number))).collect();
    for mut child in children {
        assert!(child.0.wait().unwrap().success());
    }
    let read = journal(root.path(), Journal::MAX_BYTES).read().unwrap();
    assert_eq!((read.entries.len(), read.skipped), (8 * 200, 0));
    for pid in 0..8 {
        let mine = read.entries.iter().filter(|entry| entry.pid == pid);
        let mine: Vec<_> = mine.map(|entry| entry.at.as_secs()).collect();
        assert_eq!(mine, (0..200).collect::<Vec<_>>(), "in the order of process {pid}");
    }
}

#[test]
#[ignore = "run by its parent test"]
fn child_appends() {
    let Some((root, pid)) = passed() else { return };
    let journal = journal(&root, Journal::MAX_BYTES);
    for number in 0..200 {
        journal.append(&entry(pid.parse().unwrap(), number)).unwrap();
    }
}

#[test]
fn k11_a_file_is_for_its_owner_alone_and_begins_with_its_store() {
    let root = tempfile::tempdir().unwrap();
    let store = root.path().join("store");
    let journal = journal(&store, Journal::MAX_BYTES);
    journal.append(&entry(1, 1)).unwrap();
    assert!(!store.exists(), "a journal makes no store");
    assert_eq!(journal.read().unwrap(), JournalRead::default());
    std::fs::create_dir(&store).unwrap();
    journal.append(&entry(1, 2)).unwrap();
    assert_eq!(journal.path().metadata().unwrap().mode() & 0o777, 0o600);
    assert_eq!(numbers(&journal.read().unwrap()), [2]);
    let file = Journal::of(&Layout::File(root.path().join("p/.token")), 1);
    assert_eq!(file.path(), root.path().join("p/.token.usage"));
}

#[test]
fn k11_a_torn_line_costs_itself_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let journal = journal(root.path(), Journal::MAX_BYTES);
    journal.append(&entry(1, 1)).unwrap();
    lengthen(journal.path(), b"{\"at\":2000,\"key\":{\"ser");
    let read = journal.read().unwrap();
    assert_eq!((numbers(&read), read.skipped), (vec![1], 1));
    journal.append(&entry(1, 3)).unwrap();
    lengthen(journal.path(), b"\n\0\xff\n{\"did\":\"a deed of the future\"}\n[]\n");
    lengthen(journal.path(), &[b'x'; 10_000]);
    journal.append(&entry(1, 4)).unwrap();
    let read = journal.read().unwrap();
    assert_eq!((numbers(&read), read.skipped), (vec![1, 3, 4], 5));
}

#[test]
fn k11_two_files_are_kept_and_no_more() {
    let root = tempfile::tempdir().unwrap();
    let journal = journal(root.path(), 2000);
    let line = serde_json::to_vec(&entry(1, 1000)).unwrap().len() as u64 + 1;
    for number in 0..100 {
        journal.append(&entry(1, number)).unwrap();
        let sizes = root.path().read_dir().unwrap();
        let sizes: Vec<_> = sizes.map(|file| file.unwrap().metadata().unwrap().len()).collect();
        assert!(sizes.len() <= 2 && sizes.iter().all(|size| *size < 2000 + line), "{sizes:?}");
    }
    let numbers = numbers(&journal.read().unwrap());
    assert_eq!(numbers.last(), Some(&99));
    assert!(numbers.len() as u64 >= 2000 / line, "{numbers:?}");
    assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "the newest, without a gap");
}

#[test]
fn k11_whoever_finds_it_full_at_once_moves_it_once() {
    let root = tempfile::tempdir().unwrap();
    let spawn = |number: u32| -> Child {
        child("child_fills", root.path(), &number.to_string()).spawn().unwrap()
    };
    let children: Vec<_> = (0..4).map(|number| Reaped(spawn(number))).collect();
    for mut child in children {
        assert!(child.0.wait().unwrap().success());
    }
    let read = journal(root.path(), 4000).read().unwrap();
    assert_eq!(read.skipped, 0);
    // A file that is moved is full: two that follow each other hold more than one.
    let before = root.path().join("usage.log.1").metadata().unwrap().len();
    assert!(before >= 4000, "{before} bytes were moved");
}

#[test]
#[ignore = "run by its parent test"]
fn child_fills() {
    let Some((root, pid)) = passed() else { return };
    let journal = journal(&root, 4000);
    for number in 0..500 {
        journal.append(&entry(pid.parse().unwrap(), number)).unwrap();
    }
}

#[test]
fn k11_what_is_followed_is_told_once() {
    let root = tempfile::tempdir().unwrap();
    let journal = journal(root.path(), 1000);
    let mut early = journal.tail().unwrap();
    journal.append(&entry(1, 1)).unwrap();
    let mut late = journal.tail().unwrap();
    assert_eq!(numbers(&early.read().unwrap()), [1]);
    let mut heard = Vec::new();
    for number in 2..100 {
        journal.append(&entry(1, number)).unwrap();
        heard.extend(numbers(&late.read().unwrap()));
    }
    assert_eq!(heard, (2..100).collect::<Vec<_>>(), "over many beginnings");
    lengthen(journal.path(), b"{\"at\":");
    assert_eq!(late.read().unwrap(), JournalRead::default(), "not yet a line");
}

#[test]
fn c3_a_file_of_somebody_else_is_not_written_and_not_read() {
    let root = tempfile::tempdir().unwrap();
    let journal = journal(root.path(), Journal::MAX_BYTES);
    let other = root.path().join("other");
    std::fs::write(&other, "").unwrap();
    symlink(&other, journal.path()).unwrap();
    assert!(journal.append(&entry(1, 1)).is_err());
    assert!(journal.read().is_err());
    assert_eq!(other.metadata().unwrap().len(), 0);
    std::fs::remove_file(journal.path()).unwrap();
    std::fs::write(journal.path(), "").unwrap();
    std::fs::set_permissions(journal.path(), std::fs::Permissions::from_mode(0o666)).unwrap();
    assert!(journal.append(&entry(1, 1)).is_err(), "others may have written it");
    std::fs::remove_file(journal.path()).unwrap();
    std::fs::create_dir(journal.path()).unwrap();
    assert!(journal.append(&entry(1, 1)).is_err());
}

#[test]
fn k11_a_line_too_long_is_none() {
    let root = tempfile::tempdir().unwrap();
    let journal = journal(root.path(), Journal::MAX_BYTES);
    let entry = Entry { program: "p".repeat(5000), ..entry(1, 1) };
    assert!(journal.append(&entry).is_err());
    assert!(journal.read().unwrap().entries.is_empty());
}
