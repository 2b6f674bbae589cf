//! Killed, expired, alone and back.

use acme_client::{Acme, Settings};
use unlapse_example_stage::{Desk, Stage, eventually};

use crate::acme_server::acme;
use crate::world::desk;

/// The library in this very process, at the same place as the program.
async fn library(stage: &Stage, desk: &Desk) -> Acme {
    let home = desk.root().join("state/acme");
    let settings = Settings::from_environment(|name| match name {
        "ACME_URL" => Some(stage.url().into()),
        "ACME_USERNAME" => Some(Stage::USER.into()),
        "ACME_PASSWORD" => Some(Stage::PASSWORD.into()),
        "ACME_HOME" => Some(home.clone().into()),
        "UNLAPSE_PERSIST" => Some("on".into()),
        _ => None,
    });
    Acme::new(settings.expect("good settings")).await.expect("a client")
}

#[test]
fn a4_killed_and_started_again_it_goes_on_with_the_login_that_it_had() {
    let stage = acme();
    let desk = desk(&stage);
    for _ in 0..5 {
        let mut watching = desk.start(&["watch"]);
        watching.line("1 orders");
        watching.kill();
    }
    stage.expire();
    let mut watching = desk.start(&["watch"]);
    watching.line("1 orders");
    watching.kill();
    let tally = stage.tally();
    assert_eq!((tally.logins, tally.refreshes, tally.reuses), (1, 1, 0), "{tally:?}");
}

#[tokio::test]
async fn a5_fifty_expired_calls_at_once_cost_one_renewal() {
    let stage = acme();
    let desk = desk(&stage);
    let acme = library(&stage, &desk).await;
    acme.orders().await.expect("orders");
    stage.expire();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let acme = acme.clone();
        calls.spawn(async move { acme.orders().await.map(|orders| orders.len()) });
    }
    for answer in calls.join_all().await {
        assert_eq!(answer.expect("no caller sees it"), 1);
    }
    acme.order("rocket skates").await.expect("placed");
    assert_eq!(acme.orders().await.expect("orders").len(), 2);
    let tally = stage.tally();
    assert_eq!((tally.logins, tally.refreshes, tally.reuses), (1, 1, 0), "{tally:?}");
}

#[test]
fn a4_the_server_goes_and_comes_and_the_login_stays() {
    let mut stage = acme();
    let desk = desk(&stage);
    let mut watching = desk.start(&["watch"]);
    watching.line("1 orders");
    stage.down();
    watching.line("_away: ");
    desk.run(&["orders"]).failed(11, "(acme_away)");
    // There is a token, and it is given to whoever asks for it (R10).
    desk.run(&["token"]).ok();
    let refused = desk.run(&["refresh"]).failed(11, "(temporary_failure)");
    assert!(refused.stdout.is_empty(), "{refused}");
    stage.up();
    watching.line("1 orders");
    stage.expire();
    eventually("it is renewed", || stage.tally().refreshes == 1);
    watching.line("1 orders");
    watching.kill();
    desk.run(&["refresh"]).ok();
    let tally = stage.tally();
    assert_eq!((tally.logins, tally.refreshes, tally.reuses), (1, 2, 0), "{tally:?}");
}

#[test]
fn a1_a_session_that_was_ended_is_begun_anew_by_the_account() {
    let stage = acme();
    let desk = desk(&stage);
    desk.run(&["orders"]).ok();
    stage.end_sessions();
    assert!(desk.run(&["orders"]).ok().stdout.contains("anvil"));
    assert_eq!((stage.tally().logins, stage.tally().reuses), (2, 0));
    // A new password, of which the running program has not heard.
    stage.user(Stage::USER, "another");
    stage.end_sessions();
    desk.run(&["orders"]).failed(10, "(login_needed)");
    let asked = stage.tally().token_requests;
    for _ in 0..3 {
        desk.run(&["orders"]).failed(10, "(login_needed)");
    }
    assert_eq!(stage.tally().token_requests, asked, "accounts are locked for asking again");
    let desk = desk.env("ACME_PASSWORD", "another");
    assert!(desk.run(&["orders"]).ok().stdout.contains("anvil"));
}
