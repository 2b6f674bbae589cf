//! Rejections, the ladder and rules for tokens (R8, R9, R14, C8).

use std::sync::atomic::Ordering;
use std::time::Duration;

use unlapse::{Error, Event, Secret};
use unlapse_core::{Cause, Grant, LoginReason, Rejection, Reuse, Rules, Rungs, State};

use crate::world::{Fault, World};
use crate::{LOGIN, secs};

#[tokio::test(start_paused = true)]
async fn r8_a_firewalls_page_ends_no_login() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.expire().await;
    for status in [403, 200, 407] {
        world.server.fault(Fault::Html(status));
    }
    let error = process.token().await.unwrap_err();
    assert!(matches!(error, Error::Temporary { cause: Cause::Html(407), .. }), "{error}");
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-2");
}

#[tokio::test(start_paused = true)]
async fn r9_r14_the_ladder_goes_down_on_rejection_only() {
    let world = World::new(Reuse::Strict);
    *world.server.rungs.lock().unwrap() = Rungs { refresh: true, login: true, api_key: false };
    let process = world.log_in().await;
    world.expire().await;
    for _ in 0..3 {
        world.server.fault(Fault::Status(503, None));
    }
    assert!(process.token().await.is_err());
    assert_eq!(world.server.logins.load(Ordering::SeqCst), 0, "trouble starts no login");
    world.server.fault(Fault::Reject(Rejection::InvalidGrant));
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-2");
    assert_eq!(world.server.logins.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn r14_rejected_credentials_are_not_tried_again_and_the_api_key_stands_in() {
    let world = World::new(Reuse::Strict);
    *world.server.rungs.lock().unwrap() = Rungs { refresh: true, login: true, api_key: false };
    *world.server.refuse_login.lock().unwrap() = true;
    let process = world.process().await;
    let error = process.token().await.unwrap_err();
    assert!(error.needs_login());
    assert!(process.token().await.unwrap_err().needs_login());
    assert_eq!(world.server.logins.load(Ordering::SeqCst), 1, "accounts are locked for more");
    let with_key = world.builder().api_key(unlapse::Secret::new("key")).build().await;
    let token = with_key.token().await.unwrap();
    assert!(token.is_api_key);
    assert_eq!(with_key.bearer().await.unwrap().header(), "Bearer key");
}

#[tokio::test(start_paused = true)]
async fn r14_a_refresh_token_past_its_end_is_told_once_and_kept() {
    let world = World::new(Reuse::Strict);
    let process = world.process().await;
    let mut grant = world.server.open();
    grant.refresh_expires_in = Some(secs(1800));
    process.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
    world.pass(secs(1801)).await;
    // The access token is good for longer, and is served (R9).
    assert!(process.refresh().await.unwrap_err().needs_login());
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-1");
    world.expire().await;
    assert!(process.token().await.unwrap_err().needs_login());
    assert!(world.process().await.token().await.unwrap_err().needs_login());
    let reason = LoginReason::RefreshExpired;
    assert_eq!(world.store.record().state, State::NeedsLogin(reason));
    let told = world
        .events
        .lock()
        .unwrap()
        .iter()
        .filter(|event| **event == Event::Ended { reason })
        .count();
    assert_eq!((told, world.server.requests()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn r14_a_login_without_a_refresh_token_ends_with_its_token_and_is_told_once() {
    let world = World::new(Reuse::Strict);
    let process = world.process().await;
    let grant = unlapse_core::Grant { refresh_token: None, ..world.server.open() };
    process.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
    // Nothing can be asked for it, and that is no reason to end it before.
    assert!(process.refresh().await.unwrap_err().needs_login());
    assert_eq!(world.store.record().state, State::Active);
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-1");
    world.expire().await;
    assert!(process.token().await.unwrap_err().needs_login());
    assert!(world.process().await.token().await.unwrap_err().needs_login());
    let reason = LoginReason::NoRefreshToken;
    assert_eq!(world.store.record().state, State::NeedsLogin(reason));
    let events = world.events.lock().unwrap();
    let told = events.iter().filter(|event| **event == Event::Ended { reason }).count();
    assert_eq!((told, world.server.requests()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn r9_a_rejected_client_is_no_rejected_login() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.expire().await;
    world.server.fault(Fault::Reject(Rejection::InvalidClient));
    let error = process.token().await.unwrap_err();
    assert_eq!(error.code(), "client_rejected");
    assert_eq!(world.store.record().state, State::Active);
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-2");
}

#[tokio::test(start_paused = true)]
async fn r9_an_ended_login_still_serves_its_token() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.pass(Duration::from_secs(3400)).await;
    world.server.fault(Fault::Reject(Rejection::InvalidGrant));
    let error = process.refresh().await.unwrap_err();
    assert!(error.needs_login());
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-1");
    world.expire().await;
    assert!(process.token().await.unwrap_err().needs_login());
    assert_eq!(world.server.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn c8_a_token_that_breaks_a_rule_is_refused_and_its_successor_kept() {
    let mut world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    drop(process);
    world.policy.rules =
        Rules { max_lifetime: Some(Duration::from_secs(86_400)), ..Rules::default() };
    let process = world.process().await;
    world.expire().await;
    world.server.fault(Fault::Opaque);
    let error = process.token().await.unwrap_err();
    assert_eq!(error.code(), "token_rule_broken");
    // The refresh token that came with it was kept: the login is alive.
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-3");
    assert_eq!(world.server.families_revoked(), 0);
}

#[tokio::test(start_paused = true)]
async fn a1_refresh_force_and_obtain() {
    let world = World::new(Reuse::Strict);
    *world.server.rungs.lock().unwrap() = Rungs { refresh: true, login: true, api_key: false };
    let (one, two) = (world.log_in().await, world.process().await);
    assert_eq!(one.refresh().await.unwrap().generation, 2);
    // `two` has not looked since: somebody else's renewal is as good as its own.
    assert_eq!(two.refresh().await.unwrap().generation, 2);
    assert_eq!(two.force_refresh().await.unwrap().generation, 3);
    assert_eq!(one.obtain().await.unwrap().generation, 4);
    assert_eq!(world.server.logins.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn r9_a_refused_extra_login_is_no_answer_to_who_wants_any_token() {
    let world = World::new(Reuse::Strict);
    *world.server.rungs.lock().unwrap() = LOGIN;
    *world.server.refuse_login.lock().unwrap() = true;
    let process = world.log_in().await;
    world.expire().await;
    let obtaining = {
        let process = process.clone();
        tokio::spawn(async move { process.obtain().await })
    };
    world.pass(Duration::from_millis(10)).await;
    let token = process.token().await;
    assert!(obtaining.await.unwrap().is_err());
    // The login is alive, and its refresh token was never asked about.
    assert!(token.is_ok(), "{token:?}");
}

#[tokio::test(start_paused = true)]
async fn a6_a_token_that_fits_no_header_is_not_called_a_missing_login() {
    let world = World::new(Reuse::Strict);
    let process = world.process().await;
    let mut grant = Grant::bearer(Secret::new("bad\ntoken"));
    grant.expires_in = Some(secs(3600));
    process.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
    let error = process.bearer().await.unwrap_err();
    assert!(!matches!(
        error,
        Error::NeedsLogin { reason: unlapse_core::LoginReason::NeverLoggedIn, .. }
    ));
}
