//! A broker as the source of `unlapse token` (I3).

use std::time::Duration;

use crate::server::{APP, House};

fn profile(house: &House) {
    let url = &house.server.url;
    let text = format!("[profile.ada]\nbroker = \"{url}\"\nconnection = \"ada/{APP}/main\"\n");
    house.project.configure(&text, "");
}

#[test]
fn i3_token_exec_and_status_work_as_with_any_other_profile() {
    let house = House::new(Duration::from_secs(3600));
    house.connect("ada");
    profile(&house);
    let token = house.project.run(&["token", "ada"]).ok();
    assert!(house.provider.is_valid(token.line()), "{token}");
    let requests = house.provider.tally().requests;
    // It is kept, sealed, and asked for no more.
    assert_eq!(house.project.run(&["token", "ada"]).ok().line(), token.line());
    assert_eq!(house.provider.tally().requests, requests);
    let status = house.project.run(&["status", "ada"]).ok();
    assert!(status.stdout.contains("valid"), "{status}");
    let exec = ["exec", "ada", "--", "sh", "-c", "echo $UNLAPSE_TOKEN; env"];
    let run = house.project.run(&exec).ok();
    assert!(run.stdout.starts_with(token.line()), "{run}");
    assert!(!run.stdout.contains("ulk_"), "R18: the key is none of the child's: {run}");
}

#[test]
fn r13_what_an_api_has_refused_is_not_handed_out_again() {
    let house = House::new(Duration::from_secs(3600));
    house.connect("ada");
    profile(&house);
    let first = house.project.run(&["token", "ada"]).ok();
    house.project.run(&["refresh", "ada", "--force"]).ok();
    let second = house.project.run(&["token", "ada"]).ok();
    assert_ne!(first.line(), second.line());
    assert!(house.provider.is_valid(second.line()), "{second}");
    assert_eq!(house.provider.tally().families_revoked, 0);
}

#[test]
fn r10_a_valid_token_is_served_while_the_broker_is_away() {
    let house = House::new(Duration::from_secs(3600));
    house.connect("ada");
    profile(&house);
    let token = house.project.run(&["token", "ada"]).ok();
    let House { project, server, .. } = house;
    server.end().ok();
    assert_eq!(project.run(&["token", "ada", "--min-ttl", "2h"]).ok().line(), token.line());
    project.run(&["refresh", "ada", "--force"]).failed(11, "temporary_failure");
}

#[test]
fn i4_a_connection_that_needs_its_user_is_mended_at_the_broker_alone() {
    let house = House::new(Duration::from_secs(3600));
    profile(&house);
    // Nobody has connected yet.
    house.project.run(&["token", "ada"]).failed(10, "broker_needs_user");
    let login = house.connect("ada");
    house.provider.end(login.family);
    house.project.run(&["token", "ada"]).failed(10, "broker_needs_user");
    house.connect("ada");
    let token = house.project.run(&["token", "ada"]).ok();
    assert!(house.provider.is_valid(token.line()), "{token}");
}

#[test]
fn c2_the_key_is_kept_sealed_or_refused() {
    let mut house = House::new(Duration::from_secs(3600));
    house.connect("ada");
    profile(&house);
    let key = house.server.first_key.clone().expect("a key");
    house.project.env.retain(|(name, _)| name != "UNLAPSE_BROKER_KEY");
    house.project.run(&["token", "ada"]).failed(10, "login_needed");
    let login = ["login", "ada", "--broker-key-stdin"];
    house.project.run_with(&login, "ulk_wrong").failed(13, "broker_key_refused");
    house.project.run_with(&login, &key).ok();
    let token = house.project.run(&["token", "ada"]).ok();
    assert!(house.provider.is_valid(token.line()), "{token}");
    let record = std::fs::read(house.project.record_path()).expect("a record");
    assert!(!record.windows(key.len()).any(|part| part == key.as_bytes()), "it is sealed");
}
