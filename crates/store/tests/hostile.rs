//! Files that are not what they should be (C2–C4).
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests touch files as an attacker does")]
#![allow(clippy::unwrap_used, reason = "outside of a test function, too, a panic fails the test")]

mod rig;

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rig::{Rig, WAIT, cannot_run, child, key, names, only, passed, record};
use unlapse_core::{CustodyError, Damage, Key, Place, Record, Secret, StoreError};
use unlapse_store::custody::{KeyFile, Passphrase, Stretch};
use unlapse_store::{FileStore, Layout, Permissions as Access};

fn write(store: &FileStore, record: &Record) {
    store.lock(&key(), WAIT).expect("the lease").write(record).expect("written");
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("there").mode() & 0o777
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("chmod");
}

/// Does `harm` to a good record's file, and holds what follows against C4.
fn harmed(expected: Damage, harm: impl FnOnce(&Path)) {
    let rig = Rig::new();
    let store = rig.store();
    write(&store, &record(1));
    let path = rig.record_path();
    harm(&path);

    let error = store.read(&key()).map(|found| found.map(|_| "a record")).unwrap_err();
    let StoreError::Damaged { damage, kept: Some(kept), .. } = &error else {
        panic!("{expected:?}: {error}")
    };
    assert_eq!(*damage, expected);
    let kept = Path::new(kept);
    assert!(std::fs::symlink_metadata(kept).is_ok(), "{expected:?}: kept for doctor");
    assert!(kept.to_string_lossy().contains(".token.quarantined-"), "{}", kept.display());
    assert_eq!(store.quarantined().expect("listed"), [kept]);
    assert_eq!(store.read(&key()), Ok(None), "{expected:?}: the next read finds none");
    write(&store, &record(2));
    assert_eq!(store.read(&key()).expect("read").expect("a record").record, record(2));
    assert_eq!(store.quarantined().expect("listed").len(), 1, "{expected:?}: kept meanwhile");
}

/// Changes the header's text.
fn edited(from: &'static str, to: &'static str) -> impl FnOnce(&Path) {
    move |path| {
        let bytes = std::fs::read(path).expect("read");
        let end = bytes.iter().position(|byte| *byte == b'\n').expect("a header");
        let header = String::from_utf8(bytes[..end].to_vec()).expect("text");
        assert!(header.contains(from), "{from} in {header}");
        let header = header.replacen(from, to, 1);
        std::fs::write(path, [header.as_bytes(), &bytes[end..]].concat()).expect("written");
    }
}

fn filled(bytes: &'static [u8]) -> impl FnOnce(&Path) {
    move |path| std::fs::write(path, bytes).expect("written")
}

#[test]
fn c4_a_row_for_each_damage() {
    harmed(Damage::Empty, filled(b""));
    harmed(Damage::Oversized, |path| std::fs::write(path, vec![b'x'; 65_537]).expect("written"));
    harmed(Damage::Corrupt, filled(b"\0\xff{not json}\n"));
    harmed(Damage::Corrupt, filled(b"{\"unlapse\":1"));
    harmed(Damage::Corrupt, filled(b"[]\n"));
    harmed(Damage::MissingField, filled(b"{}\nbody"));
    harmed(Damage::MissingField, filled(b"{\"unlapse\":1}\nbody"));
    harmed(Damage::MissingField, edited("\"generation\":1,", ""));
    harmed(Damage::NewerFormat, filled(b"{\"unlapse\":2,\"all\":\"new\"}\nbody"));
    harmed(Damage::NewerFormat, edited("A256GCM", "XC20P"));
    harmed(Damage::NewerFormat, edited("\"key_file\"", "\"tpm\""));
    harmed(Damage::Corrupt, edited("\"unlapse\":1", "\"unlapse\":0"));
    harmed(Damage::Corrupt, edited("\"unlapse\":1", "\"unlapse\":-1"));
    harmed(Damage::Undecryptable, edited("\"generation\":1", "\"generation\":2"));
    harmed(Damage::Undecryptable, edited("\"stored_at\":0", "\"stored_at\":1"));
    harmed(Damage::Undecryptable, edited("\"unlapse\":1", "\"unlapse\": 1"));
    harmed(Damage::Corrupt, edited("\"nonce\":\"", "\"nonce\":\"!"));
}

#[test]
fn c4_cut_anywhere_it_is_quarantined() {
    let whole = |path: &Path| std::fs::read(path).expect("read");
    harmed(Damage::Undecryptable, |path| {
        let bytes = whole(path);
        std::fs::write(path, &bytes[..bytes.len() - 1]).expect("written");
    });
    harmed(Damage::Corrupt, |path| std::fs::write(path, &whole(path)[..100]).expect("written"));
    harmed(Damage::Corrupt, |path| {
        let bytes = whole(path);
        let end = bytes.iter().position(|byte| *byte == b'\n').expect("a header");
        std::fs::write(path, &bytes[..=end]).expect("written");
    });
    harmed(Damage::Undecryptable, |path| {
        let mut bytes = whole(path);
        *bytes.last_mut().expect("a tag") ^= 1;
        std::fs::write(path, bytes).expect("written");
    });
}

#[test]
fn c3_what_is_no_file_of_ours() {
    harmed(Damage::NotAFile, |path| {
        // To a good record, even.
        let away = path.with_file_name("away");
        std::fs::rename(path, &away).expect("moved");
        symlink(away, path).expect("linked");
    });
    harmed(Damage::NotAFile, |path| {
        std::fs::remove_file(path).expect("removed");
        symlink("/nonexistent/for/sure", path).expect("linked");
    });
    harmed(Damage::NotAFile, |path| {
        std::fs::remove_file(path).expect("removed");
        std::fs::create_dir(path).expect("created");
    });
    harmed(Damage::NotAFile, |path| {
        std::fs::remove_file(path).expect("removed");
        let made = rustix::fs::mknodat(
            rustix::fs::CWD,
            path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        );
        made.expect("a pipe, which has no other end to wait for");
    });
    harmed(Damage::NotAFile, |path| {
        std::fs::remove_file(path).expect("removed");
        drop(std::os::unix::net::UnixListener::bind(path).expect("bound"));
    });
}

#[test]
fn c3_a_file_of_somebody_else() {
    if !rustix::process::geteuid().is_root() {
        return cannot_run("only root can give a file away");
    }
    harmed(Damage::NotAFile, |path| {
        std::os::unix::fs::chown(path, Some(65_534), None).expect("given away");
    });
}

#[test]
fn c3_a_file_that_others_could_touch_is_not_trusted_and_closed() {
    for open in [0o640, 0o604, 0o620, 0o602, 0o666] {
        harmed(Damage::Exposed, |path| chmod(path, open));
        let rig = Rig::new();
        write(&rig.store(), &record(1));
        chmod(&rig.record_path(), open);
        rig.store().read(&key()).unwrap_err();
        let kept = rig.store().quarantined().expect("listed");
        assert_eq!(mode(&kept[0]), 0o600, "what is kept is closed to others");
    }
}

#[test]
fn c3_everything_is_created_for_this_user_alone() {
    let rig = Rig::new();
    let lease = rig.store().lock(&key(), WAIT).expect("the lease");
    let now = unlapse_core::Now::default();
    lease.write(&record(1).intend(now, false)).expect("written");
    lease.put_aside(&record(2)).expect("set aside");
    assert_eq!(mode(&rig.dir()), 0o700);
    let all = names(&rig.dir(), "");
    assert_eq!(all.len(), 4, "record, lock, copy, room: {all:?}");
    for path in all {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn c3_a_directory_that_is_too_open_is_repaired_but_not_a_tools_own() {
    let rig = Rig::new();
    let store = rig.store();
    write(&store, &record(1));
    for open in [0o755, 0o777] {
        chmod(&rig.dir(), open);
        assert_eq!(store.probe().expect("probed").permissions, Access::Open);
        chmod(&rig.dir(), open);
        assert!(store.read(&key()).expect("read").is_some());
        assert_eq!(mode(&rig.dir()), 0o700);
    }
    let tool = rig.root.path().join(".code-indexer");
    std::fs::create_dir(&tool).expect("created");
    chmod(&tool, 0o755);
    let custody = Arc::new(KeyFile::new(rig.root.path().join("key")));
    let own = FileStore::new(Layout::File(tool.join(".token")), "project", custody);
    write(&own, &record(1));
    assert!(own.read(&key()).expect("read").is_some());
    assert_eq!((mode(&tool), mode(&tool.join(".token"))), (0o755, 0o600));
}

#[test]
fn c2_a_file_copied_to_another_key_or_project_does_not_open() {
    let rig = Rig::new();
    let store = rig.store();
    write(&store, &record(1));
    let other = Key::new("https://as.example").account("bob");
    store.lock(&other, WAIT).expect("free").write(&record(2)).expect("written");
    let paths = names(&rig.dir(), ".token");
    let (ann, bob) = if paths[0].to_string_lossy().contains("ann") {
        (&paths[0], &paths[1])
    } else {
        (&paths[1], &paths[0])
    };
    std::fs::copy(ann, bob).expect("copied");
    let undecryptable = |read: Result<_, StoreError>| match read {
        Err(StoreError::Damaged { damage, kept: Some(_), .. }) => damage == Damage::Undecryptable,
        _ => false,
    };
    assert!(undecryptable(store.read(&other).map(|_| ())));
    assert!(store.read(&key()).expect("read").is_some(), "the original is as it was");

    // The same key file, another project.
    let layout = || Layout::Directory(rig.root.path().join("other"));
    let custody = || Arc::new(KeyFile::new(rig.root.path().join("keys").join("key")));
    let theirs = FileStore::new(layout(), "another project", custody());
    theirs.lock(&key(), WAIT).expect("free");
    std::fs::copy(ann, rig.root.path().join("other").join(ann.file_name().expect("a name")))
        .expect("copied");
    assert!(undecryptable(theirs.read(&key()).map(|_| ())));

    // The same project, another key file.
    let custody = Arc::new(KeyFile::new(rig.root.path().join("another key")));
    let elsewhere = FileStore::new(Layout::Directory(rig.dir()), "project", custody);
    elsewhere.lock(&other, WAIT).expect("free").write(&record(1)).expect("written");
    let wrong = elsewhere.read(&key()).map(|_| ());
    assert_eq!(wrong, Err(StoreError::Custody(CustodyError::KeyWrong)));
}

#[test]
fn c1_a_tools_file_holds_one_key_and_says_so() {
    let rig = Rig::new();
    let path = rig.root.path().join(".code-indexer").join(".token");
    let custody = Arc::new(KeyFile::new(rig.root.path().join("key")));
    let store = FileStore::new(Layout::File(path.clone()), "project", custody);
    write(&store, &record(1));
    assert!(path.is_file() && path.with_file_name(".token.lock").is_file());
    assert_eq!(store.keys(), Ok(vec![key()]));

    let second = Key::new("https://other.example");
    let said = store.read(&second).unwrap_err().to_string();
    assert!(said.contains("https://as.example/ann") && said.contains("holds"), "{said}");
    let lease = store.lock(&second, WAIT).expect("the lease");
    let refused = lease.write(&record(5)).unwrap_err().to_string();
    assert!(refused.contains("https://as.example/ann"), "{refused}");
    drop(lease);
    assert_eq!(store.read(&key()).expect("read").expect("a record").record, record(1));
    assert_eq!(store.quarantined(), Ok(Vec::new()));
}

#[test]
fn a_missing_key_file_or_a_wrong_passphrase_touches_nothing() {
    let rig = Rig::new();
    let store = rig.store();
    write(&store, &record(1));
    let keys = rig.root.path().join("keys");
    std::fs::rename(&keys, rig.root.path().join("away")).expect("moved");
    let missing = store.read(&key()).map(|_| ()).unwrap_err();
    assert!(matches!(missing, StoreError::Custody(CustodyError::KeyFile { .. })), "{missing}");
    std::fs::rename(rig.root.path().join("away"), &keys).expect("moved back");
    assert!(store.read(&key()).expect("read").is_some(), "nothing was touched");

    let with = |passphrase: &'static str| {
        let custody = Passphrase::new(move || Ok(Secret::new(passphrase)));
        let custody = custody.stretch(Stretch::Pbkdf2 { rounds: 1_000 }).expect("in range");
        let layout = Layout::Directory(rig.root.path().join("phrases"));
        FileStore::new(layout, "project", Arc::new(custody))
    };
    write(&with("right"), &record(1));
    let wrong = with("wrong").read(&key()).map(|_| ());
    assert_eq!(wrong, Err(StoreError::Custody(CustodyError::PassphraseWrong)));
    let leased = with("wrong").lock(&key(), WAIT).expect("the lease").read().map(|_| ());
    assert_eq!(leased, Err(StoreError::Custody(CustodyError::PassphraseWrong)));
    assert!(with("right").read(&key()).expect("read").is_some(), "nothing was touched");
}

#[test]
fn r10_another_key_file_touches_nothing_and_is_told() {
    let rig = Rig::new();
    write(&rig.store(), &record(1));
    let with = |name: &str| {
        let custody = Arc::new(KeyFile::new(rig.root.path().join(name).join("key")));
        FileStore::new(Layout::Directory(rig.dir()), "project", custody).fallbacks([rig.fallback()])
    };
    let (mine, other) = (with("keys"), with("other"));
    // Its key exists: it has sealed a record of its own.
    let second = Key::new("https://as.example").account("bob");
    other.lock(&second, WAIT).expect("the lease").write(&record(1)).expect("written");
    let files = || {
        let paths =
            names(&rig.dir(), ".token").into_iter().chain(names(&rig.dir(), "-undecryptable"));
        paths.map(|path| (std::fs::read(&path).expect("read"), path)).collect::<Vec<_>>()
    };
    let before = files();
    let wrong = Err(StoreError::Custody(CustodyError::KeyWrong));
    assert_eq!(other.read(&key()).map(|_| ()), wrong);
    let lease = other.lock(&key(), WAIT).expect("the lease");
    assert_eq!(lease.read().map(|_| ()), wrong);
    // An older copy of ours does not stand in for it: the next save would go over it.
    lease.put_aside(&record(1)).expect("set aside");
    assert_eq!(lease.read().map(|_| ()), wrong);
    drop(lease);
    assert_eq!(files(), before, "nothing was touched");
    assert_eq!(other.quarantined(), Ok(Vec::new()));
    assert_eq!(mine.read(&key()).expect("read").expect("a record").record, record(1));
    // What is altered is quarantined by whoever has the right key.
    let path =
        before.iter().map(|(_, path)| path).find(|path| path.to_string_lossy().contains("ann"));
    let path = path.expect("the record of ann");
    let mut bytes = std::fs::read(path).expect("read");
    *bytes.last_mut().expect("a tag") ^= 1;
    std::fs::write(path, bytes).expect("written");
    assert!(matches!(
        mine.read(&key()),
        Err(StoreError::Damaged { damage: Damage::Undecryptable, kept: Some(_), .. })
    ));
}

#[test]
fn c4_hostile_derivations_cost_neither_hours_nor_gigabytes() {
    let rig = Rig::new();
    let store = || {
        let custody = Passphrase::new(|| Ok(Secret::new("p")));
        let custody = custody.stretch(Stretch::Pbkdf2 { rounds: 1_000 }).expect("in range");
        FileStore::new(Layout::Directory(rig.dir()), "project", Arc::new(custody))
    };
    for hostile in [
        "{\"kdf\":\"PBKDF2-HMAC-SHA256\",\"rounds\":4294967295}",
        "{\"kdf\":\"PBKDF2-HMAC-SHA256\",\"rounds\":0}",
        "{\"kdf\":\"Argon2id\",\"memory_kib\":4294967295,\"passes\":4294967295,\"lanes\":9}",
    ] {
        write(&store(), &record(1));
        let honest = "{\"kdf\":\"PBKDF2-HMAC-SHA256\",\"rounds\":1000}";
        edited(honest, hostile)(&rig.record_path());
        let started = Instant::now();
        let error = store().read(&key()).map(|_| ()).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { damage: Damage::Corrupt, .. }), "{error}");
        assert!(started.elapsed() < Duration::from_secs(2), "{hostile}");
    }
}

#[test]
fn c4_a_damaged_record_stays_while_another_holds_the_lease_and_a_good_one_is_never_moved() {
    let rig = Rig::new();
    let store = rig.store();
    let holder = store.lock(&key(), WAIT).expect("the lease");
    holder.write(&record(1)).expect("written");
    std::fs::write(rig.record_path(), "torn").expect("written");
    let seen = store.read(&key()).map(|_| ());
    let StoreError::Damaged { kept: None, damage: Damage::Corrupt, .. } = seen.unwrap_err() else {
        panic!("reported, not moved")
    };
    holder.write(&record(2)).expect("written");
    drop(holder);
    assert_eq!(store.read(&key()).expect("read").expect("a record").record, record(2));
    assert_eq!(store.quarantined(), Ok(Vec::new()));
}

#[test]
fn r5_a_broken_copy_hides_nothing_and_a_good_one_outlives_a_broken_record() {
    let rig = Rig::new();
    let store = rig.store();
    let lease = store.lock(&key(), WAIT).expect("the lease");
    lease.write(&record(1)).expect("written");
    lease.put_aside(&record(2)).expect("set aside");
    let aside = only(&rig.dir(), ".aside");
    std::fs::write(&aside, "torn").expect("written");
    let found = store.read(&key()).expect("read").expect("a record");
    assert_eq!((found.record, found.place), (record(1), Place::Kept));
    assert!(aside.exists(), "a reader moves nothing");
    lease.read().expect("read");
    assert!(!aside.exists());

    lease.put_aside(&record(2)).expect("set aside");
    std::fs::write(rig.record_path(), "torn").expect("written");
    let found = store.read(&key()).expect("read").expect("a record");
    assert_eq!((found.record, found.place), (record(2), Place::SetAside), "while it is leased");
    drop(lease);
    let found = store.read(&key()).expect("read").expect("a record");
    assert_eq!((found.record, found.place), (record(2), Place::SetAside));
    assert_eq!(store.quarantined().expect("listed").len(), 2, "the copy's and the record's");
    write(&store, &record(3));
    let found = store.read(&key()).expect("read").expect("a record");
    assert_eq!((found.record, found.place), (record(3), Place::Kept));
    assert!(names(&rig.dir(), ".aside").is_empty());
}

#[test]
fn quarantined_files_never_replace_each_other() {
    let rig = Rig::new();
    for _ in 0..20 {
        write(&rig.store(), &record(1));
        std::fs::write(rig.record_path(), "").expect("written");
        rig.store().read(&key()).unwrap_err();
    }
    assert_eq!(rig.store().quarantined().expect("listed").len(), 20);
}

#[test]
fn c3_without_root_too() {
    if !rustix::process::geteuid().is_root() {
        return cannot_run("only root can become somebody else");
    }
    let rig = Rig::new();
    std::os::unix::fs::chown(rig.root.path(), Some(65_534), Some(65_534)).expect("given away");
    // Somebody else's, and there first.
    std::fs::create_dir(rig.fallback()).expect("created");
    chmod(&rig.fallback(), 0o777);
    let status = child("child_is_nobody", rig.root.path(), "").uid(65_534).gid(65_534).status();
    assert!(status.expect("run").success());
    assert!(names(&rig.fallback(), "").is_empty(), "nothing is put into another's directory");
}

#[test]
#[ignore = "run by its parent test"]
fn child_is_nobody() {
    let Some((root, _)) = passed() else { return };
    let dir = root.join("store");
    let store = rig::store(&root);
    write(&store, &record(1));
    chmod(&dir, 0o500);
    // The lock file is there: it can be locked. The directory takes nothing, nor does the fallback.
    let lease = store.lock(&key(), WAIT).expect("the lease");
    assert!(matches!(lease.write(&record(2)), Err(StoreError::ReadOnly { .. })));
    assert!(matches!(lease.put_aside(&record(2)), Err(StoreError::ReadOnly { .. })));
    let own = root.join("own");
    let store = store.fallbacks([root.join("fallback"), own.clone()]);
    drop(lease);
    let lease = store.lock(&key(), WAIT).expect("the lease");
    lease.put_aside(&record(2)).expect("set aside in the second fallback");
    assert_eq!(mode(&own), 0o700);
    let found = store.read(&key()).expect("read").expect("a record");
    assert_eq!((found.record, found.place), (record(2), Place::SetAside));

    // What is damaged stays where nothing can be moved, and does no harm.
    lease.delete().unwrap_err();
    let path = only(&dir, ".token");
    chmod(&path, 0o644);
    drop(lease);
    let damaged = store.read(&key()).map(|_| ()).unwrap_err();
    assert!(matches!(damaged, StoreError::Damaged { kept: None, .. }), "{damaged}");
    chmod(&dir, 0o700);
    let probe = store.probe().expect("probed");
    assert_eq!((probe.permissions, probe.writable), (Access::Private, Ok(())));
    assert_eq!(probe.locks, Ok(true));
    assert_eq!(probe.fallbacks, [(root.join("fallback"), false), (own, true)]);
}

#[test]
fn r5_a_fallback_that_is_a_link_or_open_to_others_is_passed_over() {
    let rig = Rig::new();
    let elsewhere = rig.root.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).expect("created");
    chmod(&elsewhere, 0o700);
    let link = rig.root.path().join("link");
    symlink(&elsewhere, &link).expect("linked");
    let open = rig.root.path().join("open");
    std::fs::create_dir(&open).expect("created");
    chmod(&open, 0o755);
    // A file where the record's directory should be: nothing can be put beside it.
    std::fs::write(rig.dir(), "").expect("written");
    let store = rig.store().fallbacks([link, open.clone(), rig.fallback()]);
    let failed = store.lock(&key(), WAIT).map(|_| ()).unwrap_err();
    assert!(matches!(failed, StoreError::Io { .. }), "{failed}");
    std::fs::remove_file(rig.dir()).expect("removed");

    let lease = store.lock(&key(), WAIT).expect("the lease");
    std::fs::create_dir(rig.dir().join(only(&rig.dir(), ".lock").with_extension("aside")))
        .expect("in the way of a copy beside the record");
    lease.put_aside(&record(1)).expect("set aside");
    assert!(names(&elsewhere, "").is_empty() && names(&open, "").is_empty());
    assert_eq!(names(&rig.fallback(), ".aside").len(), 1);
    assert_eq!(store.keys(), Ok(vec![key()]), "listed from there");
    let found = store.read(&key()).expect("read").expect("a record");
    assert_eq!((found.record, found.place), (record(1), Place::SetAside));
}
