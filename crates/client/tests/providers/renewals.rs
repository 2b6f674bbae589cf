//! A provider under the renewal itself: what it grants is what is spent next.

use std::sync::Arc;

use unlapse::{Builder, Key, Login, ProviderExchange, Secret};
use unlapse_core::{Error, LoginReason};
use unlapse_store::MemoryStore;

use super::server::{Expected, Kind, NO_AUTH, Server};
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
