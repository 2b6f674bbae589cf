//! The file of SQLite: whose it is, who may read it, and what lies in its place.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rusqlite::Connection;
use tokio::task::JoinSet;
use unlapse_issuer::{
    Advance, BadDatabase, Policy, Presented, Sessions as _, SqliteStore, Succession,
};

use crate::audit_log::entry;
use crate::every_store::{BECAUSE, after, session};

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("issuer.db");
    (folder, path)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o777
}

#[tokio::test]
async fn c3_nobody_else_reads_the_database_and_what_lies_beside_it() {
    let (folder, path) = folder();
    let store = SqliteStore::open(&path).expect("opened");
    store.create(&session(1, "ada")).await.expect("created");
    let files: Vec<_> = fs::read_dir(folder.path()).expect("read").flatten().collect();
    assert_eq!(files.len(), 3, "with its write-ahead log, and the memory that processes share");
    for file in files {
        assert_eq!(mode(&file.path()), 0o600, "{}", file.path().display());
    }
    drop(store);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("set");
    assert_eq!(SqliteStore::open(&path).err(), Some(BadDatabase::Exposed));
    assert_eq!(mode(&path), 0o640, "left as it is");
}

#[tokio::test]
async fn what_was_answered_is_there_again() {
    let (_folder, path) = folder();
    let store = SqliteStore::open(&path).expect("opened");
    store.create(&session(1, "ada")).await.expect("created");
    store.revoke(session(1, "ada").id, BECAUSE, after(5)).await.expect("revoked");
    drop(store);
    let store = SqliteStore::open(&path).expect("opened again");
    let found = store.load(session(1, "ada").id).await.expect("there").expect("known");
    assert_eq!(found.revoked.map(|revoked| revoked.at), Some(after(5)));
}

/// Opens what lies at `path`, and looks that nothing of it has changed.
fn refused(path: &Path) -> BadDatabase {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("set");
    let before = fs::read(path).expect("read");
    let error = SqliteStore::open(path).expect_err("refused");
    assert_eq!(fs::read(path).expect("read"), before, "left as it is");
    error
}

#[test]
fn c4_what_is_not_ours_is_left_as_it_is() {
    let (folder, path) = folder();
    fs::write(&path, "a letter to a friend").expect("written");
    assert_eq!(refused(&path), BadDatabase::NotOurs);
    fs::write(&path, vec![0; 8192]).expect("written");
    assert_eq!(refused(&path), BadDatabase::NotOurs);
    fs::remove_file(&path).expect("removed");
    // Somebody's database, with changes that are not in its file yet.
    let foreign = Connection::open(&path).expect("opened");
    foreign.pragma_update(None, "journal_mode", "WAL").expect("set");
    foreign
        .execute_batch("CREATE TABLE sessions (a); INSERT INTO sessions VALUES (1)")
        .expect("made");
    assert_eq!(refused(&path), BadDatabase::NotOurs);
    drop(foreign);
    assert_eq!(refused(&path), BadDatabase::NotOurs);
    let place = folder.path().join("directory");
    fs::create_dir(&place).expect("made");
    assert_eq!(SqliteStore::open(&place).err(), Some(BadDatabase::NotAFile));
    let link = folder.path().join("link");
    symlink(&path, &link).expect("made");
    assert_eq!(SqliteStore::open(&link).err(), Some(BadDatabase::NotAFile));
    let nowhere = folder.path().join("nowhere").join("db");
    assert!(matches!(SqliteStore::open(&nowhere).err(), Some(BadDatabase::Io(_))));
}

#[test]
fn c4_a_newer_a_strange_and_a_damaged_database_are_told_apart() {
    let (_folder, path) = folder();
    drop(SqliteStore::open(&path).expect("made"));
    let change = |sql: &str| {
        let database = Connection::open(&path).expect("opened");
        database.execute_batch(sql).expect("changed");
    };
    let version = |version: u32| format!("PRAGMA user_version = {version}");
    change(&version(99));
    assert_eq!(refused(&path), BadDatabase::Newer { found: 99, known: 1 });
    change(&version(1));
    change(
        "CREATE TRIGGER nothing_ends AFTER UPDATE ON sessions BEGIN
            UPDATE sessions SET revoked_at = NULL, revoked_because = NULL; END",
    );
    assert_eq!(refused(&path), BadDatabase::NotOurs);
    change("DROP TRIGGER nothing_ends; DROP TRIGGER audit_is_kept");
    assert_eq!(refused(&path), BadDatabase::NotOurs);
    fs::remove_file(&path).expect("removed");
    drop(SqliteStore::open(&path).expect("made"));
    change("CREATE INDEX of_the_operator ON audit (at)");
    drop(SqliteStore::open(&path).expect("an index more is the operator's business"));
    let mut bytes = fs::read(&path).expect("read");
    bytes[100..].fill(0xa5);
    fs::write(&path, &bytes).expect("written");
    assert_eq!(refused(&path), BadDatabase::Damaged);
    bytes.truncate(100);
    fs::write(&path, &bytes).expect("written");
    assert_eq!(refused(&path), BadDatabase::Damaged);
}

#[tokio::test]
async fn j2_no_statement_changes_the_audit_log() {
    use unlapse_issuer::AuditLog as _;
    let (_folder, path) = folder();
    let store = SqliteStore::open(&path).expect("opened");
    store.append(&[entry(5, true)]).await.expect("added");
    let database = Connection::open(&path).expect("opened");
    for sql in [
        "UPDATE audit SET event = 'x'",
        "DELETE FROM audit",
        "REPLACE INTO audit (id, at, event) VALUES (1, 0, 'x')",
    ] {
        database.pragma_update(None, "recursive_triggers", true).expect("set");
        assert!(database.execute(sql, ()).is_err(), "{sql}");
    }
    let count: i64 =
        database.query_row("SELECT count(*) FROM audit", (), |row| row.get(0)).expect("counted");
    assert_eq!(count, 1);
}

/// A call that cannot be made now is told so, and the next goes on.
#[tokio::test]
async fn j5_a_locked_database_is_no_verdict() {
    let (_folder, path) = folder();
    let store = SqliteStore::open(&path).expect("opened");
    store.create(&session(1, "ada")).await.expect("created");
    let other = Connection::open(&path).expect("opened");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    // Both wait for the same lock, not one after the other.
    let id = session(1, "ada").id;
    let calls = [1, 2, 3].map(|_| store.revoke(id, BECAUSE, after(1)));
    assert!(store.load(id).await.expect("who reads does not wait").is_some());
    for call in calls {
        assert!(call.await.is_err());
    }
    other.execute_batch("ROLLBACK").expect("let go");
    assert_eq!(store.revoke(id, BECAUSE, after(1)).await, Ok(true), "nothing had happened");
}

/// How many commits there are in the write-ahead log ("Database File Format" §4.1): each ends with
/// a page that says how large the database is then.
fn commits(path: &Path) -> usize {
    let log = fs::read(path.with_extension("db-wal")).expect("read");
    let number = |at: &[u8]| u32::from_be_bytes(*at.first_chunk().expect("four bytes"));
    let page = number(&log[8..]) as usize;
    log[32..].chunks_exact(24 + page).filter(|frame| number(&frame[4..]) != 0).count()
}

#[tokio::test]
async fn j5_changes_that_wait_at_the_same_time_share_a_commit() {
    let (_folder, path) = folder();
    let store = SqliteStore::open(&path).expect("opened");
    store.create(&session(0, "ada")).await.expect("created");
    let before = commits(&path);
    let other = Connection::open(&path).expect("opened");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let rows: Vec<_> = (1..=200).map(|number| session(number, "ada")).collect();
    let calls: Vec<_> = rows.iter().map(|row| store.create(row)).collect();
    other.execute_batch("ROLLBACK").expect("let go");
    for call in calls {
        call.await.expect("created");
    }
    assert_eq!(commits(&path) - before, 1, "200 changes");
    // What fails among them fails alone.
    let rows = [session(300, "ada"), session(1, "eve"), session(301, "ada")];
    let calls = rows.each_ref().map(|row| store.create(row));
    let mut created = Vec::new();
    for call in calls {
        created.push(call.await.is_ok());
    }
    assert_eq!(created, [true, false, true]);
}

/// More than can wait are told to come back, and those that wait are answered.
#[tokio::test(flavor = "multi_thread")]
async fn j5_a_queue_has_an_end() {
    let (_folder, path) = folder();
    let store = Arc::new(SqliteStore::open(&path).expect("opened"));
    let other = Connection::open(&path).expect("opened");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let mut calls = JoinSet::new();
    for number in 0..3000 {
        let store = Arc::clone(&store);
        calls.spawn(async move { store.create(&session(number, "ada")).await });
    }
    // Refused at once: before anybody lets go of the lock.
    let mut refused = 0;
    while refused < 1900 {
        let created = calls.join_next().await.expect("some").expect("no panic");
        assert!(created.is_err());
        refused += 1;
    }
    other.execute_batch("ROLLBACK").expect("let go");
    let rest = calls.join_all().await;
    assert!(rest.len() <= 1100);
    store.create(&session(9999, "ada")).await.expect("and it goes on");
}

/// Not a test of its own: the process that others are started as, below.
#[test]
fn child_that_uses_the_database() {
    let Some(path) = std::env::var_os("UNLAPSE_SQLITE_CHILD") else { return };
    let rounds: u64 = std::env::var("UNLAPSE_SQLITE_ROUNDS").expect("set").parse().expect("number");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("one");
    runtime.block_on(async {
        let store = SqliteStore::open(path).expect("opened");
        let (kid, policy) = (session(0, "ada").kid, Policy::default());
        let mut rotated = 0;
        for number in 0..rounds {
            // Whoever comes first makes it.
            while store.load(session(number, "ada").id).await.expect("there").is_none() {
                let _ = store.create(&session(number, "ada")).await;
            }
            let presented = Presented { generation: 1, client: "app", jkt: None };
            let id = session(number, "ada").id;
            let now = after(number);
            let advance = Advance { session: id, presented, kid: &kid, now, policy: &policy };
            // Of many processes on a busy machine, one may come too late: no verdict.
            let advanced = loop {
                if let Ok(advanced) = store.advance(advance).await {
                    break advanced.expect("known");
                }
            };
            match advanced.succession {
                Succession::Rotate => rotated += 1,
                Succession::Replay => {}
                other => panic!("{other:?}"),
            }
            println!("\nadvanced {number}");
        }
        println!("\nrotated {rotated}");
    });
}

/// Ends when it is dropped.
struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn children(path: &Path, count: usize, rounds: u64) -> Vec<Reaped> {
    let start = |_| {
        let mut child = Command::new(std::env::current_exe().expect("this binary"));
        child.args(["--exact", "sqlite::child_that_uses_the_database", "--nocapture"]);
        child.env("UNLAPSE_SQLITE_CHILD", path).env("UNLAPSE_SQLITE_ROUNDS", rounds.to_string());
        child.stdout(Stdio::piped()).stderr(Stdio::null());
        Reaped(child.spawn().expect("started"))
    };
    (0..count).map(start).collect()
}

#[test]
fn x1_eight_processes_start_at_once_on_a_new_file_and_rotate_each_session_once() {
    let (_folder, path) = folder();
    let mut rotated = 0;
    for mut child in children(&path, 8, 40) {
        let mut said = String::new();
        let mut stdout = child.0.stdout.take().expect("a pipe");
        std::io::Read::read_to_string(&mut stdout, &mut said).expect("text");
        assert!(child.0.wait().expect("ended").success(), "{said}");
        let line = said.lines().find_map(|line| line.strip_prefix("rotated ")).expect("a line");
        rotated += line.parse::<u64>().expect("a number");
    }
    assert_eq!(rotated, 40, "one rotation a session, over all processes");
}

#[tokio::test]
async fn j5_a_process_that_is_killed_has_lost_nothing_that_it_was_told() {
    let (_folder, path) = folder();
    for round in 1..=5 {
        let mut child = children(&path, 1, 1_000_000).pop().expect("one");
        let lines = BufReader::new(child.0.stdout.take().expect("a pipe")).lines();
        let told = lines.map_while(Result::ok);
        let mut told = told
            .filter_map(|line| line.strip_prefix("advanced ").and_then(|rest| rest.parse().ok()));
        // In the middle of its work, and what it had still said.
        let mut numbers: Vec<u64> = told.by_ref().take(round * 20).collect();
        child.0.kill().expect("SIGKILL");
        numbers.extend(told);
        assert!(numbers.len() >= round * 20);
        drop(child);
        let store = SqliteStore::open(&path).expect("opened");
        for number in numbers {
            let found = store.load(session(number, "ada").id).await.expect("there");
            assert_eq!(found.expect("known").generation, 2, "round {round}, session {number}");
        }
        drop(store);
        let database = Connection::open(&path).expect("opened");
        let check: String =
            database.query_row("PRAGMA integrity_check", (), |row| row.get(0)).expect("checked");
        assert_eq!(check, "ok");
    }
}
