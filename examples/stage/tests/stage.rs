//! What recipes' tests rely on: the server goes and comes, tokens are refused, and all is counted.
#![expect(clippy::disallowed_methods, reason = "another process goes by the real clock")]

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use unlapse_example_stage::axum::{Router, routing::get};
use unlapse_example_stage::issuer::Verified;
use unlapse_example_stage::{Issuing, Stage, StageBuilder, Tally, WAIT, eventually};

const KEY: &str = "an-api-key";

fn setting() -> StageBuilder {
    let who =
        |who: Option<Verified>| async { who.map_or("a key".to_owned(), |who| who.sub.clone()) };
    Stage::builder().scopes("read").api(Router::new().route("/who", get(who)))
}

fn connect(stage: &Stage) -> std::io::Result<TcpStream> {
    TcpStream::connect(stage.url().trim_start_matches("http://"))
}

/// Status and body.
fn ask(stage: &Stage, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = connect(stage).expect("it listens");
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
    write!(stream, "{head}content-length: {length}\r\n{headers}\r\n{body}").expect("sent");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("a reply");
    let status = reply.get(9..12).and_then(|status| status.parse().ok()).expect("a status");
    (status, reply.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned())
}

fn who(stage: &Stage, token: &str) -> (u16, String) {
    ask(stage, "GET", "/who", &format!("authorization: Bearer {token}\r\n"), "")
}

fn post(stage: &Stage, path: &str, body: &Value) -> (u16, Value) {
    let json = "content-type: application/json\r\n";
    let (status, body) = ask(stage, "POST", path, json, &body.to_string());
    (status, serde_json::from_str(&body).unwrap_or_default())
}

/// The tokens of a login or a refresh.
fn tokens(answer: (u16, Value)) -> (String, String) {
    let (status, grant) = answer;
    assert_eq!(status, 200, "{grant}");
    let text = |member: &str| grant[member].as_str().expect("a token").to_owned();
    (text("access_token"), text("refresh_token"))
}

fn log_in(stage: &Stage) -> (String, String) {
    let login = json!({ "username": Stage::USER, "password": Stage::PASSWORD });
    tokens(post(stage, "/api/auth/login", &login))
}

fn refresh(stage: &Stage, refresh_token: &str) -> (u16, Value) {
    post(stage, "/api/auth/refresh", &json!({ "refresh_token": refresh_token }))
}

#[test]
fn every_token_handed_out_until_now_is_refused_and_its_session_lives() {
    let stage = setting().start();
    let (first, token) = log_in(&stage);
    assert_eq!(who(&stage, &first), (200, "ada".to_owned()));
    stage.expire();
    let (status, body) = who(&stage, &first);
    assert_eq!((status, body.contains("token_revoked")), (401, true), "{body}");
    let (second, _) = tokens(refresh(&stage, &token));
    assert_eq!(who(&stage, &second).0, 200, "what is handed out later is good");
    assert_eq!(who(&stage, &first).0, 401);
    let tally = stage.tally();
    assert_eq!((tally.logins, tally.sessions, tally.refreshes, tally.ended), (1, 1, 1, 0));
    assert_eq!((tally.token_requests, tally.requests, tally.unauthorized), (2, 4, 2));
}

#[test]
fn a_refresh_token_that_is_used_twice_ends_its_session() {
    let stage = setting().start();
    let (_, token) = log_in(&stage);
    tokens(refresh(&stage, &token));
    assert_eq!(refresh(&stage, &token).1["code"], "refresh_token_reused");
    assert_eq!((stage.tally().reuses, stage.tally().replays), (1, 0));

    let stage = setting().grace(Duration::from_secs(30)).start();
    let (_, token) = log_in(&stage);
    let successor = tokens(refresh(&stage, &token)).1;
    assert_eq!(tokens(refresh(&stage, &token)).1, successor, "within its grace");
    assert_eq!((stage.tally().reuses, stage.tally().replays), (0, 1));
}

#[test]
fn it_comes_back_on_the_same_port_with_the_same_sessions() {
    let mut stage = setting().start();
    let (access, token) = log_in(&stage);
    let mut idle = connect(&stage).expect("it listens");
    let url = stage.url().to_owned();
    stage.down();
    stage.down();
    idle.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    let ended = idle.read(&mut [0; 1]);
    assert!(matches!(ended, Ok(0)) || ended.is_err_and(|e| e.kind() == ErrorKind::ConnectionReset));
    for _ in 0..3 {
        let refused = connect(&stage).expect_err("nobody listens");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
    stage.up();
    stage.up();
    assert_eq!(stage.url(), url);
    assert_eq!(who(&stage, &access).0, 200);
    tokens(refresh(&stage, &token));
}

#[test]
fn an_operator_ends_every_session_of_everybody() {
    let stage = setting().user("bob", "hunter2").start();
    let (access, token) = log_in(&stage);
    let other = stage.open_session("bob", Stage::CLIENT, "read");
    stage.end_sessions();
    assert_eq!(who(&stage, &access).0, 401);
    for token in [token.as_str(), other.expose()] {
        assert_eq!(refresh(&stage, token).1["code"], "session_revoked");
    }
    assert_eq!((stage.tally().ended, stage.tally().reuses), (2, 0));
    let (access, _) = log_in(&stage);
    assert_eq!(who(&stage, &access).0, 200, "and people can log in again");
    stage.user(Stage::USER, "another");
    let login = json!({ "username": Stage::USER, "password": Stage::PASSWORD });
    assert_eq!(post(&stage, "/api/auth/login", &login).0, 401, "unless their password changed");
}

#[test]
fn the_api_takes_a_key_only_where_there_is_one() {
    let before = Tally::default();
    let stage = setting().api_key(KEY).start();
    assert_eq!(who(&stage, KEY), (200, "a key".to_owned()));
    assert_eq!(who(&stage, "another-key").0, 401);
    stage.expire();
    assert_eq!(who(&stage, KEY).0, 200, "a key does not expire");
    let tally = stage.tally() - before;
    assert_eq!((tally.requests, tally.unauthorized, tally.by_api_key), (3, 1, 2));
    assert_eq!(who(&setting().start(), KEY).0, 401);
}

#[test]
fn the_issuer_can_be_late_or_away_while_the_api_goes_on() {
    let stage = setting().start();
    let (access, token) = log_in(&stage);
    stage.issuing(Issuing::Unavailable);
    assert_eq!(refresh(&stage, &token).0, 503);
    assert_eq!(who(&stage, &access).0, 200);
    let late = Duration::from_millis(300);
    let mut token = token;
    for issuing in [Issuing::Slow(late), Issuing::Late(late)] {
        stage.issuing(issuing);
        let started = Instant::now();
        token = tokens(refresh(&stage, &token)).1;
        assert!(started.elapsed() >= late, "{issuing:?}");
    }
    // Asked by somebody who goes away: one of them has been carried out all the same.
    for (issuing, refreshes) in [(Issuing::Slow(WAIT), 2), (Issuing::Late(WAIT), 3)] {
        stage.issuing(issuing);
        let before = stage.tally();
        let mut stream = connect(&stage).expect("it listens");
        let body = json!({ "refresh_token": token }).to_string();
        let head = "POST /api/auth/refresh HTTP/1.1\r\nhost: x\r\ncontent-type: application/json";
        write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).expect("sent");
        eventually("it is asked", || (stage.tally() - before).token_requests == 1);
        eventually("it is carried out", || stage.tally().refreshes == refreshes);
    }
}
