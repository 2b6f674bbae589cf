//! The real server: its faults, and that nothing of it is left.
#![allow(clippy::disallowed_methods, reason = "a test waits, as a neighbour does")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use unlapse_parts::Postgres;

/// Where the cluster lies, as it says itself.
fn folder(postgres: &Postgres) -> PathBuf {
    let data = postgres.sql("postgres", "show data_directory");
    Path::new(&data).parent().expect("a folder").to_owned()
}

/// How many processes stand in the cluster.
fn standing(folder: &Path) -> usize {
    let all = std::fs::read_dir("/proc").expect("Linux").flatten();
    all.filter(|entry| {
        std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
    })
    .count()
}

#[track_caller]
fn soon(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[track_caller]
fn leaves_nothing(folder: &Path, port: u16) {
    soon("no process", || standing(folder) == 0);
    soon("no file", || !folder.exists());
    soon("no port", || TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok());
}

/// Does a server say anything to a first packet (a request for TLS)?
fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return false };
    stream.set_read_timeout(Some(Duration::from_millis(500))).expect("set");
    stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).expect("sent");
    stream.peek(&mut [0]).is_ok_and(|read| read == 1)
}

#[test]
fn databases_of_a_shared_server_know_nothing_of_each_other() {
    let Some(postgres) = Postgres::shared() else { return };
    let (one, two) = (postgres.fresh_database(), postgres.fresh_database());
    assert_ne!(one, two);
    let name = |url: &str| url.rsplit('/').next().expect("a path").to_owned();
    postgres.sql(&name(&one), "create table t (n int); insert into t values (1), (2)");
    assert_eq!(postgres.sql(&name(&one), "select n, n + 1 from t order by n"), "1|2\n2|3");
    assert_eq!(postgres.sql(&name(&two), "select to_regclass('t') is null"), "t");
}

#[test]
fn over_tcp_the_password_counts() {
    let Some(postgres) = Postgres::shared() else { return };
    let ask = |url: &str| {
        let psql = Command::new("psql").args([url, "-Atc", "select 7"]).output().expect("psql");
        String::from_utf8_lossy(&psql.stdout).trim().to_owned()
    };
    let url = postgres.fresh_database();
    assert_eq!(ask(&url), "7");
    let (scheme, rest) = url.split_once("//").expect("a URL");
    let (_, place) = rest.split_once('@').expect("a password");
    assert_eq!(ask(&format!("{scheme}//postgres:guessed@{place}")), "");
}

#[test]
fn a_server_that_is_killed_comes_back_with_every_commit_at_the_same_place() {
    let Some(postgres) = Postgres::own() else { return };
    let (folder, port, url) = (folder(&postgres), postgres.port(), postgres.url());
    postgres.sql("postgres", "create table t (n int)");
    for round in 1..=3 {
        postgres.sql("postgres", &format!("insert into t values ({round})"));
        postgres.kill();
        assert_eq!(standing(&folder), 0);
        assert!(!answers(port), "it is down");
        postgres.restart();
        assert_eq!(postgres.url(), url);
        assert_eq!(postgres.sql("postgres", "select count(*) from t"), round.to_string());
    }
    postgres.stop();
    assert!(!answers(port));
    postgres.restart();
    assert!(answers(port));
    postgres.restart();
    assert_eq!(postgres.sql("postgres", "select count(*) from t"), "3");
    drop(postgres);
    leaves_nothing(&folder, port);
}

#[test]
fn a_paused_server_keeps_its_port_and_says_nothing() {
    let Some(postgres) = Postgres::own() else { return };
    let (folder, port) = (folder(&postgres), postgres.port());
    assert!(answers(port));
    postgres.pause();
    assert!(!answers(port));
    postgres.resume();
    assert!(answers(port));
    assert_eq!(postgres.sql("postgres", "select 1"), "1");
    postgres.pause();
    drop(postgres);
    leaves_nothing(&folder, port);
}

#[test]
fn a_durable_server_waits_for_the_disk() {
    if !unlapse_parts::is_full() {
        return;
    }
    let postgres = Postgres::durable();
    let settings = "select string_agg(setting, ',') from pg_settings
        where name in ('fsync', 'full_page_writes', 'synchronous_commit')";
    assert_eq!(postgres.sql("postgres", settings), "on,on,on");
}

/// Not a test of its own: the process that is killed below is this binary with this one test.
#[test]
fn child_that_waits_to_be_killed() {
    if std::env::var_os("UNLAPSE_PARTS_CHILD").is_none() {
        return;
    }
    let postgres = Postgres::start();
    println!("\nready {} {}", postgres.port(), folder(&postgres).display());
    std::thread::sleep(Duration::from_secs(120));
}

struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn nothing_is_left_of_a_test_that_is_killed() {
    if !unlapse_parts::is_full() {
        return;
    }
    let mut child = Command::new(std::env::current_exe().expect("this binary"));
    child.args(["--exact", "child_that_waits_to_be_killed", "--nocapture"]);
    child.env("UNLAPSE_PARTS_CHILD", "1").stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = Reaped(child.spawn().expect("started"));
    let mut lines = BufReader::new(child.0.stdout.take().expect("a pipe")).lines();
    let ready = lines
        .find_map(|line| line.expect("text").strip_prefix("ready ").map(str::to_owned))
        .expect("a line");
    let (port, folder) = ready.split_once(' ').expect("two words");
    let (port, folder) = (port.parse().expect("a port"), Path::new(folder));
    assert!(answers(port) && folder.exists() && standing(folder) > 1);
    child.0.kill().expect("SIGKILL");
    leaves_nothing(folder, port);
}
