//! What tests of brokers rely on: the provider takes what it should, counts what nobody may do, and
//! fails as it is told to.
#![expect(clippy::disallowed_methods, reason = "the provider goes by the real clock")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use unlapse_parts::{Fault, Provider, Rotation, Terms};

const GRACE: Rotation = Rotation::Grace(Duration::from_secs(30));

fn terms(rotation: Rotation) -> Terms {
    Terms { rotation, ..Terms::default() }
}

/// The whole reply; empty when the connection was closed without one.
fn post(provider: &Provider, caller: &str, path: &str, body: &str) -> String {
    let address = provider.url().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head = format!("POST /{caller}/{path} HTTP/1.1\r\nhost: x\r\nconnection: close");
    write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).expect("sent");
    let mut reply = String::new();
    let _ = stream.read_to_string(&mut reply);
    reply
}

fn refresh(provider: &Provider, caller: &str, token: &str) -> String {
    let body = format!("grant_type=refresh_token&refresh_token={token}");
    post(provider, caller, "token", &body)
}

/// Access and refresh token of a grant.
fn granted(reply: &str) -> (String, String) {
    let member = |name: &str| {
        let (_, rest) = reply.split_once(&format!(r#""{name}":""#)).expect(reply);
        rest.split_once('"').expect("a text ends").0.to_owned()
    };
    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
    (member("access_token"), member("refresh_token"))
}

#[test]
fn rfc6749_6_a_refresh_token_brings_tokens_that_are_good() {
    let provider = Provider::start(terms(Rotation::Strict));
    let login = provider.log_in();
    let (access, next) = granted(&refresh(&provider, "a", &login.refresh_token));
    assert!(provider.is_valid(&access) && provider.is_valid(&login.access_token));
    let (_, third) = granted(&refresh(&provider, "b", &next));
    assert!(third != next && next != login.refresh_token);
    assert!(!provider.is_valid("at-0-0-99999999-0000000000000000"));
    assert!(refresh(&provider, "a", "rt-0-0").contains("invalid_grant"));
    let tally = provider.tally();
    assert_eq!((tally.requests, tally.grants, tally.refused, tally.doubles), (3, 2, 1, 0));
}

/// The address that a user's browser is sent to, with everything that it was given.
fn consent(provider: &Provider, query: &str) -> String {
    let address = provider.url().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head = "HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    write!(stream, "GET /a/authorize?{query} {head}").expect("sent");
    let mut reply = String::new();
    let _ = stream.read_to_string(&mut reply);
    reply
}

#[test]
fn rfc6749_4_1_a_consent_brings_a_code_and_a_code_brings_tokens_once() {
    let provider = Provider::start(terms(Rotation::Strict));
    let asked =
        "response_type=code&client_id=c&redirect_uri=http%3A%2F%2Fb.example%2Fcallback%3Fx%3D1";
    let reply = consent(&provider, &format!("{asked}&state=a%26b"));
    let (_, back) =
        reply.split_once("location: http://b.example/callback?x=1&code=").expect(&reply);
    let code = back.split(['&', '\r']).next().expect("a code").to_owned();
    assert!(back.contains("&state=a%26b"), "{reply}");
    let body = format!(
        "grant_type=authorization_code&code={code}&redirect_uri=http%3A%2F%2Fb.example%2Fcallback%3Fx%3D1"
    );
    let (access, refresh_token) = granted(&post(&provider, "a", "token", &body));
    assert!(provider.is_valid(&access));
    granted(&refresh(&provider, "a", &refresh_token));
    assert!(post(&provider, "a", "token", &body).contains("invalid_grant"), "once");
    for query in ["", "response_type=code", "redirect_uri=http%3A%2F%2Fb.example%2F"] {
        let reply = consent(&provider, query);
        assert!(reply.starts_with("HTTP/1.1 400 ") && !reply.contains("location"), "{reply}");
    }
}

#[test]
fn rfc9700_4_14_a_refresh_token_that_is_used_twice_ends_its_login() {
    let provider = Provider::start(terms(Rotation::Strict));
    let (login, other) = (provider.log_in(), provider.log_in());
    let (access, _) = granted(&refresh(&provider, "a", &login.refresh_token));
    assert!(refresh(&provider, "a", &login.refresh_token).contains("invalid_grant"));
    assert!(!provider.is_alive(login.family) && !provider.is_valid(&access));
    assert!(provider.is_alive(other.family) && provider.is_valid(&other.access_token));
    assert_eq!((provider.tally().doubles, provider.tally().families_revoked), (1, 1));
}

#[test]
fn within_its_grace_it_brings_the_same_again_and_only_need_excuses_it() {
    let provider = Provider::start(terms(GRACE));
    let login = provider.log_in();
    provider.fail_next([Fault::LostReply]);
    assert_eq!(refresh(&provider, "a", &login.refresh_token), "", "no word");
    let (_, second) = granted(&refresh(&provider, "a", &login.refresh_token));
    let (_, third) = granted(&refresh(&provider, "a", &second));
    provider.in_trouble("a");
    assert_eq!(granted(&refresh(&provider, "b", &second)).1, third);
    provider.is_well("a");
    assert_eq!((provider.tally().replays, provider.tally().doubles), (2, 0));
    assert_eq!(granted(&refresh(&provider, "a", &second)).1, third);
    assert_eq!((provider.tally().replays, provider.tally().doubles), (2, 1));
    assert!(provider.is_alive(login.family));
}

#[test]
fn access_tokens_end_in_time_and_with_their_login() {
    let short = Terms { access_ttl: Duration::from_secs(1), ..terms(GRACE) };
    let provider = Provider::start(short);
    let login = provider.log_in();
    assert!(provider.is_valid(&login.access_token));
    let start = Instant::now();
    while provider.is_valid(&login.access_token) {
        assert!(start.elapsed() < Duration::from_secs(30), "it never ends");
        std::thread::sleep(Duration::from_millis(20));
    }
    let (access, _) = granted(&refresh(&provider, "a", &login.refresh_token));
    post(&provider, "a", "revoke", &format!("token={}", login.refresh_token));
    assert!(!provider.is_valid(&access) && !provider.is_alive(login.family));

    let provider = Provider::start(Terms { one_access_token: true, ..terms(GRACE) });
    let login = provider.log_in();
    let (access, _) = granted(&refresh(&provider, "a", &login.refresh_token));
    assert!(provider.is_valid(&access) && !provider.is_valid(&login.access_token));
}

#[test]
fn it_fails_as_it_is_told_and_no_token_is_spent_by_that() {
    let provider = Provider::start(terms(Rotation::Strict));
    let login = provider.log_in();
    let limited = Fault::Limited(Duration::from_secs(7));
    let hang = Fault::Hang(Duration::from_millis(50));
    let rows = [
        (Fault::Unavailable, "HTTP/1.1 503 ", ""),
        (limited, "HTTP/1.1 429 ", "retry-after: 7\r\n"),
        (Fault::Page, "HTTP/1.1 200 ", "<html>"),
        (Fault::InvalidGrant, "HTTP/1.1 400 ", "invalid_grant"),
        (Fault::InvalidClient, "HTTP/1.1 401 ", "invalid_client"),
        (hang, "", ""),
    ];
    for (fault, begins, contains) in rows {
        provider.fail_next([fault]);
        let reply = refresh(&provider, "a", &login.refresh_token);
        assert!(reply.starts_with(begins) && reply.contains(contains), "{fault:?}: {reply}");
        assert_eq!(reply.is_empty(), begins.is_empty(), "{fault:?}: {reply}");
    }
    provider.fail_caller("b", Some(Fault::InvalidClient));
    provider.fail_login(login.family, Some(Fault::Slow(Duration::from_millis(20))));
    let (_, next) = granted(&refresh(&provider, "a", &login.refresh_token));
    provider.fail_login(login.family, None);
    assert!(refresh(&provider, "b", &next).contains("invalid_client"));
    provider.fail_caller("b", None);
    granted(&refresh(&provider, "b", &next));
    let tally = provider.tally();
    assert_eq!((tally.faults, tally.grants, tally.doubles), (8, 2, 0));
    provider.weather(1, vec![Fault::Unavailable], 1);
    assert!(refresh(&provider, "a", "x").starts_with("HTTP/1.1 503 "));
}
