//! Answers outlive a database that is away, and a process that dies.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_lite::future::poll_once;
use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};
use unlapse_core::{Grant, Key, Now, Place as Lies, Record, Secret, Store as _, StoreError};
use unlapse_parts::Postgres;
use unlapse_store::sql::{Database, Options, SqlOptions, SqlStore};
use unlapse_store::{Disk, DiskOperation, DiskStep, RealDisk, WatchedDisk};

use crate::children::{Reaped, child, passed};
use crate::place::Place;
use crate::rig::{AtOnce, WAIT, eventually, key, node, open, record, sealer};

async fn on(disk: Arc<dyn Disk>, database: Database, folder: &Path) -> SqlStore {
    let options = SqlOptions { spool: Some(folder.join("spool")), ..SqlOptions::default() };
    let store = SqlStore::open_on(disk, database, sealer(folder), Arc::new(AtOnce), options);
    store.await.expect("opened")
}

async fn spooling(place: &Place) -> SqlStore {
    on(Arc::new(RealDisk), place.open().await, place.folder()).await
}

fn intent() -> Record {
    record(1).intend(Now::default(), false)
}

fn answer() -> Record {
    let mut grant = Grant::bearer(Secret::new("the answer"));
    grant.refresh_token = Some(Secret::new("its successor"));
    intent().granted(grant, Now::default())
}

/// The files of the spool that end so, with their sizes.
fn files(folder: &Path, end: &str) -> Vec<(PathBuf, u64)> {
    let Ok(entries) = std::fs::read_dir(folder.join("spool")) else { return Vec::new() };
    let entries = entries.filter_map(Result::ok).map(|entry| entry.path());
    let fits = entries.filter(|path| path.to_string_lossy().ends_with(end));
    fits.filter_map(|path| Some((path.clone(), std::fs::metadata(&path).ok()?.len()))).collect()
}

async fn begin(store: &SqlStore) {
    let mut lease = store.lease(&key(), WAIT).await.expect("free");
    lease.save(&record(1)).await.expect("saved");
    lease.save(&intent()).await.expect("saved");
}

#[tokio::test]
async fn r4_an_answer_is_on_the_disk_before_it_is_saved_and_gone_from_there_after() {
    for place in Place::each() {
        let synced = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&synced);
        let disk = WatchedDisk::new(move |step: &DiskStep| {
            if step.operation == DiskOperation::Sync {
                count.fetch_add(1, Ordering::SeqCst);
            }
            Ok(())
        });
        let store = on(Arc::new(disk), place.open().await, place.folder()).await;
        let mut lease = store.lease(&key(), WAIT).await.expect("free");
        lease.save(&record(1)).await.expect("saved");
        let first = synced.load(Ordering::SeqCst);
        assert_eq!(first, 1, "a login is an answer");
        lease.save(&intent()).await.expect("saved");
        assert_eq!(synced.load(Ordering::SeqCst), first, "an intent is none");
        lease.save(&answer()).await.expect("saved");
        assert_eq!(synced.load(Ordering::SeqCst), first + 1);
        eventually("the sheets are blank", || async {
            files(place.folder(), ".spool").iter().all(|(_, len)| *len == 0)
        })
        .await;
        for generation in 3..30 {
            lease.save(&record(generation)).await.expect("saved");
        }
        assert!(files(place.folder(), ".spool").len() < 10, "sheets are used again");
        drop((lease, store));
        eventually("nothing is left", || async { files(place.folder(), "").is_empty() }).await;
    }
}

/// The lease is kept, and nobody asks it for anything: not even that it be let go of.
#[tokio::test]
async fn r6_a_save_goes_on_to_its_end_when_its_caller_stops_to_wait() {
    for place in Place::each() {
        let store = spooling(&place).await;
        begin(&store).await;
        let mut lease = store.lease(&key(), WAIT).await.expect("free");
        let left = poll_once(lease.save(&answer())).await;
        assert!(left.is_none(), "it waits for the spool's disk");
        eventually("it is saved", || async {
            let found = store.load(&key()).await.expect("loaded").expect("a record");
            found.record == answer()
        })
        .await;
        drop(lease);
    }
}

/// Its process is killed in the middle of the save.
#[tokio::test]
async fn x2_an_answer_that_only_the_spool_has_is_found_after_a_kill() {
    let place = Place::file();
    begin(&node(&place).await).await;
    let arg = format!("- {}", place.url);
    let name = "spool::child_saves_an_answer";
    let mut saving = Reaped(child(name, place.folder(), &arg).spawn().expect("spawned"));
    eventually("it has the lease", || async { place.folder().join("leased").exists() }).await;
    // The database takes nothing.
    let neighbour = rusqlite::Connection::open(&place.url).expect("opened");
    neighbour.busy_timeout(WAIT).expect("set");
    neighbour.execute_batch("BEGIN IMMEDIATE").expect("locked");
    std::fs::write(place.folder().join("go"), "").expect("told");
    eventually("the answer is on the disk", || async {
        files(place.folder(), ".spool").iter().any(|(_, len)| *len > 100)
    })
    .await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    saving.0.kill().expect("killed");
    saving.0.wait().expect("reaped");
    neighbour.execute_batch("ROLLBACK").expect("let go");
    let other = node(&place).await;
    assert_eq!(other.load(&key()).await.expect("read").expect("a record").record, intent());
    let store = spooling(&place).await;
    eventually("the answer is found", || async {
        other.load(&key()).await.expect("read").expect("a record").record == answer()
    })
    .await;
    let found = other.load(&key()).await.expect("read").expect("a record");
    assert_eq!(found.place, Lies::SetAside);
    drop(store);
    eventually("nothing is left", || async { files(place.folder(), "").is_empty() }).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by its parent test"]
async fn child_saves_an_answer() {
    let Some((folder, arg)) = passed() else { return };
    let (_, url) = arg.split_once(' ').expect("a URL");
    let store = on(Arc::new(RealDisk), open(url).await, &folder).await;
    let mut lease = store.lease(&key(), WAIT).await.expect("the lease");
    lease.load().await.expect("read");
    std::fs::write(folder.join("leased"), "").expect("told");
    eventually("the parent says go", || async { folder.join("go").exists() }).await;
    let _ = lease.save(&answer()).await;
    tokio::time::sleep(WAIT).await;
}

/// Whichever step of the disk is the last one.
#[tokio::test]
async fn x2_killed_at_every_step_of_the_disk_no_answer_is_lost_that_was_durable() {
    let mut kills = 0;
    for step in 0.. {
        let place = Place::file();
        begin(&node(&place).await).await;
        let arg = format!("{step} {}", place.url);
        let name = "spool::child_dies_at_a_step";
        let mut command = child(name, place.folder(), &arg);
        let status = tokio::task::spawn_blocking(move || command.status()).await;
        let status = status.expect("no panic").expect("run");
        let was_durable = place.folder().join("synced").exists();
        let store = spooling(&place).await;
        let found = || async { store.load(&key()).await.expect("read").expect("a record").record };
        if was_durable {
            eventually("it is found", || async { found().await == answer() }).await;
        } else {
            assert!([intent(), answer()].contains(&found().await), "killed at {step}");
        }
        eventually("only this node's lock is left", || async {
            files(place.folder(), "").len() == 1
        })
        .await;
        assert_eq!(files(place.folder(), "-damaged"), [], "killed at {step}");
        if status.success() {
            break;
        }
        kills += 1;
    }
    assert!(kills >= 5, "{kills} steps are too few to prove much");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by its parent test"]
async fn child_dies_at_a_step() {
    let Some((folder, arg)) = passed() else { return };
    let (last, url) = arg.split_once(' ').expect("a step and a URL");
    let last: usize = last.parse().expect("a number");
    let (steps, marker) = (AtomicUsize::new(0), folder.join("synced"));
    let has_synced = AtomicBool::new(false);
    let disk = WatchedDisk::new(move |step: &DiskStep| {
        // Something comes after the sync: it has been made.
        if has_synced.load(Ordering::SeqCst) {
            std::fs::write(&marker, "")?;
        }
        if steps.fetch_add(1, Ordering::SeqCst) == last {
            kill_process(getpid(), Signal::KILL)?;
        }
        if step.operation == DiskOperation::Sync {
            has_synced.store(true, Ordering::SeqCst);
        }
        Ok(())
    });
    let store = on(Arc::new(disk), open(url).await, &folder).await;
    let mut lease = store.lease(&key(), WAIT).await.expect("the lease");
    lease.load().await.expect("read");
    lease.save(&answer()).await.expect("saved");
    drop(lease);
    // So that what is done in the background is a step too.
    eventually("it is blank", || async {
        files(&folder, ".spool").iter().all(|(_, len)| *len == 0)
    })
    .await;
    store.settle().await;
    drop(store);
    eventually("it is gone", || async { files(&folder, "").is_empty() }).await;
}

/// The database dies, and comes back: nobody does anything about it.
#[tokio::test(flavor = "multi_thread")]
async fn r5_an_answer_that_the_database_was_away_for_is_in_it_when_it_is_back() {
    let Some(postgres) = Postgres::own() else { return };
    let url = postgres.fresh_database();
    let folder = tempfile::tempdir().expect("a directory");
    let database = Database::open(&url, Options::default()).await.expect("opened");
    let store = on(Arc::new(RealDisk), database, folder.path()).await;
    let mut lease = store.lease(&key(), WAIT).await.expect("free");
    lease.save(&record(1)).await.expect("saved");
    lease.save(&intent()).await.expect("saved");
    postgres.kill();
    let away = lease.save(&answer()).await;
    assert!(matches!(away, Err(StoreError::Io { .. })), "{away:?}");
    lease.set_aside(&answer()).await.expect("R5: on this machine's disk");
    let written: u64 = files(folder.path(), ".spool").iter().map(|(_, len)| len).sum();
    assert!(written > 100, "{written}");
    drop(lease);
    postgres.restart();
    eventually("the answer is in the database", || async {
        match store.load(&key()).await {
            Ok(found) => found.is_some_and(|found| found.record == answer()),
            Err(_) => false,
        }
    })
    .await;
    eventually("and is due", || async {
        let dues = store.claim(unlapse_store::sql::RecordId::of(&key()).shard(), 1).await;
        dues.is_ok_and(|dues| dues.len() == 1)
    })
    .await;
}

#[tokio::test]
async fn c4_hostile_bytes_in_the_folder_hide_no_answer_and_are_kept() {
    let place = Place::file();
    begin(&node(&place).await).await;
    // What a node has left that was killed.
    let spooled = {
        let store = spooling(&place).await;
        let neighbour = rusqlite::Connection::open(&place.url).expect("opened");
        let mut lease = store.lease(&key(), WAIT).await.expect("free");
        lease.load().await.expect("read");
        neighbour.execute_batch("BEGIN IMMEDIATE").expect("locked");
        let saving = tokio::spawn(async move {
            let _ = lease.save(&answer()).await;
        });
        let mut line = Vec::new();
        eventually("the answer is on the disk", || {
            let found = files(place.folder(), ".spool").into_iter().next();
            line = found.map(|(path, _)| std::fs::read(path).expect("read")).unwrap_or_default();
            core::future::ready(line.ends_with(b"\n"))
        })
        .await;
        neighbour.execute_batch("ROLLBACK").expect("let go");
        saving.await.expect("no panic");
        line
    };
    eventually("nothing is left", || async { files(place.folder(), "").is_empty() }).await;
    // As if it had been killed before it was saved.
    let database = place.open().await;
    for statement in ["DELETE FROM tokens", "UPDATE records SET generation = 1, revision = 1"] {
        let statement = unlapse_store::sql::Statement::both(statement);
        database.execute(statement, vec![]).await.expect("undone");
    }
    let put = |name: &str, bytes: &[u8]| {
        use std::os::unix::fs::OpenOptionsExt as _;
        let path = place.folder().join("spool").join(name);
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(path);
        std::io::Write::write_all(&mut file.expect("made"), bytes).expect("written");
    };
    let half = &spooled[..spooled.len() / 2];
    put("00aa-1.spool", &[b"\xff\x00 garbage \n", &spooled[..], half].concat());
    put("00aa-2.spool", half);
    put("00aa-3.spool", &b"{".repeat(300_000));
    put("00aa.spool-lock", b"");
    put("stranger.txt", b"hello");
    let secret = place.folder().join("secret");
    std::fs::write(&secret, &spooled).expect("written");
    std::os::unix::fs::symlink(&secret, place.folder().join("spool").join("00aa-4.spool"))
        .expect("linked");
    let store = spooling(&place).await;
    eventually("the answer is found", || async {
        let found = store.load(&key()).await.expect("read");
        found.is_some_and(|found| found.record == answer() && found.place == Lies::SetAside)
    })
    .await;
    eventually("what is torn is gone", || async {
        files(place.folder(), "00aa-2.spool").is_empty()
    })
    .await;
    let mut kept: Vec<_> = files(place.folder(), "-damaged")
        .into_iter()
        .map(|(path, _)| path.file_name().expect("a name").to_string_lossy().into_owned())
        .collect();
    kept.sort();
    assert_eq!(kept, ["00aa-1.spool-damaged", "00aa-4.spool-damaged"]);
    assert!(secret.exists() && !files(place.folder(), "stranger.txt").is_empty());
}

/// The runtime ends between the spool's disk and the database: nobody knows of the answer any more.
#[test]
fn r4_an_answer_whose_runtime_has_ended_is_found_by_the_next() {
    let place = Place::file();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let synced = Arc::new(AtomicBool::new(false));
    let is_synced = Arc::clone(&synced);
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let store = runtime.block_on(async {
        begin(&node(&place).await).await;
        let disk = WatchedDisk::new(move |step: &DiskStep| {
            if step.operation == DiskOperation::Sync {
                is_synced.store(true, Ordering::SeqCst);
                let _ = wait.lock().expect("one at a time").recv();
            }
            Ok(())
        });
        on(Arc::new(disk), place.open().await, place.folder()).await
    });
    let mut lease = runtime.block_on(store.lease(&key(), WAIT)).expect("free");
    let left = runtime.block_on(async { poll_once(lease.save(&answer())).await });
    assert!(left.is_none());
    while !synced.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
    runtime.shutdown_background();
    drop((lease, store));
    go.send(()).expect("it waits for the disk");
    let runtime = tokio::runtime::Runtime::new().expect("another");
    runtime.block_on(async {
        let store = spooling(&place).await;
        eventually("it is found", || async {
            let found = store.load(&key()).await.expect("loaded").expect("a record");
            found.record == answer()
        })
        .await;
    });
}

#[tokio::test]
async fn r5_a_full_disk_keeps_no_answer_from_the_database() {
    for place in Place::each() {
        let full = WatchedDisk::new(|step: &DiskStep| match step.operation {
            DiskOperation::Write => Err(io::Error::from(Errno::NOSPC)),
            _ => Ok(()),
        });
        let store = on(Arc::new(full), place.open().await, place.folder()).await;
        let mut lease = store.lease(&key(), WAIT).await.expect("free");
        lease.save(&record(1)).await.expect("saved");
        lease.save(&answer()).await.expect("saved");
        assert_eq!(lease.load().await.expect("read").expect("a record").record, answer());
        assert_eq!(files(place.folder(), ".spool").len(), 1, "not a file more with each");
        drop(lease);
        store.settle().await;
    }
}

/// What a spool has is not put over anything newer, nor in the place of what was removed since.
#[tokio::test]
async fn k9_an_old_answer_neither_replaces_a_newer_one_nor_brings_a_removed_login_back() {
    let place = Place::file();
    for then in ["renewed", "removed", "removed and logged in again"] {
        let key = Key::new(then);
        let other = node(&place).await;
        let mut lease = other.lease(&key, WAIT).await.expect("free");
        lease.save(&record(5)).await.expect("saved");
        drop(lease);
        // Its save is fenced, and the spool sees to it: it is put aside.
        let store = spooling(&place).await;
        let mut late = store.lease(&key, WAIT).await.expect("free");
        late.load().await.expect("read");
        let gone = unlapse_store::sql::Statement::both("UPDATE nodes SET alive_until = 0");
        other.database().execute(gone, vec![]).await.expect("all are silent");
        let third = node(&place).await;
        let mut lease = third.lease(&key, WAIT).await.expect("free");
        match then {
            "renewed" => lease.save(&record(7)).await.expect("saved"),
            "removed" => lease.remove().await.expect("removed"),
            _ => {
                lease.remove().await.expect("removed");
                lease.save(&record(1)).await.expect("saved");
            }
        }
        let before = lease.load().await.expect("read");
        assert_eq!(late.save(&record(6)).await, Err(StoreError::Fenced), "{then}");
        store.settle().await;
        assert_eq!(lease.load().await.expect("read"), before, "{then}");
        drop((late, store));
    }
}
