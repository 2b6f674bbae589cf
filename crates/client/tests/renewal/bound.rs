//! Tokens that are bound to a key (RFC 9449): the key is one per login, and durable before the server
//! can bind anything to it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use http::Method;
use unlapse::{Error, LoggedIn, Login, Secret, TokenSource};
use unlapse_core::{LoginReason, Record, Reuse, Rungs, SenderKeyProblem};

use crate::world::{Fault, World};
use crate::{GRACE, full};

/// A world whose server binds, and a login of it that is bound to nothing yet.
async fn with_login(class: Reuse) -> (World, TokenSource) {
    let world = World::new(class);
    world.server.binds.store(true, Ordering::SeqCst);
    let process = world.log_in().await;
    (world, process)
}

fn keys(world: &World) -> Vec<String> {
    let proofs = world.server.proofs.lock().unwrap();
    proofs.iter().map(|key| key.clone().unwrap_or_default()).collect()
}

fn kept(world: &World) -> Option<String> {
    world.store.record().sender_key().map(|key| key.expose().to_owned())
}

async fn rekey(process: &TokenSource, key: &str) {
    let key = Secret::new(key);
    process.edit(|record, _| record.next(|_| ()).bound_to(Some(key))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn rfc9449_5_one_login_has_one_key_over_renewals_and_restarts() {
    let (world, mut process) = with_login(Reuse::Strict).await;
    for _ in 0..10 {
        world.expire().await;
        process.token().await.unwrap();
        process.refresh().await.unwrap();
        process = world.process().await;
    }
    assert_eq!(keys(&world), vec!["key-1"; 20]);
    assert_eq!(kept(&world).as_deref(), Some("key-1"));
}

#[tokio::test(start_paused = true)]
async fn r3_x2_a_process_that_dies_at_each_step_loses_no_key_that_the_server_has_bound_to() {
    for class in [GRACE, Reuse::UntilUsed] {
        let mut finished = false;
        for step in 0..40 {
            let (world, _) = with_login(class).await;
            world.expire().await;
            let dying = world.dying_process(step).await;
            finished |= dying.token().await.is_ok();
            let next = world.process().await.token().await;
            assert!(next.is_ok(), "{class:?}, step {step}: {next:?}");
            let bound = keys(&world).pop().expect("a proof");
            assert_eq!(kept(&world), Some(bound), "{class:?}, step {step}");
            assert_eq!(world.server.families_revoked(), 0, "{class:?}, step {step}");
        }
        assert!(finished, "{class:?}: no process lived long enough");
    }
}

#[tokio::test(start_paused = true)]
async fn r3_a_key_that_is_kept_nowhere_binds_no_login() {
    // The one class whose intents need not be durable.
    let (world, process) = with_login(Reuse::Stable).await;
    world.expire().await;
    world.store.fail_saves(0, full(), true);
    let error = process.token().await.unwrap_err();
    assert_eq!((error.code(), world.server.requests()), ("store_full", 0));
    world.store.heal();
    process.token().await.unwrap();
    // Now it is kept, and a full disk is in nobody's way.
    world.expire().await;
    world.store.fail_saves(0, full(), true);
    process.token().await.unwrap();
    // The one that was kept nowhere was forgotten.
    assert_eq!(keys(&world), ["key-2", "key-2"]);
}

#[tokio::test(start_paused = true)]
async fn rfc9449_5_a_login_without_a_person_has_one_key_however_often_it_is_asked_for() {
    let world = World::new(Reuse::Strict);
    world.server.binds.store(true, Ordering::SeqCst);
    *world.server.rungs.lock().unwrap() = Rungs { refresh: false, login: true, api_key: false };
    for (key, again) in [("key-1", 0), ("key-2", 2)] {
        for _ in 0..again {
            world.server.fault(Fault::Status(503, None));
        }
        world.process().await.token().await.unwrap();
        assert_eq!(kept(&world).as_deref(), Some(key));
        world.expire().await;
    }
    assert_eq!(keys(&world), ["key-1", "key-2"]);
    assert_eq!(world.server.keys.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn rfc9449_5_a_key_that_cannot_be_used_spends_nothing_and_says_so() {
    let (world, process) = with_login(Reuse::Strict).await;
    rekey(&process, "garbage").await;
    world.pass(Duration::from_secs(3400)).await;
    // R10: what is valid is served meanwhile.
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-1");
    world.expire().await;
    let error = process.token().await.unwrap_err();
    let problem = SenderKeyProblem::Unusable;
    assert!(
        matches!(error, Error::SenderKey { problem: found, .. } if found == problem),
        "{error}"
    );
    assert!(!error.is_retryable() && !error.needs_login());
    assert_eq!((world.server.requests(), world.server.is_alive()), (0, true));
    assert!(world.store.record().token.is_some(), "R9: nothing is deleted");
    // A new login is of a new key.
    let login = Login { refresh_token: world.server.open().refresh_token, ..Login::default() };
    process.log_in(login).await.unwrap();
    assert_eq!(kept(&world).as_deref(), Some("key-1"));
}

#[tokio::test(start_paused = true)]
async fn rfc9449_5_another_key_than_the_login_is_bound_to_is_rejected() {
    let (world, process) = with_login(Reuse::Strict).await;
    process.refresh().await.unwrap();
    rekey(&process, "key-99").await;
    let error = process.refresh().await.unwrap_err();
    let reason = LoginReason::RefreshRejected;
    assert!(matches!(error, Error::NeedsLogin { reason: found, .. } if found == reason), "{error}");
    assert_eq!(world.server.families_revoked(), 0);
}

#[tokio::test(start_paused = true)]
async fn rfc9449_5_a_login_that_is_brought_may_bring_its_key() {
    let (world, process) = with_login(Reuse::Strict).await;
    process.refresh().await.unwrap();
    let before = world.store.record();
    let refresh_token = world.server.open().refresh_token;
    let brought = |key| Login {
        refresh_token: refresh_token.clone(),
        sender_key: Some(Secret::new(key)),
        ..Login::default()
    };
    let error = process.log_in(brought("garbage")).await.unwrap_err();
    assert_eq!(error.code(), "sender_key");
    assert_eq!(world.store.record().token, before.token, "the login that there was");
    let granted = process.log_in(brought("key-50")).await.unwrap();
    let LoggedIn::Granted(token) = granted else { panic!("{granted:?}") };
    assert_eq!(token.sender_key, Some(Secret::new("key-50")));
    assert_eq!(kept(&world).as_deref(), Some("key-50"));
}

#[tokio::test(start_paused = true)]
async fn rfc9449_5_a_key_that_does_not_prove_takes_back_what_was_brought() {
    let world = World::new(Reuse::Strict);
    world.server.binds.store(true, Ordering::SeqCst);
    let process = world.process().await;
    let login = Login {
        refresh_token: world.server.open().refresh_token,
        sender_key: Some(Secret::new("garbage")),
        ..Login::default()
    };
    assert_eq!(process.log_in(login).await.unwrap_err().code(), "sender_key");
    assert_eq!((world.store.record().token, world.server.requests()), (None, 0));
}

#[tokio::test(start_paused = true)]
async fn rfc9449_7_a_request_has_a_proof_of_the_token_that_is_on_it() {
    let (world, process) = with_login(Reuse::Strict).await;
    process.refresh().await.unwrap();
    let get = |nonce| process.proven(&Method::GET, "https://api.example/x", nonce);
    let proven = get(Some("n-1")).await.unwrap();
    assert_eq!(proven.bearer().header(), "DPoP at-2");
    let proof = proven.proof().expect("a proof");
    assert_eq!(proof, "key-1 GET https://api.example/x at-2 n-1");

    // R13: a 401 that asks for no nonce names the generation, as ever.
    process.reject(proven.bearer().generation()).await.unwrap();
    let proven = get(None).await.unwrap();
    assert_eq!(proven.proof().expect("a proof"), "key-1 GET https://api.example/x at-3");
    assert_eq!(world.server.requests(), 2);

    process.edit(|record, _| unbound(&record)).await.unwrap();
    let error = get(None).await.unwrap_err();
    let problem = SenderKeyProblem::Missing;
    assert!(
        matches!(error, Error::SenderKey { problem: found, .. } if found == problem),
        "{error}"
    );
}

/// A bound token whose key is somewhere else.
fn unbound(record: &Record) -> Record {
    record.next(|record| record.token.as_mut().expect("a token").sender_key = None)
}

#[tokio::test(start_paused = true)]
async fn rfc9449_7_a_bearer_token_needs_no_proof() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    let proven = process.proven(&Method::GET, "no URL at all", None).await.unwrap();
    assert_eq!(proven.bearer().header(), "Bearer at-1");
    assert_eq!(proven.proof(), None);
    assert_eq!(process.token().await.unwrap().sender_key, None);
}

#[tokio::test(start_paused = true)]
async fn rfc9449_5_a_server_that_binds_nothing_is_found_out_where_the_rules_demand_it() {
    let mut world = World::new(Reuse::Strict);
    world.policy.rules.sender_constrained = true;
    let process = world.log_in().await;
    world.expire().await;
    let error = process.token().await.unwrap_err();
    assert_eq!(error.code(), "token_rule_broken");
    // C8: the successor of the refresh token that was spent for it is kept.
    let refresh_token = world.store.record().token.and_then(|token| token.refresh_token);
    assert_eq!(refresh_token, Some(Secret::new("rt-2")));
}
