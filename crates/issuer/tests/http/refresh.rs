//! Succession as clients see it, and what else a refresh may run into.

use std::time::Duration;

use serde_json::json;
use unlapse_core::Secret;
use unlapse_issuer::verify::Refusal;
use unlapse_issuer::{Event, Pepper, Peppers, Policy, RefreshToken};

use super::server::{FORM, JSON, Server, peppers, refresh_form, refusal, scopes};

#[tokio::test]
async fn j1_current_rotates_before_replays_and_older_ends_the_session() {
    let server = Server::start().await;
    let first = server.login().await;
    let second = server.refresh(&first).await.refresh_token();
    assert_ne!(first, second);
    server.pass(Duration::from_millis(29_999));
    assert_eq!(server.refresh(&first).await.refresh_token(), second, "byte for byte");
    let third = server.refresh(&second).await.refresh_token();
    // Two behind, although its successor is within grace.
    let reply = server.refresh(&first).await;
    assert_eq!(reply.refusal(), refusal(400, "refresh_token_reused"));
    assert_eq!(server.refresh(&third).await.refusal(), refusal(400, "session_revoked"));
    let counts = server.issuer.counts();
    assert_eq!((counts.rotations, counts.replays), (2, 1));
    assert_eq!((counts.reuse_revocations, counts.families_revoked), (1, 1));
}

#[tokio::test]
async fn j1_after_grace_the_one_before_ends_the_session_and_its_access_tokens() {
    let server = Server::start().await;
    let first = server.login().await;
    let rotated = server.refresh(&first).await;
    let access = rotated.text("access_token");
    server.issuer.verify(&access).expect("good");
    server.pass(Duration::from_secs(30));
    let reply = server.refresh(&first).await;
    assert_eq!(reply.refusal(), refusal(400, "refresh_token_reused"));
    assert_eq!(reply.text("error"), "invalid_grant");
    assert_eq!(server.issuer.verify(&access), Err(Refusal::Revoked));
    let reply = server.refresh(&rotated.refresh_token()).await;
    assert_eq!(reply.refusal(), refusal(400, "session_revoked"));
}

#[tokio::test]
async fn j1_the_window_does_not_slide_with_replays() {
    let server = Server::start().await;
    let first = server.login().await;
    let second = server.refresh(&first).await.refresh_token();
    for _ in 0..3 {
        server.pass(Duration::from_secs(9));
        assert_eq!(server.refresh(&first).await.refresh_token(), second);
    }
    server.pass(Duration::from_secs(3));
    let reply = server.refresh(&first).await;
    assert_eq!(reply.refusal(), refusal(400, "refresh_token_reused"));
}

#[tokio::test]
async fn j1_beyond_the_replay_cap_nobody_is_told_to_come_back_when_the_grace_is_over() {
    let policy = Policy { replay_cap: 2, ..Policy::default() };
    let server = Server::start_with(|builder| builder.policy(policy)).await;
    let first = server.login().await;
    let second = server.refresh(&first).await.refresh_token();
    for _ in 0..5 {
        assert_eq!(server.refresh(&first).await.refresh_token(), second);
    }
    let counts = server.issuer.counts();
    assert_eq!((counts.replays, counts.limited, counts.reuse_revocations), (5, 0, 0));
    assert_ne!(server.refresh(&second).await.refresh_token(), second);
}

#[tokio::test]
async fn j1_the_idle_lifetime_slides_and_the_absolute_one_does_not() {
    let day = Duration::from_secs(86_400);
    let server = Server::start().await;
    let idle = server.login().await;
    server.pass(day * 14);
    let reply = server.refresh(&idle).await;
    assert_eq!(reply.refusal(), refusal(400, "refresh_token_expired"));
    let mut token = server.login().await;
    for _ in 0..6 {
        server.pass(day * 13);
        token = server.refresh(&token).await.refresh_token();
    }
    server.pass(Duration::from_secs(12 * 86_400 - 60));
    let last = server.refresh(&token).await;
    assert_eq!(last.json()["expires_in"], 60, "an access token does not outlive its session");
    server.pass(Duration::from_secs(60));
    let reply = server.refresh(&last.refresh_token()).await;
    assert_eq!(reply.refusal(), refusal(400, "session_expired"));
    let verified = server.issuer.verify(&last.text("access_token"));
    assert!(verified.is_ok_and(|claims| claims.exp == 1 + 1_700_000_000 + 104 * 86_400));
}

#[tokio::test]
async fn rfc6749_6_another_client_is_refused_and_changes_nothing() {
    let server = Server::start().await;
    let token = server.login().await;
    for _ in 0..3 {
        let body = format!("grant_type=refresh_token&client_id=other&refresh_token={token}");
        let reply = server.post("/token", FORM, &body).await;
        assert_eq!(reply.refusal(), refusal(400, "client_mismatch"));
    }
    server.refresh(&token).await.refresh_token();
    assert_eq!(server.issuer.counts().rotations, 1);
}

#[tokio::test]
async fn j6_garbage_changes_no_session() {
    let server = Server::start().await;
    let token = server.login().await;
    let id = RefreshToken::parse(&token, &peppers()).expect("ours").session();
    let load = || async {
        use unlapse_issuer::Sessions as _;
        server.store.load(id).await.expect("there").expect("known")
    };
    let before = load().await;
    let mut changed = token.clone().into_bytes();
    let last = changed.last_mut().expect("not empty");
    *last = if *last == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).expect("ASCII");
    for bad in ["x", "v1.a.x", "v1..", "%00", &changed, &token[..token.len() - 4]] {
        let reply = server.refresh(bad).await;
        assert_eq!(reply.refusal(), refusal(400, "refresh_token_malformed"), "{bad}");
    }
    let reply = server.refresh(&token.replacen(".a.", ".z.", 1)).await;
    assert_eq!(reply.refusal(), refusal(400, "refresh_token_unknown"));
    assert_eq!(load().await, before);
    server.refresh(&token).await.refresh_token();
}

#[tokio::test]
async fn j6_a_token_from_before_a_restored_backup_revokes_nothing() {
    use unlapse_issuer::Sessions as _;
    let old = Server::start().await;
    let restored = Server::start().await;
    let first = old.login().await;
    let id = RefreshToken::parse(&first, &peppers()).expect("ours").session();
    let backup = old.store.load(id).await.expect("there").expect("known");
    let second = old.refresh(&first).await.refresh_token();
    let reply = restored.refresh(&second).await;
    assert_eq!(reply.refusal(), refusal(400, "refresh_token_unknown"), "the row is not there");
    restored.store.create(&backup).await.expect("restored");
    let reply = restored.refresh(&second).await;
    assert_eq!(reply.refusal(), refusal(400, "refresh_token_unknown"), "the row is older");
    assert_eq!(restored.refresh(&first).await.refresh_token(), second);
}

#[tokio::test]
async fn j6_a_thief_of_the_pepper_gets_no_token_and_is_noticed() {
    use unlapse_issuer::{Salt, Session, Sessions as _};
    let (told, seen) = std::sync::mpsc::channel();
    let server = Server::start_with(|builder| {
        builder.audit(move |audit| {
            // The receiver is gone only when the test has ended.
            let _ = told.send(audit.event);
        })
    })
    .await;
    let token = server.login().await;
    let id = RefreshToken::parse(&token, &peppers()).expect("ours").session();
    let real = server.store.load(id).await.expect("there").expect("known");
    let forged = Session { salt: Salt::from_bytes([0; 16]), ..real };
    let forged = RefreshToken::mint(&forged, &peppers()).expect("the pepper is there");
    let reply = server.refresh(forged.expose()).await;
    assert_eq!(reply.refusal(), refusal(400, "refresh_token_malformed"));
    assert_eq!(server.refresh(&token).await.refusal(), refusal(400, "session_revoked"));
    let forgery = Event::Revoked(unlapse_issuer::RevokedBecause::Forgery);
    assert!(seen.try_iter().any(|event| event == forgery));
}

#[tokio::test]
async fn j1_peppers_rotate_without_a_logout() {
    let pepper = |kid, byte| Pepper::new(kid, &[byte; 32]).expect("valid");
    let old = Server::start().await;
    let first = old.login().await;
    let second = old.refresh(&first).await.refresh_token();
    // The same sessions, after a restart with a new pepper.
    let both = Peppers::new(pepper("b", 2)).verifying(pepper("a", 1)).expect("two names");
    let store = std::sync::Arc::clone(&old.store);
    let new = Server::start_with(|builder| builder.peppers(both).store(store)).await;
    assert_eq!(new.refresh(&first).await.refresh_token(), second, "a replay over the rotation");
    let third = new.refresh(&second).await.refresh_token();
    assert!(second.starts_with("v1.a.") && third.starts_with("v1.b."));
    assert_eq!(new.refresh(&second).await.refresh_token(), third);
    let reply = old.refresh(&third).await;
    assert_eq!(reply.refusal(), refusal(400, "refresh_token_unknown"));
}

#[tokio::test]
async fn j5_a_store_that_is_away_is_a_503_and_never_a_logout() {
    use std::sync::atomic::Ordering::SeqCst;
    let server = Server::start().await;
    let token = server.login().await;
    server.store.shut.store(true, SeqCst);
    let login = json!({"username": "ada", "password": "correct horse"}).to_string();
    for reply in [
        server.refresh(&token).await,
        server.post("/api/auth/refresh", JSON, &json!({"refresh_token": token}).to_string()).await,
        server.post("/api/auth/login", JSON, &login).await,
        server.post("/revoke", FORM, &format!("client_id=app&token={token}")).await,
        server.post("/token", FORM, &format!("{}&scope=read", refresh_form(&token))).await,
    ] {
        assert_eq!(reply.refusal(), refusal(503, "temporarily_unavailable"));
        assert_eq!(reply.text("error"), "temporarily_unavailable");
        assert_eq!(reply.header("retry-after"), Some("3"));
    }
    assert_eq!(server.get("/healthz").await.status, 503);
    assert_eq!(server.issuer.counts().unavailable, 5);
    server.store.shut.store(false, SeqCst);
    server.refresh(&token).await.refresh_token();
    server.pass(Duration::from_secs(1));
    assert_eq!(server.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn rfc6749_6_fewer_scopes_may_be_asked_for_and_more_cost_nothing() {
    let server = Server::start().await;
    let token = server.login().await;
    let asked = |scope: &str| format!("{}&scope={scope}", refresh_form(&token));
    for scope in ["admin", "read+admin", "%22"] {
        let reply = server.post("/token", FORM, &asked(scope)).await;
        assert_eq!(reply.refusal(), refusal(400, "scope_not_allowed"), "{scope}");
    }
    assert_eq!(server.issuer.counts().rotations, 0, "the token is not spent");
    let reply = server.post("/token", FORM, &asked("read")).await;
    assert_eq!(reply.text("scope"), "read");
    let claims = server.issuer.verify(&reply.text("access_token")).expect("good");
    assert_eq!(claims.scope.as_deref(), Some("read"));
    let reply = server.refresh(&reply.refresh_token()).await;
    assert_eq!(reply.text("scope"), "read write", "the session keeps what it was granted");
}

#[tokio::test]
async fn j2_the_json_pair_speaks_for_its_own_client() {
    let server = Server::start().await;
    let opened = server.issuer.open_session("user-1", "api", scopes("")).await.expect("opened");
    let token = opened.refresh_token.as_ref().map(Secret::expose).expect("a session has one");
    let body = json!({ "refresh_token": token }).to_string();
    let reply = server.post("/api/auth/refresh", JSON, &body).await;
    let next = reply.refresh_token();
    assert_eq!(reply.text("token_type"), "Bearer");
    assert_eq!(reply.json()["expires_in"], 900);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(server.post("/api/auth/refresh", JSON, &body).await.refresh_token(), next);
    let apps = json!({ "refresh_token": server.login().await }).to_string();
    let reply = server.post("/api/auth/refresh", JSON, &apps).await;
    assert_eq!(reply.refusal(), refusal(401, "client_mismatch"));
}
