//! What a token is good for, and who may know (RFC 7662).

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use serde_json::{Value, json};
use unlapse_core::Secret;
use unlapse_issuer::{Client, IssuerBuilder, MemoryClients};

use super::server::{FORM, Reply, Server, refresh_form, refusal, scopes};

/// Clients with secrets: `web` logs users in, `api` is the audience of all tokens, `else` is
/// another service.
fn clients(builder: IssuerBuilder) -> IssuerBuilder {
    let secret = Secret::new("s3cret");
    let web = Client::confidential("web", &secret).with_scopes(scopes("read write"));
    let api = Client::confidential("api-server", &secret).serving(["https://api.example"]);
    let other = Client::confidential("else", &secret).serving(["https://else.example"]);
    let app = Client::public("app").with_scopes(scopes("read write"));
    builder
        .audience("https://api.example")
        .clients(std::sync::Arc::new(MemoryClients::new([web, api, other, app])))
}

async fn start() -> Server {
    Server::start_with(clients).await
}

async fn introspect(server: &Server, client: &str, token: &str) -> Value {
    let reply = ask(server, client, token).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    reply.json()
}

async fn ask(server: &Server, client: &str, token: &str) -> Reply {
    let form = format!("client_id={client}&client_secret=s3cret&token={token}");
    server.post("/introspect", FORM, &form).await
}

fn inactive() -> Value {
    json!({"active": false})
}

#[tokio::test]
async fn rfc7662_2_2_an_access_token_is_told_to_its_audience_and_to_its_client() {
    let server = start().await;
    let reply = server.refresh(&server.login().await).await;
    let access = reply.text("access_token");
    let claims = server.issuer.verify(&access).expect("good");
    let seen = introspect(&server, "api-server", &access).await;
    let expected = json!({
        "active": true, "token_type": "Bearer", "iss": claims.iss, "sub": "user-1",
        "aud": "https://api.example", "client_id": "app", "scope": "read write",
        "exp": claims.exp, "iat": claims.iat, "jti": claims.jti, "sid": claims.sid,
    });
    assert_eq!(seen, expected);
    let grant = "grant_type=client_credentials&client_id=web&client_secret=s3cret";
    let own = server.post("/token", FORM, grant).await.text("access_token");
    assert_eq!(introspect(&server, "web", &own).await["sub"], "web");
    for stranger in ["web", "else"] {
        assert_eq!(introspect(&server, stranger, &access).await, inactive(), "{stranger}");
    }
    assert_eq!(introspect(&server, "else", &own).await, inactive());
    server.pass(Duration::from_secs(901));
    assert_eq!(introspect(&server, "api-server", &access).await, inactive());
    assert_eq!(server.issuer.counts().introspections, 6);
}

#[tokio::test]
async fn rfc7662_2_2_a_refresh_token_is_told_to_its_client_and_nothing_comes_of_it() {
    let server = start().await;
    let opened = server.issuer.open_session("user-1", "web", scopes("read")).await;
    let first = opened.expect("opened").refresh_token.expect("a session has one");
    let seen = introspect(&server, "web", first.expose()).await;
    let now = 1_700_000_000;
    assert_eq!(seen["active"], true);
    assert_eq!((&seen["sub"], &seen["client_id"]), (&json!("user-1"), &json!("web")));
    assert_eq!((&seen["scope"], &seen["iat"]), (&json!("read"), &json!(now)));
    assert_eq!(seen["exp"], now + 14 * 86_400);
    for stranger in ["api-server", "else"] {
        assert_eq!(introspect(&server, stranger, first.expose()).await, inactive());
    }
    let form = |token: &str| {
        refresh_form(token).replace("client_id=app", "client_id=web&client_secret=s3cret")
    };
    let second = server.post("/token", FORM, &form(first.expose())).await.refresh_token();
    // Within its grace, the one before can still be used; then it is used up, and nothing ends.
    assert_eq!(introspect(&server, "web", first.expose()).await["active"], true);
    server.pass(Duration::from_secs(31));
    assert_eq!(introspect(&server, "web", first.expose()).await, inactive());
    assert_eq!(introspect(&server, "web", &second).await["active"], true);
    let counts = server.issuer.counts();
    assert_eq!((counts.families_revoked, counts.replays), (0, 0));
    let third = server.post("/token", FORM, &form(&second)).await.refresh_token();
    let revoke = format!("client_id=web&client_secret=s3cret&token={third}");
    server.post("/revoke", FORM, &revoke).await;
    assert_eq!(introspect(&server, "web", &third).await, inactive());
}

#[tokio::test]
async fn rfc7662_2_2_what_another_node_has_just_revoked_is_not_active() {
    use unlapse_issuer::{RevokedBecause, Sessions as _};
    let server = start().await;
    let opened = server.issuer.open_session("user-1", "app", scopes("read")).await.expect("opened");
    let access = opened.access_token.expose();
    assert_eq!(introspect(&server, "api-server", access).await["active"], true);
    let now = unlapse_core::UnixTime::from_secs(1_700_000_001);
    let session = opened.session.expect("a session");
    server.store.revoke(session, RevokedBecause::Owner, now).await.expect("revoked");
    server.issuer.verify(access).expect("nobody has told this node");
    assert_eq!(introspect(&server, "api-server", access).await, inactive());
}

#[tokio::test]
async fn rfc7662_2_1_only_clients_that_prove_themselves_may_ask() {
    let server = start().await;
    let token = server.login().await;
    let failed = refusal(401, "client_authentication_failed");
    for form in [
        format!("token={token}"),
        format!("client_id=app&token={token}"), // its own, but anybody can send this name
        format!("client_id=web&token={token}"),
        format!("client_id=web&client_secret=wrong&token={token}"),
        format!("client_id=nobody&client_secret=s3cret&token={token}"),
    ] {
        let reply = server.post("/introspect", FORM, &form).await;
        assert_eq!(reply.refusal(), failed, "{form}");
    }
}

#[tokio::test]
async fn j6_no_text_is_more_than_inactive_and_a_store_that_is_away_is_no_verdict() {
    let server = start().await;
    let stranger = start().await;
    let foreign = stranger.refresh(&stranger.login().await).await;
    let token = server.login().await;
    let [cut, other] = [&token[..token.len() - 3], &foreign.text("access_token")];
    for text in ["x", "v1.a.x", "a.b.c", "%00%ff", &"x".repeat(10_000), cut, other] {
        assert_eq!(introspect(&server, "api-server", text).await, inactive(), "{text}");
    }
    let missing = server.post("/introspect", FORM, "client_id=web&client_secret=s3cret").await;
    assert_eq!(missing.refusal(), refusal(400, "request_malformed"));
    let access = server.refresh(&token).await.text("access_token");
    server.store.shut.store(true, SeqCst);
    for token in [&token, &access] {
        let reply = ask(&server, "api-server", token).await;
        assert_eq!(reply.refusal(), refusal(503, "temporarily_unavailable"));
        assert_eq!(reply.header("retry-after"), Some("3"));
    }
    assert_eq!(server.issuer.counts().families_revoked, 0);
}
