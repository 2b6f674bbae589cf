//! Disks that are full, read-only, or limited (R3, R5, C16).
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests touch files as a neighbour does")]

mod rig;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rig::{Rig, WAIT, cannot_run, child, key, names, passed, record};
use unlapse_core::{Grant, Now, Place, Record, Secret, StoreError};
use unlapse_store::custody::KeyFile;
use unlapse_store::{DiskOperation, DiskStep, FileStore, Layout, WatchedDisk};

/// A file system of our own, gone when dropped.
struct Mounted {
    at: PathBuf,
}

impl Mounted {
    /// `None` where mounting is not permitted, and the run is a quick one.
    fn new(rig: &Rig, arguments: &[&str]) -> Option<Self> {
        let at = rig.root.path().join("disk");
        std::fs::create_dir(&at).expect("created");
        let done = Command::new("mount").args(arguments).arg(&at).output();
        match done {
            Ok(done) if done.status.success() => Some(Self { at }),
            Ok(done) => {
                cannot_run(String::from_utf8_lossy(&done.stderr).trim());
                None
            }
            Err(error) => {
                cannot_run(&format!("mount: {error}"));
                None
            }
        }
    }

    fn tmpfs(rig: &Rig, options: &str) -> Option<Self> {
        Self::new(rig, &["-t", "tmpfs", "-o", options, "tmpfs"])
    }

    /// The kind of file system that most records lie on.
    fn ext4(rig: &Rig) -> Option<Self> {
        let image = rig.root.path().join("image");
        let file = std::fs::File::create(&image).expect("created");
        file.set_len(8 * 1024 * 1024).expect("stretched");
        // Without blocks that only root may use: we are root here, and want none left.
        let made = Command::new("mkfs.ext4").args(["-q", "-m", "0"]).arg(&image).output();
        if !made.as_ref().is_ok_and(|made| made.status.success()) {
            cannot_run(&format!("mkfs.ext4: {made:?}"));
            return None;
        }
        Self::new(rig, &["-o", "loop", image.to_str()?])
    }

    fn remount(&self, how: &str) {
        let mut mount = Command::new("mount");
        let done = mount.args(["-o", &format!("remount,{how}")]).arg(&self.at).status();
        assert!(done.expect("run").success(), "remount {how}");
    }

    fn store(&self, rig: &Rig) -> FileStore {
        let custody = Arc::new(KeyFile::new(rig.root.path().join("keys").join("key")));
        FileStore::new(Layout::Directory(self.at.join("store")), "project", custody)
            .fallbacks([rig.fallback()])
    }

    /// Takes every byte there is; the file that holds them.
    fn fill(&self) -> PathBuf {
        let path = self.at.join("filler");
        let mut file = std::fs::File::create(&path).expect("created");
        for size in [65_536, 4096, 512, 1] {
            while file.write_all(&vec![7; size]).is_ok() {}
        }
        let _ = file.sync_all();
        assert!(std::fs::write(self.at.join("more"), vec![7; 8192]).is_err(), "it is full");
        let _ = std::fs::remove_file(self.at.join("more"));
        while file.write_all(&[7]).is_ok() {}
        path
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

fn intent() -> Record {
    record(1).intend(Now::default(), false)
}

/// An answer that is much larger than the record before it.
fn answer() -> Record {
    let mut grant = Grant::bearer(Secret::new("a".repeat(40_000)));
    grant.refresh_token = Some(Secret::new("the successor"));
    intent().granted(grant, Now::default())
}

fn found(store: &FileStore) -> (Record, Place) {
    let found = store.read(&key()).expect("read").expect("a record");
    (found.record, found.place)
}

fn an_answer_is_saved_on_a_full_disk(rig: &Rig, disk: &Mounted) {
    let store = disk.store(rig);
    let lease = store.lock(&key(), WAIT).expect("the lease");
    lease.write(&intent()).expect("an intent, with room for its answer");
    let filler = disk.fill();

    lease.write(&answer()).expect("R3: the room was there");
    assert_eq!(found(&store), (answer(), Place::Kept));
    assert!(names(&rig.fallback(), "").is_empty());
    // The room was cut to what the answer needed; what is left of it is filled as well.
    std::fs::remove_file(&filler).expect("removed");
    let filler = disk.fill();

    // No room, no intent: nothing is spent that could not be kept.
    let spend = answer().intend(Now::default(), false);
    assert!(matches!(lease.write(&spend), Err(StoreError::Full { .. })), "R3");
    assert_eq!(found(&store), (answer(), Place::Kept), "the old record is as it was");
    // A login's answer that finds no room is set aside.
    let login = answer().logged_in(Grant::bearer(Secret::new("b".repeat(9000))), Now::default());
    assert!(matches!(lease.write(&login), Err(StoreError::Full { .. })));
    lease.put_aside(&login).expect("R5: set aside");
    drop(lease);
    assert_eq!(found(&store), (login.clone(), Place::SetAside));
    assert_eq!(names(&rig.fallback(), ".aside").len(), 1);

    std::fs::remove_file(filler).expect("removed");
    let lease = store.lock(&key(), WAIT).expect("the lease");
    lease.write(&login).expect("there is room again");
    assert_eq!(found(&store), (login, Place::Kept));
    assert!(names(&rig.fallback(), ".aside").is_empty(), "R5: the copy is not needed any more");
}

#[test]
fn r3_r5_on_a_full_tmpfs() {
    let rig = Rig::new();
    let Some(disk) = Mounted::tmpfs(&rig, "size=1m") else { return };
    an_answer_is_saved_on_a_full_disk(&rig, &disk);
}

#[test]
fn r3_r5_on_a_full_ext4() {
    let rig = Rig::new();
    let Some(disk) = Mounted::ext4(&rig) else { return };
    an_answer_is_saved_on_a_full_disk(&rig, &disk);
}

#[test]
fn r1_without_an_inode_for_the_lock_it_is_taken_elsewhere_and_still_excludes() {
    let rig = Rig::new();
    let Some(disk) = Mounted::tmpfs(&rig, "size=1m,nr_inodes=20") else { return };
    let store = disk.store(&rig);
    std::fs::create_dir(disk.at.join("store")).expect("created");
    let mut fillers = Vec::new();
    for number in 0..100 {
        let path = disk.at.join(number.to_string());
        if std::fs::write(&path, "").is_err() {
            break;
        }
        fillers.push(path);
    }
    let lease = store.lock(&key(), WAIT).expect("the lease, in the fallback");
    assert!(names(&disk.at.join("store"), ".lock").is_empty());
    let busy = store.lock(&key(), Duration::from_millis(20)).map(|_| ());
    assert!(matches!(busy, Err(StoreError::Busy { holder: Some(_), .. })), "{busy:?}");
    assert!(matches!(lease.write(&record(1)), Err(StoreError::Full { .. })));
    lease.put_aside(&record(1)).expect("set aside");

    // Now the record's own lock file can be made: it alone must not be enough.
    for filler in fillers {
        std::fs::remove_file(filler).expect("removed");
    }
    let busy = store.lock(&key(), Duration::from_millis(20)).map(|_| ());
    assert!(matches!(busy, Err(StoreError::Busy { holder: Some(_), .. })), "R1: {busy:?}");
    assert_eq!(names(&disk.at.join("store"), ".lock").len(), 1);
    assert!(store.holding(&key()).is_some());
    drop(lease);
    let lease = store.lock(&key(), WAIT).expect("both locks");
    assert_eq!(found(&store), (record(1), Place::SetAside));
    lease.write(&record(1)).expect("written");
    assert_eq!(found(&store), (record(1), Place::Kept));
}

#[test]
fn c16_a_disk_that_becomes_read_only() {
    let rig = Rig::new();
    let Some(disk) = Mounted::tmpfs(&rig, "size=1m") else { return };
    let store = disk.store(&rig);
    store.lock(&key(), WAIT).expect("the lease").write(&intent()).expect("written");
    disk.remount("ro");
    assert_eq!(found(&store), (intent(), Place::Kept));

    let lease = store.lock(&key(), WAIT).expect("the lock file is there to be locked");
    let busy = store.lock(&key(), Duration::ZERO).map(|_| ());
    assert!(matches!(busy, Err(StoreError::Busy { .. })), "{busy:?}");
    assert!(matches!(lease.write(&answer()), Err(StoreError::ReadOnly { .. })));
    lease.put_aside(&answer()).expect("set aside");
    assert_eq!(found(&store), (answer(), Place::SetAside));
    assert!(matches!(lease.delete(), Err(StoreError::ReadOnly { .. })), "not removed, and said so");
    assert!(store.probe().expect("probed").writable.is_err());

    let other = unlapse_core::Key::new("never locked here");
    let fallback = store.lock(&other, WAIT).expect("in the fallback");
    assert!(matches!(store.lock(&other, Duration::ZERO), Err(StoreError::Busy { .. })));
    drop((fallback, lease));

    disk.remount("rw");
    let lease = store.lock(&key(), WAIT).expect("the lease");
    lease.write(&answer()).expect("written");
    assert_eq!(found(&store), (answer(), Place::Kept));
}

#[test]
fn r1_whoever_makes_the_lock_file_while_we_lock_elsewhere_is_not_missed() {
    let rig = Rig::new();
    let (other, taken) = (rig.store(), Arc::new(Mutex::new(None)));
    let (fallback, in_between) = (rig.fallback(), Arc::clone(&taken));
    let full = AtomicBool::new(true);
    let disk = WatchedDisk::new(move |step: &DiskStep| {
        if step.operation == DiskOperation::OpenWritable {
            if step.path.starts_with(&fallback) {
                // The worst moment: they have looked for our lock, and we have not made it yet.
                let mut taken = in_between.lock().expect("no panic before");
                taken.get_or_insert_with(|| other.lock(&key(), Duration::ZERO).expect("free"));
            } else if full.swap(false, Ordering::SeqCst) {
                return Err(rustix::io::Errno::NOSPC.into());
            }
        }
        Ok(())
    });
    let store = rig.store().disk(Arc::new(disk));
    let second = store.lock(&key(), Duration::from_millis(20)).map(|_| ());
    assert!(taken.lock().expect("no panic before").is_some(), "the other one has it");
    assert!(matches!(second, Err(StoreError::Busy { .. })), "R1: two holders: {second:?}");
}

/// `child`, with a file-size limit of 512 bytes and SIGXFSZ ignored, as the binary has to do.
fn limited(root: &Path) -> Command {
    let child = child("child_is_limited", root, "");
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\""]);
    command.arg(child.get_program()).args(child.get_args());
    command.stdout(std::process::Stdio::null());
    command.envs(child.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

#[test]
fn c16_a_file_size_limit_is_a_full_disk() {
    let rig = Rig::new();
    let store = rig.store();
    store.lock(&key(), WAIT).expect("the lease").write(&record(1)).expect("written");
    assert!(limited(rig.root.path()).status().expect("run").success());
    assert_eq!(found(&store), (record(1), Place::Kept));
    let mut left = names(&rig.dir(), "");
    left.retain(|path| !path.to_string_lossy().ends_with(".lock"));
    assert_eq!(left.len(), 1, "nothing half-written is left: {left:?}");
}

#[test]
#[ignore = "run by its parent test"]
fn child_is_limited() {
    let Some((root, _)) = passed() else { return };
    let store = rig::store(&root);
    let lease = store.lock(&key(), WAIT).expect("the lease");
    for record in [record(2), intent()] {
        let refused = lease.write(&record);
        assert!(matches!(refused, Err(StoreError::Full { .. })), "{refused:?}");
    }
    assert!(matches!(lease.put_aside(&record(2)), Err(StoreError::Full { .. })));
    assert_eq!(found(&store), (record(1), Place::Kept));
}
