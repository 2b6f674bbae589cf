//! Renewals on schedule and on demand, over real databases.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests may")]

mod bulk;
mod dashboard;
mod stage;
#[path = "../world/mod.rs"]
mod world;

use std::time::Duration;

use stage::Stage;
use unlapse::unlapse_core::Secret;
use unlapse_broker::{Brought, Code, EventKind, Retries, State, TokenWanted};
use unlapse_parts::{Fault, Rotation, Terms};
use world::{id, operator, until};

fn terms(secs: u64, rotation: Rotation) -> Terms {
    Terms { access_ttl: Duration::from_secs(secs), rotation, ..Terms::default() }
}

/// The token of a connection as its user gets it.
async fn token(broker: &unlapse_broker::Broker, user: &str) -> Result<String, Code> {
    let wanted = TokenWanted { min_ttl: Duration::ZERO, force: false };
    let handed = broker.token(&id(user), wanted, &operator()).await;
    handed.map(|token| token.access_token.expose().to_owned()).map_err(|problem| problem.code)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i8_what_is_due_is_renewed_with_nobody_asking() {
    let stage = Stage::new(terms(4, Rotation::Strict), "strict");
    let node = stage.work().await;
    let logins = [
        stage.bring(&node.broker, "ann").await,
        stage.bring(&node.broker, "bob").await,
        stage.bring(&node.broker, "eve").await,
    ];
    until("each was renewed three times", async || stage.provider.tally().grants >= 9).await;
    for user in ["ann", "bob", "eve"] {
        let token = token(&node.broker, user).await.unwrap();
        assert!(stage.provider.is_valid(&token), "{user}");
    }
    let attempts = async || node.broker.tables().attempts(&id("ann"), 10).await.unwrap();
    until("attempts are noted", async || attempts().await.len() >= 3).await;
    let last = attempts().await.remove(0);
    assert!(last.tried.automatic && last.tried.code.is_none());
    node.stop().await;
    let tally = stage.provider.tally();
    assert_eq!((tally.doubles, tally.families_revoked), (0, 0));
    assert!(logins.iter().all(|login| stage.provider.is_alive(login.family)));
}

/// One app has one seat here: all but one of what is due together waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i8_what_finds_no_seat_is_renewed_in_its_turn() {
    let stage = Stage::new(terms(5, Rotation::Strict), "strict").at_once(2);
    let broker = stage.open().await;
    let mut logins = Vec::new();
    for user in 0..20 {
        logins.push(stage.bring(&broker, &format!("u{user}")).await);
    }
    drop(broker);
    // Nobody renews them, until all are due.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let node = stage.work().await;
    let is_renewed = async |user: usize| {
        let found = node.broker.connection(&id(&format!("u{user}"))).await.unwrap();
        found.generation > 1
    };
    for user in 0..logins.len() {
        until("each has had its turn", async || is_renewed(user).await).await;
    }
    node.stop().await;
    let tally = stage.provider.tally();
    assert_eq!((tally.doubles, tally.families_revoked), (0, 0));
    assert!(logins.iter().all(|login| stage.provider.is_alive(login.family)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i3_i4_a_failed_renewal_loses_nothing() {
    let stage = Stage::new(terms(3600, Rotation::Strict), "strict");
    let node = stage.work().await;
    let login = stage.bring(&node.broker, "ann").await;
    stage.provider.fail_next([Fault::Unavailable, Fault::Page, Fault::Unavailable]);
    let retries =
        Retries { max_retries: 2, initial_delay: Duration::from_millis(10), ..Retries::default() };
    let problem = node.broker.refresh(&id("ann"), retries, &operator()).await.unwrap_err();
    assert_eq!((problem.code, problem.attempts), (Code::ProviderDown, 3));
    // What is valid is handed out all the same.
    assert_eq!(token(&node.broker, "ann").await.unwrap(), login.access_token);
    let found = node.broker.connection(&id("ann")).await.unwrap();
    assert_eq!(found.state, State::Active);
    assert_eq!(found.failing.unwrap().code, Code::ProviderDown);
    let renewed = node.broker.refresh(&id("ann"), Retries::default(), &operator()).await.unwrap();
    assert_eq!((renewed.generation, renewed.failing), (2, None));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i5_only_the_providers_verdict_needs_the_user() {
    let stage = Stage::new(terms(3, Rotation::Strict), "strict");
    let node = stage.work().await;
    let login = stage.bring(&node.broker, "ann").await;
    stage.provider.end(login.family);
    until("it is known", async || {
        let found = node.broker.connection(&id("ann")).await.unwrap();
        found.state == State::NeedsUser(Code::UserRevoked)
    })
    .await;
    until("its token has ended", async || token(&node.broker, "ann").await.is_err()).await;
    assert_eq!(token(&node.broker, "ann").await, Err(Code::UserRevoked));
    assert_eq!(token(&node.broker, "nobody").await, Err(Code::AccountNotFound));
    let events = async || node.broker.tables().events(None, 0, 10).await.unwrap();
    until("events are told", async || events().await.len() >= 2).await;
    // A new consent brings it back.
    stage.bring(&node.broker, "ann").await;
    assert_eq!(node.broker.connection(&id("ann")).await.unwrap().state, State::Active);
    assert!(token(&node.broker, "ann").await.is_ok());
    node.broker.remove(&id("ann"), &operator()).await.unwrap();
    assert_eq!(token(&node.broker, "ann").await, Err(Code::AccountNotFound));
    assert_eq!(stage.provider.tally().revocations, 1);
    node.stop().await;
}

/// As a provider without refresh tokens leaves it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i6_a_connection_that_cannot_be_renewed_ends_with_its_token_and_is_told_of_once() {
    let stage = Stage::new(terms(3600, Rotation::Strict), "strict");
    let node = stage.work().await;
    let access_token = stage.provider.log_in().access_token;
    let brought = Brought {
        access_token: Some(Secret::new(access_token.as_str())),
        expires_in: Some(Duration::from_secs(4)),
        ..Brought::default()
    };
    node.broker.put(&id("ann"), brought, &operator()).await.unwrap();
    // Nothing can be asked for it, and that is no reason to end it before.
    let refused = node.broker.refresh(&id("ann"), Retries::default(), &operator()).await;
    assert_eq!(refused.unwrap_err().code, Code::NoRefreshToken);
    assert_eq!(node.broker.connection(&id("ann")).await.unwrap().state, State::Active);
    assert_eq!(token(&node.broker, "ann").await.unwrap(), access_token);
    until("its end is known, with nobody asking", async || {
        let found = node.broker.connection(&id("ann")).await.unwrap();
        found.state == State::NeedsUser(Code::NoRefreshToken)
    })
    .await;
    assert_eq!(token(&node.broker, "ann").await, Err(Code::NoRefreshToken));
    let told = async || {
        let events = node.broker.tables().events(None, 0, 10).await.unwrap().into_iter();
        let ended = events.filter(|event| event.what.kind == EventKind::NeedsUser);
        ended.map(|event| event.what.code).collect::<Vec<_>>()
    };
    until("it is told", async || !told().await.is_empty()).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(told().await, [Some(Code::NoRefreshToken)]);
    node.stop().await;
    assert_eq!(stage.provider.tally().requests, 0, "there is nothing to ask the provider for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x1_two_nodes_renew_each_token_once() {
    let stage = Stage::new(terms(5, Rotation::Strict), "strict");
    let stage = if unlapse_parts::is_full() {
        let postgres = unlapse_parts::Postgres::start();
        let url = postgres.url();
        let stage = stage.over(url);
        renew_once(&stage).await;
        return;
    } else {
        stage
    };
    renew_once(&stage).await;
}

async fn renew_once(stage: &Stage) {
    let nodes = [stage.work().await, stage.work().await];
    for user in 0..40 {
        stage.bring(&nodes[user % 2].broker, &format!("user-{user}")).await;
    }
    until("all were renewed twice", async || stage.provider.tally().grants >= 80).await;
    for user in 0..40 {
        let token = token(&nodes[(user + 1) % 2].broker, &format!("user-{user}")).await.unwrap();
        assert!(stage.provider.is_valid(&token), "{user}");
    }
    for node in nodes {
        node.stop().await;
    }
    let tally = stage.provider.tally();
    assert_eq!((tally.doubles, tally.families_revoked), (0, 0));
}
