//! RFC 7009.

use unlapse_issuer::verify::Refusal;

use super::server::{FORM, Server, refusal};

#[tokio::test]
async fn k9_a_refresh_token_of_any_generation_ends_its_session() {
    let server = Server::start().await;
    for generation in 0..3 {
        let mut tokens = vec![server.login().await];
        let mut access = String::new();
        for at in 0..3 {
            let reply = server.refresh(&tokens[at]).await;
            tokens.push(reply.refresh_token());
            access = reply.text("access_token");
        }
        let body = format!("client_id=app&token={}&token_type_hint=x", tokens[generation]);
        let reply = server.post("/revoke", FORM, &body).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, ""));
        assert_eq!(server.post("/revoke", FORM, &body).await.status, 200, "again");
        assert_eq!(server.refresh(&tokens[3]).await.refusal(), refusal(400, "session_revoked"));
        assert_eq!(server.issuer.verify(&access), Err(Refusal::Revoked));
    }
    assert_eq!(server.issuer.counts().families_revoked, 3);
}

#[tokio::test]
async fn k9_an_access_token_ends_its_session_and_one_without_a_session_ends_alone() {
    let server = Server::start().await;
    let reply = server.refresh(&server.login().await).await;
    let access = reply.text("access_token");
    let body = format!("client_id=app&token={access}");
    assert_eq!(server.post("/revoke", FORM, &body).await.status, 200);
    assert_eq!(server.issuer.verify(&access), Err(Refusal::Revoked));
    let refreshed = server.refresh(&reply.refresh_token()).await;
    assert_eq!(refreshed.refusal(), refusal(400, "session_revoked"));

    let job = "client_id=job&client_secret=s3cret";
    let grant = format!("grant_type=client_credentials&{job}");
    let one = server.post("/token", FORM, &grant).await.text("access_token");
    let other = server.post("/token", FORM, &grant).await.text("access_token");
    assert_eq!(server.post("/revoke", FORM, &format!("{job}&token={one}")).await.status, 200);
    assert_eq!(server.issuer.verify(&one), Err(Refusal::Revoked));
    server.issuer.verify(&other).expect("the other is as good as before");
}

#[tokio::test]
async fn k9_what_is_revoked_stays_so_until_its_last_access_token_has_expired() {
    let server = Server::start().await;
    let access = server.refresh(&server.login().await).await.text("access_token");
    let body = format!("client_id=app&token={access}");
    assert_eq!(server.post("/revoke", FORM, &body).await.status, 200);
    for _ in 0..14 {
        server.pass(std::time::Duration::from_secs(60));
        for _ in 0..10 {
            let body = format!("client_id=app&token={}", server.login().await);
            assert_eq!(server.post("/revoke", FORM, &body).await.status, 200);
        }
        assert_eq!(server.issuer.verify(&access), Err(Refusal::Revoked));
    }
    // A verifier whose clock is behind takes it for 30 s more: it is denied for those, too.
    server.pass(std::time::Duration::from_secs(61));
    assert_eq!(server.issuer.verify(&access), Err(Refusal::Revoked));
    server.pass(std::time::Duration::from_secs(30));
    assert_eq!(server.issuer.verify(&access), Err(Refusal::Expired));
}

#[tokio::test]
async fn rfc7009_2_2_what_is_no_token_is_revoked_already() {
    let server = Server::start().await;
    for token in ["x", "v1.a.x", "a.b.c", &"x".repeat(10_000)] {
        let body = format!("client_id=app&token={token}");
        assert_eq!(server.post("/revoke", FORM, &body).await.status, 200, "{token}");
    }
    let stranger = Server::start().await;
    let body = format!("client_id=app&token={}", stranger.login().await);
    assert_eq!(server.post("/revoke", FORM, &body).await.status, 200);
    assert_eq!(server.issuer.counts().families_revoked, 0);
}

#[tokio::test]
async fn rfc7009_2_1_another_client_revokes_nothing() {
    let server = Server::start().await;
    let token = server.login().await;
    let reply = server.refresh(&token).await;
    for token in [token, reply.refresh_token(), reply.text("access_token")] {
        let body = format!("client_id=other&token={token}");
        let refused = server.post("/revoke", FORM, &body).await;
        assert_eq!(refused.refusal(), refusal(400, "client_mismatch"));
    }
    let reply = server.post("/revoke", FORM, "token=x").await;
    assert_eq!(reply.refusal(), refusal(401, "client_authentication_failed"));
    let missing = server.post("/revoke", FORM, "client_id=app").await;
    assert_eq!(missing.refusal(), refusal(400, "request_malformed"));
    server.issuer.verify(&reply_access(&server).await).expect("alive");
}

async fn reply_access(server: &Server) -> String {
    server.refresh(&server.login().await).await.text("access_token")
}
