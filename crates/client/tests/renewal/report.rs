//! Security events that somebody reports, and those that a server tells by its answer (K3, K8).

use std::sync::atomic::Ordering;

use unlapse::{Error, Event, Login, Reaction, Secret, SecurityEvent};
use unlapse_core::{Credentials, LoginReason, Rejection, Reuse, State};

use crate::world::{Fault, World};
use crate::{GRACE, LOGIN, full};

/// What a record keeps beside the token, as after a login with a password (C9).
fn credentials() -> Credentials {
    Credentials {
        username: Some("ann".to_owned()),
        password: Some(Secret::new("p")),
        ..Credentials::default()
    }
}

fn reason(error: &Error) -> Option<LoginReason> {
    match error {
        Error::NeedsLogin { reason, .. } => Some(*reason),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn k8_an_exposed_token_is_renewed_at_once_for_everybody() {
    for event in [
        SecurityEvent::TokenExposed,
        SecurityEvent::CredentialsChanged,
        SecurityEvent::ClaimsChanged,
    ] {
        let world = World::new(Reuse::Strict);
        let process = world.log_in().await;
        let other = world.builder().build().await;
        assert_eq!(other.token().await.unwrap().secret.expose(), "at-1");
        assert_eq!(process.report(event).await, Ok(Reaction::ForceRefresh));
        assert_eq!(process.token().await.unwrap().secret.expose(), "at-2", "{event:?}");
        world.pass(world.policy.trust + secs()).await;
        assert_eq!(other.token().await.unwrap().secret.expose(), "at-2", "{event:?}");
        assert!(world.saw(|seen| matches!(seen, Event::Reported { event: it } if *it == event)));
        // A renewal that fails leaves the event to be reported again.
        world.server.fault(Fault::Unsent);
        world.server.fault(Fault::Unsent);
        world.server.fault(Fault::Unsent);
        assert!(process.report(event).await.is_err());
    }
}

fn secs() -> std::time::Duration {
    crate::secs(1)
}

#[tokio::test(start_paused = true)]
async fn k3_what_is_exposed_leaves_no_secret_anywhere() {
    for event in
        [SecurityEvent::LoginExposed, SecurityEvent::ReuseDetected, SecurityEvent::AccountDisabled]
    {
        let world = World::new(Reuse::Strict);
        let process = world.log_in().await;
        process
            .edit(|record, _| record.next(|record| record.credentials = Some(credentials())))
            .await
            .unwrap();
        let other = world.builder().build().await;
        assert!(other.token().await.is_ok());
        // Even a copy that was set aside, of a token that could not be saved.
        world.store.fail_saves(1, full(), false);
        process.force_refresh().await.unwrap();
        world.store.heal();
        assert_eq!(process.report(event).await, Ok(Reaction::Clear));
        assert!(process.bearer_now().is_none(), "{event:?}");
        let error = process.token().await.unwrap_err();
        assert_eq!(reason(&error), Some(event.reason()), "{event:?}");
        let record = world.store.record();
        assert_eq!((&record.token, &record.credentials), (&None, &None), "{event:?}");
        assert_eq!(record.state, State::NeedsLogin(event.reason()));
        assert!(world.store.aside.lock().unwrap().is_none(), "{event:?}");
        world.pass(world.policy.trust + secs()).await;
        assert_eq!(reason(&other.token().await.unwrap_err()), Some(event.reason()));
        // A person logs in again, and all is well.
        let grant = world.server.open();
        process.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
        assert!(process.token().await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn k3_a_revoked_session_is_logged_in_anew_by_stored_credentials_alone() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    assert_eq!(process.report(SecurityEvent::SessionRevoked).await, Ok(Reaction::NewLogin));
    let error = process.token().await.unwrap_err();
    assert_eq!(reason(&error), Some(LoginReason::Revoked), "nothing logs in by itself");
    assert_eq!(world.server.requests(), 0, "nor is the old refresh token sent");

    let world = World::new(Reuse::Strict);
    *world.server.rungs.lock().unwrap() = LOGIN;
    let process = world.log_in().await;
    process
        .edit(|record, _| record.next(|record| record.credentials = Some(credentials())))
        .await
        .unwrap();
    assert_eq!(process.report(SecurityEvent::SessionRevoked).await, Ok(Reaction::NewLogin));
    let token = process.token().await.unwrap();
    assert_eq!(token.secret.expose(), "at-2");
    assert_eq!(world.server.logins.load(Ordering::SeqCst), 1);
    assert_eq!(world.store.record().credentials, Some(credentials()));
}

#[tokio::test(start_paused = true)]
async fn k3_a_store_that_is_away_does_not_keep_this_process_serving() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.store.go_away(full());
    assert!(process.report(SecurityEvent::LoginExposed).await.is_err());
    assert!(process.bearer_now().is_none() && process.token().await.is_err());
    // The store is back with the old record: it is served no more here, and the next report ends it.
    world.store.heal();
    assert!(process.report(SecurityEvent::LoginExposed).await.is_ok());
    assert_eq!(world.store.record().token, None);
    assert!(process.token().await.unwrap_err().needs_login());
}

#[tokio::test(start_paused = true)]
async fn k3_r9_a_server_that_saw_reuse_leaves_no_secret_here() {
    let world = World::new(Reuse::Strict);
    *world.server.rungs.lock().unwrap() = LOGIN;
    let process = world.log_in().await;
    process
        .edit(|record, _| record.next(|record| record.credentials = Some(credentials())))
        .await
        .unwrap();
    let other = world.builder().build().await;
    // Its token is valid for an hour yet: a renewal that somebody wants ends it all the same.
    *world.server.rungs.lock().unwrap() = unlapse_core::Rungs { login: false, ..LOGIN };
    world.server.fault(Fault::Reject(Rejection::RefreshTokenReused));
    let error = process.refresh().await.unwrap_err();
    assert_eq!(reason(&error), Some(LoginReason::ReuseDetected));
    assert_eq!(error.code(), "login_needed");
    let record = world.store.record();
    assert_eq!((&record.token, &record.credentials), (&None, &None));
    assert!(process.bearer_now().is_none());
    assert_eq!(reason(&process.token().await.unwrap_err()), Some(LoginReason::ReuseDetected));
    world.pass(world.policy.trust + secs()).await;
    assert_eq!(reason(&other.token().await.unwrap_err()), Some(LoginReason::ReuseDetected));
    // Nothing is wrong with the endpoint, and a person logs in.
    let login = Login { refresh_token: Some(Secret::new("rt-1")), ..Login::default() };
    world.server.open();
    assert!(process.log_in(login).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn k3_reuse_is_told_of_although_nothing_can_be_written() {
    for removes in [true, false] {
        let world = World::new(Reuse::Strict);
        let process = world.log_in().await;
        // The intent, and nothing after it.
        world.store.fail_saves(1, full(), true);
        world.store.fail_removes((!removes).then(full));
        world.server.fault(Fault::Reject(Rejection::RefreshTokenReused));
        let error = process.refresh().await.unwrap_err();
        assert_eq!(reason(&error), Some(LoginReason::ReuseDetected));
        assert!(process.bearer_now().is_none(), "{removes}");
        assert!(process.token().await.unwrap_err().needs_login(), "{removes}");
        assert_eq!(world.server.requests(), 1);
        // The disk is back.
        world.store.heal();
        process.settle().await.unwrap();
        assert_eq!(world.store.record().token, None, "{removes}");
        assert!(process.token().await.unwrap_err().needs_login(), "{removes}");
        assert_eq!(world.server.requests(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn k3_r19_reuse_that_a_fenced_holder_hears_of_ends_no_later_login() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    let person = world.process().await;
    *world.server.latency.lock().unwrap() = crate::secs(10);
    world.server.fault(Fault::Reject(Rejection::RefreshTokenReused));
    let asking = {
        let process = process.clone();
        tokio::spawn(async move { process.refresh().await })
    };
    world.pass(secs()).await;
    world.store.lose_lease();
    let grant = world.server.open();
    person.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
    let _ = asking.await.unwrap();
    assert_eq!(world.process().await.token().await.unwrap().secret.expose(), "at-2");
    assert!(process.token().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn k3_r7_reuse_by_a_replay_of_ours_is_a_lost_rotation_and_no_theft() {
    let world = World::new(GRACE);
    let process = world.log_in().await;
    world.pass(crate::secs(3400)).await;
    world.server.fault(Fault::ReplyLost);
    world.server.fault(Fault::Reject(Rejection::RefreshTokenReused));
    let error = process.refresh().await.unwrap_err();
    assert_eq!(reason(&error), Some(LoginReason::RotationLost));
    // Its token is served until it ends (R9).
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-1");
    assert!(world.store.record().token.is_some());
}
