//! The last resort.

use std::time::Duration;

use unlapse_example_stage::{Issuing, Stage, eventually};

use super::metrics_host::API_KEY;
use super::{desk, logged_in, metrics_host, sees};

#[test]
fn k4_the_api_key_stands_in_only_when_no_token_can_be_had() {
    let stage = metrics_host().api_key(API_KEY).start();
    let mut desk = logged_in(&stage);
    desk.set("MONITOR_API_KEY", API_KEY);
    sees(&desk, &["metrics"], "ada");
    assert_eq!(stage.tally().by_api_key, 0, "there is a token");

    // The login has ended, and so has the password.
    stage.user(Stage::USER, "another");
    stage.end_sessions();
    sees(&desk, &["metrics"], "an-api-key");
    let mut watching = desk.start(&["watch", "20"]);
    watching.line("an-api-key 1");
    watching.interrupt().ok();
    assert!(desk.run(&["status"]).ok().stdout.contains("generation "));

    desk.unset("MONITOR_API_KEY");
    desk.run(&["metrics"]).failed(10, "hint: monitor login ACCOUNT\n[login_needed]");
    desk.run_with(&["login", "ada"], "another").ok();
    desk.set("MONITOR_API_KEY", API_KEY);
    let before = stage.tally();
    sees(&desk, &["metrics"], "ada");
    assert_eq!((stage.tally() - before).by_api_key, 0, "and a token is used again");
}

#[test]
fn k4_while_the_issuer_cannot_answer_the_api_key_stands_in() {
    let stage = metrics_host().api_key(API_KEY).access_lifetime(Duration::from_secs(2)).start();
    let mut desk = logged_in(&stage);
    desk.set("MONITOR_API_KEY", API_KEY);
    stage.issuing(Issuing::Unavailable);
    eventually("the token is over", || desk.run(&["status"]).stdout.contains("expired"));
    sees(&desk, &["metrics"], "an-api-key");
    stage.issuing(Issuing::Prompt);
    // Not before the server said.
    eventually("there is a token again", || desk.run(&["metrics"]).stdout.contains("ada"));
    let tally = stage.tally();
    assert_eq!((tally.logins, tally.ended), (2, 0), "the login was never touched");
}

#[test]
fn k4_with_a_key_nobody_need_log_in() {
    let stage = metrics_host().api_key(API_KEY).start();
    let mut desk = desk(&stage);
    desk.run(&["metrics"]).failed(10, "[login_needed]");
    desk.set("MONITOR_API_KEY", API_KEY);
    sees(&desk, &["metrics"], "an-api-key");
    desk.set("MONITOR_API_KEY", "mk-wrong");
    desk.run(&["metrics"]).failed(13, "[api_unauthorized]");
    assert_eq!(stage.tally().token_requests, 0);
}
