//! Who comes too often waits, and nobody else (J2).

use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use unlapse_core::Secret;
use unlapse_issuer::{
    Client, Code, Event, ForwardedHeader, GrantType, IssuerBuilder, MemoryClients, Proxies, Rate,
    RateLimits,
};

use super::server::{FORM, JSON, Reply, Server, ask, refresh_form, refusal};

const MINUTE: Duration = Duration::from_secs(60);

/// An issuer behind a proxy on the loopback, with these limits alone.
async fn behind_a_proxy(limits: RateLimits) -> Server {
    let proxies = Proxies::new(["127.0.0.1"], ForwardedHeader::default()).expect("an address");
    Server::start_with(|builder: IssuerBuilder| builder.rate_limits(limits).proxies(proxies)).await
}

async fn from(server: &Server, peer: &str, path: &str, header: (&str, &str), body: &str) -> Reply {
    let headers = [header, ("x-forwarded-for", peer)];
    ask(server.address, "POST", path, &headers, body.as_bytes()).await
}

#[tokio::test]
async fn j2_an_address_that_comes_too_often_waits_and_no_other() {
    let rate = Rate::new(3, MINUTE);
    let server = behind_a_proxy(RateLimits { peer: Some(rate), ..RateLimits::off() }).await;
    let doors = [("/token", FORM), ("/revoke", FORM), ("/api/auth/login", JSON)];
    for (path, header) in doors {
        assert!(matches!(from(&server, "203.0.113.5", path, header, "x").await.status, 400 | 401));
    }
    let doors = doors.into_iter().chain([("/api/auth/refresh", JSON), ("/nowhere", JSON)]);
    for (path, header) in doors {
        let reply = from(&server, "203.0.113.5", path, header, "x").await;
        assert_eq!(reply.refusal(), refusal(429, "rate_limited"), "{path}");
        assert_eq!(reply.header("retry-after"), Some("20"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
    // What the client wrote into the header itself changes nothing.
    let reply = from(&server, "198.51.100.1, 203.0.113.5", "/token", FORM, "x").await;
    assert_eq!(reply.status, 429);
    assert_ne!(from(&server, "203.0.113.6", "/token", FORM, "x").await.status, 429);
    let published = ask(server.address, "GET", "/jwks", &[("x-forwarded-for", "203.0.113.5")], b"");
    assert_eq!(published.await.status, 200);
    assert_eq!(server.issuer.counts().limited, 6);
    server.pass(MINUTE / 3);
    assert_ne!(from(&server, "203.0.113.5", "/token", FORM, "x").await.status, 429);
    assert_eq!(from(&server, "203.0.113.5", "/token", FORM, "x").await.status, 429);
}

#[tokio::test]
async fn j2_a_network_of_ipv6_is_one_address() {
    let rate = Rate::new(2, MINUTE);
    let server = behind_a_proxy(RateLimits { peer: Some(rate), ..RateLimits::off() }).await;
    let mut statuses = Vec::new();
    for peer in ["2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::3", "2001:db8:0:1::1"] {
        statuses.push(from(&server, peer, "/token", FORM, "x").await.status);
    }
    assert_eq!(statuses, [400, 400, 429, 400]);
}

#[tokio::test]
async fn j2_without_proxies_a_header_counts_for_nothing_and_neither_does_the_loopback() {
    let peer = Some(Rate::new(1, MINUTE));
    let limits = RateLimits { peer, ..RateLimits::off() };
    let server = Server::start_with(|builder| builder.rate_limits(limits)).await;
    for _ in 0..5 {
        assert_eq!(from(&server, "203.0.113.5", "/token", FORM, "x").await.status, 400);
    }
}

#[tokio::test]
async fn j2_a_session_that_comes_too_often_waits_before_the_store_is_asked() {
    let session = Some(Rate::new(3, MINUTE));
    let limits = RateLimits { session, ..RateLimits::off() };
    let server = Server::start_with(|builder| builder.rate_limits(limits)).await;
    let mut token = server.login().await;
    for _ in 0..2 {
        token = server.refresh(&token).await.refresh_token();
    }
    let mut garbled = token.clone().into_bytes();
    garbled[30] = if garbled[30] == b'A' { b'B' } else { b'A' };
    let garbled = String::from_utf8(garbled).expect("ASCII");
    for _ in 0..5 {
        // Nobody uses up the rate of a session whose tokens they do not have.
        assert_eq!(
            server.refresh(&garbled).await.refusal(),
            refusal(400, "refresh_token_malformed")
        );
    }
    token = server.refresh(&token).await.refresh_token();
    let asked = server.store.asked.load(SeqCst);
    let reply = server.refresh(&token).await;
    assert_eq!(reply.refusal(), refusal(429, "rate_limited"));
    assert_eq!(reply.header("retry-after"), Some("20"));
    let named = format!("{}&scope=read", refresh_form(&token));
    assert_eq!(server.post("/token", FORM, &named).await.status, 429);
    let revoked = server.post("/revoke", FORM, &format!("client_id=app&token={token}")).await;
    assert_eq!(revoked.status, 429);
    assert_eq!(server.store.asked.load(SeqCst), asked);
    server.refresh(&server.login().await).await.refresh_token();
    server.pass(MINUTE / 3);
    server.refresh(&token).await.refresh_token();
}

#[tokio::test]
async fn j2_garbage_costs_a_mac_and_no_question_to_the_store() {
    let server = Server::start().await;
    let token = server.login().await;
    let asked = server.store.asked.load(SeqCst);
    let mut garbled = token.clone().into_bytes();
    for place in (5..garbled.len()).step_by(7) {
        let was = garbled[place];
        garbled[place] = if was == b'A' { b'B' } else { b'A' };
        let text = String::from_utf8(garbled.clone()).expect("ASCII");
        assert_eq!(server.refresh(&text).await.status, 400);
        let json = json!({"refresh_token": text}).to_string();
        assert_eq!(server.post("/api/auth/refresh", JSON, &json).await.status, 401);
        let revoked = server.post("/revoke", FORM, &format!("client_id=app&token={text}")).await;
        assert_eq!(revoked.status, 200);
        garbled[place] = was;
    }
    assert_eq!(server.store.asked.load(SeqCst), asked, "the store was asked nothing");
    server.refresh(&token).await.refresh_token();
    assert_eq!(server.store.asked.load(SeqCst), asked + 1, "and a good one costs one question");
}

#[tokio::test]
async fn j2_health_costs_one_question_a_second_however_many_ask() {
    let server = Server::start().await;
    let asked = server.store.asked.load(SeqCst);
    for seconds in 1..3 {
        for _ in 0..20 {
            assert_eq!(server.get("/healthz").await.status, 200);
        }
        assert_eq!(server.store.asked.load(SeqCst), asked + seconds);
        server.pass(Duration::from_secs(1));
    }
}

#[tokio::test]
async fn j2_a_client_that_comes_too_often_waits_unless_anybody_could_be_it() {
    let client = Some(Rate::new(2, MINUTE));
    let limits = RateLimits { client, ..RateLimits::off() };
    let server = Server::start_with(|builder| builder.rate_limits(limits)).await;
    let form = "grant_type=client_credentials&client_id=job&client_secret=";
    for _ in 0..5 {
        let wrong = server.post("/token", FORM, &format!("{form}wrong")).await;
        assert_eq!(wrong.status, 401, "nobody uses up the rate of a client that they are not");
    }
    let right = format!("{form}s3cret");
    assert_eq!(server.post("/token", FORM, &right).await.status, 200);
    assert_eq!(server.post("/token", FORM, &right).await.status, 200);
    let reply = server.post("/token", FORM, &right).await;
    assert_eq!(reply.refusal(), refusal(429, "rate_limited"));
    for _ in 0..5 {
        server.refresh(&server.login().await).await.refresh_token();
    }
}

#[tokio::test]
async fn j2_failed_logins_of_many_accounts_make_their_address_wait() {
    let login_failures = Some(Rate::new(3, MINUTE));
    let server = behind_a_proxy(RateLimits { login_failures, ..RateLimits::off() }).await;
    let log_in = async |peer: &str, username: &str, password: &str| {
        let body = json!({"username": username, "password": password}).to_string();
        from(&server, peer, "/api/auth/login", JSON, &body).await.status
    };
    // Those that succeed are not counted.
    for _ in 0..4 {
        assert_eq!(log_in("203.0.113.7", "ada", "correct horse").await, 200);
    }
    for name in ["ben", "cleo", "dan"] {
        assert_eq!(log_in("203.0.113.5", name, "guess").await, 401);
        assert_eq!(log_in("203.0.113.7", name, "guess").await, 401);
    }
    assert_eq!(log_in("203.0.113.7", "ben", "guess").await, 429);
    assert_eq!(log_in("203.0.113.7", "ada", "correct horse").await, 200, "known there");
    assert_eq!(log_in("203.0.113.5", "ada", "correct horse").await, 429);
    let form = "grant_type=password&client_id=app&username=ada&password=correct+horse";
    assert_eq!(from(&server, "203.0.113.5", "/token", FORM, form).await.status, 429);
    assert_eq!(log_in("203.0.113.6", "ada", "correct horse").await, 200);
    server.pass(MINUTE / 3);
    assert_eq!(log_in("203.0.113.5", "ada", "correct horse").await, 200);
}

#[tokio::test]
async fn j2_a_stranger_who_fails_on_and_on_does_not_shut_the_owner_out() {
    let server = behind_a_proxy(RateLimits::off()).await;
    let log_in = async |peer: &str, password: &str| {
        let body = json!({"username": "ada", "password": password}).to_string();
        from(&server, peer, "/api/auth/login", JSON, &body).await
    };
    for _ in 0..12 {
        assert_eq!(log_in("203.0.113.5", "guess").await.status, 401);
        assert_eq!(log_in("203.0.113.6", "correct horse").await.status, 200);
        server.pass(MINUTE);
    }
    log_in("203.0.113.5", "guess").await;
    let waiting = log_in("203.0.113.5", "guess").await;
    assert_eq!((waiting.status, waiting.header("retry-after")), (429, Some("60")));
}

#[tokio::test]
async fn j2_failures_of_its_people_do_not_make_a_client_wait_that_has_proved_itself() {
    let login_failures = Some(Rate::new(3, MINUTE));
    let limits = RateLimits { login_failures, ..RateLimits::off() };
    let proxies = Proxies::new(["127.0.0.1"], ForwardedHeader::default()).expect("an address");
    let clients = [
        Client::confidential("bff", &Secret::new("s3cret")).with_grants([GrantType::Password]),
        Client::public("app").with_grants([GrantType::Password]),
    ];
    let server = Server::start_with(|builder| {
        let clients = Arc::new(MemoryClients::new(clients));
        builder.rate_limits(limits).proxies(proxies).clients(clients)
    })
    .await;
    let log_in = async |client: &str, username: &str, password: &str| {
        let form = format!("grant_type=password&username={username}&password={password}");
        let body = format!("{form}&client_id={client}");
        from(&server, "203.0.113.5", "/token", FORM, &body).await
    };
    let bff = "bff&client_secret=s3cret";
    for name in ["ben", "cleo", "dan", "eve", "finn", "ada"] {
        assert_eq!(log_in(bff, name, "guess").await.status, 400);
    }
    assert_eq!(log_in(bff, "ada", "correct+horse").await.status, 200);
    // An account still waits, for a second.
    for _ in 0..20 {
        assert_eq!(log_in(bff, "ada", "guess").await.refusal().1, "login_failed");
        server.pass(Duration::from_secs(1));
    }
    assert_eq!(log_in(bff, "ada", "guess").await.status, 400);
    let waiting = log_in(bff, "ada", "correct+horse").await;
    assert_eq!((waiting.status, waiting.header("retry-after")), (429, Some("1")));
    // And a public client is anybody.
    for name in ["ben", "cleo", "dan"] {
        assert_eq!(log_in("app", name, "guess").await.status, 400);
    }
    assert_eq!(log_in("app", "eve", "guess").await.status, 429);
}

#[tokio::test]
async fn j2_an_address_that_has_to_wait_is_audited_once_a_minute_and_counted_each_time() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&log);
    let proxies = Proxies::new(["127.0.0.1"], ForwardedHeader::default()).expect("an address");
    let limits = RateLimits { peer: Some(Rate::new(1, MINUTE * 60)), ..RateLimits::off() };
    let server = Server::start_with(|builder| {
        builder.proxies(proxies).rate_limits(limits).audit(move |audit| {
            if audit.event == Event::Refused(Code::RateLimited) {
                writer.lock().expect("no panic held it").push(audit.peer);
            }
        })
    })
    .await;
    for minute in 1..3 {
        for peer in ["203.0.113.5", "203.0.113.6"] {
            for _ in 0..5 {
                from(&server, peer, "/token", FORM, "x").await;
            }
        }
        assert_eq!(log.lock().expect("no panic held it").len(), 2 * minute);
        server.pass(MINUTE);
    }
    assert_eq!(server.issuer.counts().limited, 8 + 10);
}

#[tokio::test]
async fn j2_the_audit_log_says_where_every_request_was_from() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&log);
    let proxies = Proxies::new(["127.0.0.1"], ForwardedHeader::default()).expect("an address");
    let server = Server::start_with(|builder| {
        builder.proxies(proxies).audit(move |audit| {
            writer.lock().expect("no panic held it").push((audit.event, audit.peer));
        })
    })
    .await;
    let token = server.login().await;
    log.lock().expect("no panic held it").clear();
    let login = json!({"username": "ada", "password": "wrong"}).to_string();
    let refresh = json!({"refresh_token": "x"}).to_string();
    let job = "grant_type=client_credentials&client_id=job&client_secret=s3cret";
    for (path, header, body) in [
        ("/token", FORM, refresh_form(&token).as_str()),
        ("/token", FORM, job),
        ("/api/auth/login", JSON, &login),
        ("/api/auth/refresh", JSON, &refresh),
        ("/revoke", FORM, &format!("client_id=other&token={token}")),
        // Also what nobody could read, and whoever did not prove themselves.
        ("/token", FORM, "x=1&x=2"),
        ("/token", FORM, &job.replace("s3cret", "wrong")),
        ("/api/auth/login", JSON, "{"),
        ("/introspect", FORM, "client_id=job&token=x"),
    ] {
        from(&server, "203.0.113.5", path, header, body).await;
    }
    let log = log.lock().expect("no panic held it");
    assert_eq!(log.len(), 9);
    for (event, peer) in log.iter() {
        assert_eq!(*peer, "203.0.113.5".parse().ok(), "{event:?}");
    }
}
