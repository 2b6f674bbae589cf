//! Logins that a person makes: one transaction, on trial until the server has granted it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use unlapse::{Error, LoggedIn, Login, Secret, TokenSource};
use unlapse_core::{Credentials, Grant, Record, Rejection, Reuse, Rungs, StoreError};

use crate::world::{Fault, World};

/// A login that the server's own family does not hang on, so that only the store can lose it.
async fn with_old_login(class: Reuse) -> (World, TokenSource, Record) {
    let world = World::new(class);
    let process = world.process().await;
    let mut grant = Grant::bearer(Secret::new("old"));
    grant.refresh_token = Some(Secret::new("rt-old"));
    grant.expires_in = Some(Duration::from_secs(3600));
    process.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
    let before = world.store.record();
    (world, process, before)
}

/// The refresh token of a new login at the server.
fn new_login(world: &World) -> Login {
    Login { refresh_token: world.server.open().refresh_token, ..Login::default() }
}

fn password(text: &str) -> Login {
    let password = Some(Secret::new(text));
    let username = Some("u".to_owned());
    Login {
        credentials: Credentials { username, password, ..Credentials::default() },
        ..Login::default()
    }
}

/// Everything but how often it was written.
#[track_caller]
fn is_unchanged(world: &World, before: &Record) {
    let found = world.store.record();
    let same = Record {
        revision: before.revision,
        stored_at: before.stored_at,
        clock_offset: before.clock_offset,
        ..found
    };
    assert_eq!(same, *before);
}

fn by_login(world: &World) {
    *world.server.rungs.lock().unwrap() = Rungs { refresh: true, login: true, api_key: false };
}

#[tokio::test(start_paused = true)]
async fn r9_a_refused_login_changes_nothing() {
    for rejection in [Rejection::InvalidGrant, Rejection::InvalidClient] {
        for login in [new_login(&World::new(Reuse::Strict)), password("wrong")] {
            let (world, process, before) = with_old_login(Reuse::Strict).await;
            by_login(&world);
            world.server.fault(Fault::Reject(rejection));
            let refused = process.log_in(login).await.unwrap_err();
            let expected = matches!(
                (rejection, &refused),
                (Rejection::InvalidGrant, Error::NeedsLogin { .. })
                    | (Rejection::InvalidClient, Error::ClientRejected { .. })
            );
            assert!(expected, "{refused}");
            is_unchanged(&world, &before);
            assert_eq!(process.token().await.unwrap().secret.expose(), "old");
            assert_eq!(world.server.requests(), 1, "R14: nothing else is tried instead");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn r9_a_refused_first_login_leaves_nothing_behind() {
    for login in [new_login(&World::new(Reuse::Strict)), password("wrong")] {
        let world = World::new(Reuse::Strict);
        by_login(&world);
        let process = world.builder().api_key(Secret::new("key")).ahead_of_time(false);
        let process = process.build().await;
        world.server.fault(Fault::Reject(Rejection::InvalidGrant));
        let refused = process.log_in(login).await.unwrap_err();
        assert!(refused.needs_login(), "no API key is a login: {refused}");
        let left = world.store.record();
        assert_eq!((left.token, left.credentials, left.intent), (None, None, None));
        assert_eq!(left.state, unlapse_core::State::Active);
    }
}

#[tokio::test(start_paused = true)]
async fn r4_what_was_granted_replaces_the_old_login_at_once() {
    let (world, process, before) = with_old_login(Reuse::Strict).await;
    let LoggedIn::Granted(token) = process.log_in(new_login(&world)).await.unwrap() else {
        panic!("granted")
    };
    assert!(token.generation > before.generation && !token.is_unsaved);
    assert_eq!(process.token().await.unwrap(), token);
    assert_eq!(world.store.record().generation, token.generation);

    let (world, process, _) = with_old_login(Reuse::Strict).await;
    by_login(&world);
    assert!(matches!(process.log_in(password("p")).await, Ok(LoggedIn::Granted(_))));
    let kept = world.store.record().credentials.expect("kept with the grant");
    assert_eq!((kept.username.as_deref(), kept.password), (Some("u"), Some(Secret::new("p"))));
}

#[tokio::test(start_paused = true)]
async fn x2_without_a_verdict_the_old_login_stays() {
    let away = || vec![Fault::Unsent; 9];
    for faults in [
        away(),
        vec![Fault::Status(503, None); 9],
        vec![Fault::ReplyLost; 9],
        vec![Fault::ReplyHangs; 9],
        vec![Fault::Opaque; 9],
    ] {
        let (mut world, _, before) = with_old_login(Reuse::Strict).await;
        world.policy.rules.max_lifetime = Some(Duration::from_secs(7200));
        let process = world.process().await;
        let login = new_login(&world);
        world.server.faults.lock().unwrap().extend(faults.clone());
        let error = process.log_in(login).await.unwrap_err();
        assert!(!error.needs_login(), "{faults:?}: {error}");
        is_unchanged(&world, &before);
        assert_eq!(process.token().await.unwrap().secret.expose(), "old", "{faults:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn x2_dead_at_any_step_the_old_login_or_the_new_one_is_there() {
    let (mut deaths, mut ends) = (0, 0);
    for polls in 0..200 {
        let (world, _, before) = with_old_login(Reuse::Strict).await;
        let login = new_login(&world);
        let dying = world.dying_process(polls).await;
        let ended = dying.log_in(login).await;
        let found = world.store.record();
        assert_eq!(found.intent, None, "dead after {polls}: no doubt about the old login");
        if found.generation == before.generation {
            assert_eq!(found.token, before.token, "dead after {polls}");
            assert!(ended.is_err(), "told before it was durable");
            deaths += 1;
        } else {
            let next = world.process().await;
            assert_ne!(next.token().await.unwrap().secret.expose(), "old");
            ends += u32::from(ended.is_ok());
        }
        // Whoever comes next finds the lease free.
        world.process().await.edit(|record, _| record.next(|_| {})).await.unwrap();
    }
    assert!(deaths >= 3, "{deaths} deaths are too few to prove much");
    assert!(ends > 0, "nor did it ever end");
}

#[tokio::test(start_paused = true)]
async fn r3_a_first_login_outlives_its_process_where_the_server_allows() {
    let mut replays = 0;
    for polls in 0..60 {
        let world = World::new(Reuse::Grace(Duration::from_secs(60)));
        let login = new_login(&world);
        let dying = world.dying_process(polls).await;
        let _ = dying.log_in(login.clone()).await;
        let spent = world.server.requests() > 0;
        let next = world.process().await;
        match next.token().await {
            Ok(_) => replays += u32::from(spent && world.server.requests() > 1),
            Err(error) => {
                assert!(!spent, "dead after {polls}: spent, and forgotten: {error}");
                next.log_in(login).await.unwrap();
            }
        }
        assert_eq!(world.server.families_revoked(), 0, "dead after {polls}");
    }
    assert!(replays > 0, "never dead between the request and its answer");
}

#[tokio::test(start_paused = true)]
async fn r14_with_nothing_to_lose_what_was_brought_is_kept_without_a_verdict() {
    let world = World::new(Reuse::Strict);
    let process = world.process().await;
    let login = new_login(&world);
    world.server.faults.lock().unwrap().extend(vec![Fault::Unsent; 3]);
    let kept = process.log_in(login).await.unwrap();
    assert!(matches!(&kept, LoggedIn::Kept(error) if error.is_retryable()), "{kept:?}");
    assert_eq!(world.server.requests(), 0);
    world.pass(Duration::from_secs(60)).await;
    process.token().await.unwrap();
    assert_eq!(world.server.families_revoked(), 0);
}

#[tokio::test(start_paused = true)]
async fn r3_nothing_is_spent_that_cannot_be_kept() {
    for old in [false, true] {
        let (world, process) = if old {
            let (world, process, _) = with_old_login(Reuse::Strict).await;
            (world, process)
        } else {
            let world = World::new(Reuse::Strict);
            let process = world.process().await;
            (world, process)
        };
        let login = new_login(&world);
        let full = StoreError::Full { place: "p".to_owned() };
        world.store.fail_saves(0, full.clone(), true);
        let refused = process.log_in(login.clone()).await.unwrap_err();
        assert_eq!(refused, Error::Store(full));
        assert_eq!(world.server.requests(), 0, "with an old login: {old}");
        world.store.heal();
        process.log_in(login).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn r5_a_grant_that_finds_no_room_is_set_aside_or_served_from_memory() {
    for asides in [false, true] {
        let (world, process, before) = with_old_login(Reuse::Strict).await;
        let login = new_login(&world);
        // The old one is written again; then there is no room.
        world.store.fail_saves(1, StoreError::Full { place: "p".to_owned() }, asides);
        let LoggedIn::Granted(token) = process.log_in(login).await.unwrap() else {
            panic!("granted")
        };
        assert!(token.is_unsaved);
        assert_eq!(world.store.record().generation, before.generation, "not in its place");
        assert_eq!(process.token().await.unwrap().secret, token.secret);
        world.store.heal();
        process.settle().await.unwrap();
        assert_eq!(world.store.record().generation, token.generation, "R5: saved later");
    }
}

#[tokio::test(start_paused = true)]
async fn r6_a_caller_that_goes_away_changes_nothing() {
    let (world, process, before) = with_old_login(Reuse::Strict).await;
    let login = new_login(&world);
    tokio::select! {
        biased;
        _ = process.log_in(login) => panic!("an answer takes 50 ms"),
        () = world.pass(Duration::from_millis(10)) => {}
    }
    process.settle().await.unwrap();
    let found = world.store.record();
    assert_eq!(found.generation, before.generation + 2, "brought, and granted");
    assert_eq!(world.server.rotations.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn r1_nobody_comes_in_between() {
    let (world, process, _) = with_old_login(Reuse::Strict).await;
    let world = Arc::new(world);
    let login = new_login(&world);
    let other = world.process().await;
    let during = async {
        world.pass(Duration::from_millis(10)).await;
        let requests = world.server.requests();
        other.edit(|record, _| record.next(|record| record.doubts += 1)).await.unwrap();
        assert_eq!(requests, 1, "it was under way");
        world.store.record()
    };
    let (granted, edited) = tokio::join!(process.log_in(login), during);
    let LoggedIn::Granted(token) = granted.unwrap() else { panic!("granted") };
    assert_eq!((edited.generation, edited.doubts), (token.generation, 1), "after it, not within");
}
