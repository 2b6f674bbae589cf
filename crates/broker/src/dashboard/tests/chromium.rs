//! The pages in Chromium, by `peers/openid-client/dashboard.mjs`. Part of the full suites.
#![allow(clippy::disallowed_methods, reason = "tests spawn servers and other people's programs")]

use core::time::Duration;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use axum::Router;
use axum::routing::{get, post};
use serde_json::{Value, json};
use unlapse::unlapse_core::UnixTime;
use url::Url;

use super::browser::NOW;
use super::shown::{HOSTILE, OPERATOR, READER, Shown};
use crate::code::Code;
use crate::connection::State;
use crate::dashboard::{DashboardOptions, pages};
use crate::problem::Problem;

/// One that is not run, or does not report, has failed.
const FLOWS: [&str; 12] = [
    "every_view",
    "a_redirect_uri_is_marked_whole",
    "without_scripts",
    "by_keyboard",
    "live",
    "rows_that_move",
    "hidden_pages_ask_for_nothing",
    "broker_away_and_back",
    "hostile_names",
    "tenants_see_their_own",
    "signing_out",
    "a_strangers_frame",
];
/// For all of them: about a minute and a half on an idle machine.
const DEADLINE: Duration = Duration::from_secs(400);

struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a test changes under an open page.
fn levers(shown: &Shown) -> Router {
    let change = |work: fn(&Shown)| {
        let shown = shown.clone();
        post(move || async move { work(&shown) })
    };
    let noted = shown.clone();
    Router::new()
        .route("/test/unsaved", change(|shown| shown.facts().overview.unsaved = 7))
        .route("/test/saved", change(|shown| shown.facts().overview.unsaved = 0))
        .route(
            "/test/away",
            change(|shown| {
                let away = Problem::new(Code::DatabaseAway, "the database cannot be asked");
                shown.facts().away = Some(away);
            }),
        )
        .route("/test/back", change(|shown| shown.facts().away = None))
        .route(
            "/test/needs-user",
            change(|shown| {
                for it in &mut shown.facts().connections {
                    if it.connection.id.user == "ada" {
                        it.connection.state = State::NeedsUser(Code::RtExpiredIdle);
                    }
                }
            }),
        )
        .route("/test/noted", get(move || async move { noted.facts().noted.join("\n") }))
}

/// The pages, listening on the loopback.
fn serve(runtime: &tokio::runtime::Runtime, shown: &Shown) -> String {
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a socket");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let options = DashboardOptions::new(&Url::parse(&url).expect("a URL"));
        let router = pages(Box::new(shown.clone()), &options).merge(levers(shown));
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        url
    })
}

fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path).map(|folder| folder.join(name));
    found.find(|program| program.is_file()).unwrap_or_else(|| panic!("{name} is installed"))
}

#[test]
fn the_dashboard_passes_every_flow_in_chromium() {
    if !unlapse_parts::is_full() {
        return;
    }
    let peer = std::env::var_os("UNLAPSE_PEER_OPENID_CLIENT").map(PathBuf::from);
    let peer = peer.expect("UNLAPSE_PEER_OPENID_CLIENT is set: see peers/README.md");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.map_or(NOW, |since| UnixTime::from_secs(since.as_secs()));
    let shown = Shown::new(now);
    let url = serve(&runtime, &shown);

    let temporary = tempfile::tempdir().expect("a directory");
    let mut child = Command::new(peer.join("node_modules/.bin/node"));
    child.arg(peer.join("dashboard.mjs")).env("TMPDIR", temporary.path());
    child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Reaped(child.spawn().expect("started"));
    let settings = json!({
        "url": url,
        "key": OPERATOR,
        "reader": READER,
        "hostile": HOSTILE,
        "chromium": program("chromium"),
        // Kept where somebody wants to look at them.
        "screenshots": std::env::var("UNLAPSE_SCREENSHOTS").ok(),
        "flows": std::env::var("UNLAPSE_FLOWS").map_or_else(
            |_| FLOWS.map(str::to_owned).to_vec(),
            |some| some.split(',').map(str::to_owned).collect(),
        ),
    });
    // Held until the end: a script whose input closes ends itself, also when this test is killed.
    let mut stdin = child.0.stdin.take().expect("a pipe");
    writeln!(stdin, "{settings}").expect("written");
    let stdout = BufReader::new(child.0.stdout.take().expect("a pipe"));
    let mut stderr = child.0.stderr.take().expect("a pipe");
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in stdout.lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    let start = std::time::Instant::now();
    let mut passed = Vec::new();
    let mut failed = Vec::new();
    while let Ok(line) = receiver.recv_timeout(DEADLINE.saturating_sub(start.elapsed())) {
        let line: Value = serde_json::from_str(&line).expect("JSON");
        let flow = line["flow"].as_str().expect("a name").to_owned();
        println!("{flow}: {} {}", line["ok"], line["detail"].as_str().unwrap_or_default());
        if line["ok"] == true { passed.push(flow) } else { failed.push(line) }
    }
    drop((stdin, child));
    let mut complaints = String::new();
    let _ = stderr.read_to_string(&mut complaints);
    let wanted = settings["flows"].as_array().expect("a list").len();
    assert!(failed.is_empty() && passed.len() == wanted, "{failed:#?}\n{complaints}");
}
