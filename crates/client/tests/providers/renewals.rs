//! A provider under the renewal itself: what it grants is what is spent next.

use std::sync::Arc;

use unlapse::{Builder, Key, Login, ProviderExchange, Revoked, Secret};
use unlapse_core::{Error, Grant, LoginReason};
use unlapse_store::MemoryStore;

use super::server::{BASIC, Expected, Kind, NO_AUTH, Server};
use super::stage::{client, exchange, metadata, rehearsed};

fn refresh_with(params: &'static str, status: u16, reply: &str) -> Expected {
    Expected {
        method: "GET",
        url: "https://graph.instagram.com/refresh_access_token",
        kind: Kind::Query,
        params,
        headers: vec![NO_AUTH],
        status,
        content_type: "application/json",
        reply: reply.to_owned(),
    }
}

#[tokio::test]
async fn x4_at_instagram_the_access_token_is_what_buys_the_next() {
    let server = Server::start(vec![
        refresh_with(
            "grant_type=ig_refresh_token&access_token=at-1",
            200,
            r#"{"access_token":"at-2","token_type":"bearer","expires_in":5183944}"#,
        ),
        refresh_with(
            "grant_type=ig_refresh_token&access_token=at-2",
            200,
            r#"{"access_token":"at-3","token_type":"bearer","expires_in":5183944}"#,
        ),
        // Its user has withdrawn the app: the login has ended, and only this says so.
        refresh_with(
            "grant_type=ig_refresh_token&access_token=at-3",
            400,
            r#"{"error":{"message":"x","type":"OAuthException","code":190}}"#,
        ),
    ])
    .await;
    let provider = rehearsed("instagram", &server);
    let exchange: ProviderExchange = exchange(provider, client(&[], None), metadata(&[]));
    let store = Arc::new(MemoryStore::new());
    let source = Builder::new(Key::new("instagram"), store, Arc::new(exchange)).build().await;
    let login = Login { refresh_token: Some(Secret::new("at-1")), ..Login::default() };
    source.log_in(login).await.unwrap();
    assert_eq!(source.token().await.unwrap().secret.expose(), "at-2");
    assert_eq!(source.force_refresh().await.unwrap().secret.expose(), "at-3");
    let ended = source.force_refresh().await.unwrap_err();
    server.check("instagram");
    let reason = LoginReason::RefreshRejected;
    assert_eq!(ended, Error::NeedsLogin { key: Key::new("instagram"), reason });
    source.settle().await.unwrap();
}

#[tokio::test]
async fn k9_a_log_out_brings_the_token_that_the_provider_takes() {
    let posted = "token=at-1&client_id=cid&client_secret=sec";
    for (id, url, params, header, reply) in [
        (
            "google",
            "https://oauth2.googleapis.com/revoke",
            "token=rt-1&client_id=cid&client_secret=sec",
            NO_AUTH,
            "{}",
        ),
        ("linkedin", "https://www.linkedin.com/oauth/v2/revoke", posted, NO_AUTH, "{}"),
        (
            "slack",
            "https://slack.com/api/auth.revoke",
            "",
            ("authorization", "Bearer at-1"),
            r#"{"ok":true,"revoked":true}"#,
        ),
        (
            "tiktok",
            "https://open.tiktokapis.com/v2/oauth/revoke/",
            "token=at-1&client_key=cid&client_secret=sec",
            NO_AUTH,
            "{}",
        ),
        ("twitch", "https://id.twitch.tv/oauth2/revoke", posted, NO_AUTH, ""),
        ("zoom", "https://zoom.us/oauth/revoke", "token=at-1", BASIC, r#"{"status":"success"}"#),
    ] {
        let revocation = Expected {
            method: "POST",
            url,
            kind: Kind::Form,
            params,
            headers: vec![header],
            status: 200,
            content_type: "application/json",
            reply: reply.to_owned(),
        };
        let server = Server::start(vec![revocation]).await;
        let exchange = exchange(rehearsed(id, &server), client(&[], None), metadata(&[]));
        let store = Arc::new(MemoryStore::new());
        let source = Builder::new(Key::new(id), store, Arc::new(exchange)).build().await;
        let mut grant = Grant::bearer(Secret::new("at-1"));
        grant.refresh_token = Some(Secret::new("rt-1"));
        source.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
        assert_eq!(source.log_out().await.unwrap(), Revoked::Done, "{id}");
        server.check(id);
        source.settle().await.unwrap();
    }
}
