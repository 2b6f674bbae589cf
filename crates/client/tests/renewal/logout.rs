//! Logouts, and logins after them (K9).

use std::sync::atomic::Ordering;
use std::time::Duration;

use unlapse_core::Reuse;

use crate::world::World;
use crate::{LOGIN, full, secs};

#[tokio::test(start_paused = true)]
async fn k9_clear_reaches_other_processes_within_their_trust_time() {
    let world = World::new(Reuse::Strict);
    let one = world.log_in().await;
    let two = world.builder().build().await;
    assert!(two.token().await.is_ok());
    assert_eq!(one.log_out().await.unwrap(), unlapse::Revoked::Done);
    assert!(one.token().await.unwrap_err().needs_login());
    world.pass(Duration::from_secs(61)).await;
    assert!(two.token().await.unwrap_err().needs_login());
    // A new login, whose generation starts again, is found as well.
    let grant = world.server.open();
    one.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
    world.pass(Duration::from_secs(61)).await;
    assert!(two.token().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn k9_an_unsaved_token_does_not_come_back_after_a_logout() {
    let world = World::new(Reuse::Strict);
    world.log_in().await;
    let holder = world.builder().build().await;
    world.expire().await;
    world.store.fail_saves(1, full(), true);
    let _ = holder.refresh().await;
    assert!(holder.info().await.unwrap().is_unsaved);
    world.store.heal();
    // Before the holder saves it, somebody logs out.
    world.process().await.clear().await.unwrap();
    world.pass(secs(120)).await;
    assert_eq!(world.store.record().token, None, "the login that was cleared is back");
}

#[tokio::test(start_paused = true)]
async fn k9_an_unsaved_token_of_an_earlier_login_does_not_replace_a_new_one() {
    let world = World::new(Reuse::Strict);
    let first = world.log_in().await;
    for _ in 0..3 {
        first.force_refresh().await.unwrap();
    }
    let holder = world.builder().build().await;
    world.expire().await;
    world.store.fail_saves(1, full(), true);
    let _ = holder.force_refresh().await;
    assert!(holder.info().await.unwrap().is_unsaved);
    world.store.heal();
    let person = world.process().await;
    person.clear().await.unwrap();
    let grant = world.server.open();
    let new = grant.access_token.clone();
    person.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
    world.pass(secs(120)).await;
    let stored = world.store.record().token.unwrap().access_token;
    assert_eq!(stored, new, "the new login was overwritten");
}

#[tokio::test(start_paused = true)]
async fn r13_a_late_401_from_before_a_new_login_costs_nothing() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    for _ in 0..8 {
        process.force_refresh().await.unwrap();
    }
    let old = process.bearer().await.unwrap().generation();
    world.pass(secs(1)).await;
    let person = world.process().await;
    person.clear().await.unwrap();
    let grant = world.server.open();
    person.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
    let requests = world.server.requests();
    let bearer = process.reject(old).await;
    assert!(bearer.is_ok(), "{bearer:?}");
    assert!(world.server.requests() - requests <= 1, "{}", world.server.requests() - requests);
}

#[tokio::test(start_paused = true)]
async fn a1_obtain_after_a_logout_elsewhere_logs_in_once() {
    let world = World::new(Reuse::Strict);
    *world.server.rungs.lock().unwrap() = LOGIN;
    let process = world.log_in().await;
    for _ in 0..8 {
        process.force_refresh().await.unwrap();
    }
    world.process().await.clear().await.unwrap();
    world.pass(secs(1)).await;
    let token = process.obtain().await;
    assert_eq!(world.server.logins.load(Ordering::SeqCst), 1);
    assert!(token.is_ok(), "{token:?}");
}

#[tokio::test(start_paused = true)]
async fn k9_a_look_under_way_brings_nothing_back_after_clear() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.store.slow_looks(Duration::from_millis(10));
    let looking = {
        let process = process.clone();
        tokio::spawn(async move { process.info().await })
    };
    world.pass(Duration::from_millis(5)).await;
    process.clear().await.unwrap();
    let _ = looking.await.unwrap();
    let token = process.token().await;
    assert!(token.is_err(), "cleared, and served: {token:?}");
}
