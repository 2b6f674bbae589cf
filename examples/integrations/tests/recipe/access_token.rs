//! When an access token is renewed before it is handed out (I3).

use std::sync::Arc;
use std::time::{Duration, Instant};

use integrations::{Code, ConnectionId, Connections, Providers};
use unlapse::{Policy, tokio::system_now};
use unlapse_core::{Grant, Record, Secret};
use unlapse_example_stage::Issuing;
use unlapse_store::MemoryStore;

use crate::three_providers::{CLIENT, CLIENT_SECRET, ThreeProviders};

/// A connection of ada's with mail, as it was made a while ago.
struct World {
    providers: ThreeProviders,
    connections: Connections,
    id: ConnectionId,
}

/// A token with so long left, of a lifetime of 15 min; without an end, where that is `None`.
fn world(left: Option<u64>, has_refresh_token: bool) -> World {
    let providers = ThreeProviders::start();
    let id = ConnectionId::parse("ada", "mail", "ada").expect("names");
    let store = MemoryStore::new();
    let mut grant = Grant::bearer(Secret::new("opaque"));
    grant.expires_in = left.map(|_| Duration::from_secs(900));
    grant.refresh_token = has_refresh_token.then(|| providers.mail.open_session("ada", CLIENT, ""));
    let mut sent = system_now();
    let ago = Duration::from_secs(900 - left.unwrap_or(900));
    sent.wall = sent.wall.minus(ago);
    sent.boot.boot = 0;
    store.put(&id.key(), Record::default().logged_in(grant, sent));
    let secret = |_: &str| Some(CLIENT_SECRET.to_owned());
    let parsed = Providers::parse(&providers.file(), &Policy::default(), secret);
    let connections = Connections::new(Arc::new(store), parsed.expect("good"));
    World { providers, connections, id }
}

#[tokio::test]
async fn i3_what_ends_within_five_minutes_is_renewed_first() {
    for (left, is_renewed) in
        [(Some(0), true), (Some(60), true), (Some(290), true), (Some(350), false), (None, false)]
    {
        let world = world(left, true);
        let token = world.connections.access_token(&world.id).await.expect("a token");
        assert_eq!(token.secret.expose() != "opaque", is_renewed, "{left:?}");
        let asked = world.providers.mail.tally().token_requests;
        assert_eq!(asked, u64::from(is_renewed), "{left:?}");
    }
}

#[tokio::test]
async fn i3_a_provider_that_hangs_withholds_no_token_that_is_still_valid() {
    let world = world(Some(60), true);
    world.providers.mail.issuing(Issuing::Slow(Duration::from_secs(10)));
    let started = Instant::now();
    let token = world.connections.access_token(&world.id).await.expect("a token");
    assert_eq!(token.secret.expose(), "opaque");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test]
async fn i3_a_token_that_nothing_renews_asks_for_reconnection_when_it_has_ended() {
    let bare = world(Some(0), false);
    let error = bare.connections.access_token(&bare.id).await.expect_err("it has ended");
    assert_eq!((error.code, error.needs_reconnect()), (Code::TokenExpired, true));
    let world = world(Some(0), true);
    world.providers.mail.end_sessions();
    let error = world.connections.access_token(&world.id).await.expect_err("it was ended");
    assert_eq!((error.code, error.needs_reconnect()), (Code::TokenExpired, true));
}
