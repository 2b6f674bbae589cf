//! Many at once, and killed meanwhile.

use std::time::Duration;

use unlapse_example_stage::{Issuing, Program, WAIT, eventually};

use super::code_host::{ENDLESS, add_files};
use super::{code_host, finds, indexed};

#[test]
fn c14_fifty_searches_whose_token_has_ended_cost_one_renewal_and_no_error() {
    let stage = code_host().start();
    let desk = indexed(&stage);
    stage.expire();
    let running: Vec<Program> = (0..50).map(|_| desk.start(&["search", "greet("])).collect();
    for program in running {
        let run = program.wait().ok();
        assert_eq!((run.stdout.lines().count(), run.stderr.as_str()), (2, ""), "{run}");
    }
    let tally = stage.tally();
    assert_eq!((tally.logins, tally.refreshes, tally.reuses), (1, 1, 0), "fifty processes");

    stage.expire();
    let queries: Vec<&str> = std::iter::repeat_n(["greet(", "--"], 50).flatten().collect();
    let run = desk.run(&[&["search"], &queries[..]].concat()).ok();
    assert_eq!((run.stdout.lines().count(), run.stderr.as_str()), (100, ""), "{run}");
    let tally = stage.tally();
    assert_eq!((tally.logins, tally.refreshes, tally.reuses), (1, 2, 0), "one process");
}

#[test]
fn c5_killed_in_the_middle_and_started_again_it_goes_on_with_the_same_login() {
    let stage = code_host().start();
    let desk = indexed(&stage);
    add_files(&desk, 300);
    let endless = desk.work().join(ENDLESS);
    std::fs::write(&endless, "").expect("written");
    for round in 0..5 {
        stage.expire();
        let mut indexing = desk.start(&["index"]);
        indexing.line("src/part-");
        let run = indexing.kill();
        assert_eq!(run.signal, Some(9), "it was at work: {run}");
        assert_eq!(stage.tally().refreshes, round + 1, "each time with a new token");
    }
    std::fs::remove_file(endless).expect("removed");
    assert!(desk.run(&["index"]).ok().stdout.ends_with("302 files\n"));
    finds(&desk);
    let tally = stage.tally();
    assert_eq!((tally.logins, tally.sessions, tally.refreshes), (1, 1, 5));
    assert_eq!((tally.reuses, tally.ended), (0, 0));
}

#[test]
fn r6_ctrl_c_waits_for_the_renewal_under_way_and_its_token_is_kept() {
    let stage = code_host().start();
    let desk = indexed(&stage);
    stage.expire();
    stage.issuing(Issuing::Slow(Duration::from_secs(1)));
    let asked = stage.tally().token_requests;
    let searching = desk.start(&["search", "greet("]);
    eventually("the refresh token is sent", || stage.tally().token_requests > asked);
    searching.interrupt().failed(130, "[interrupted]");
    assert_eq!(stage.tally().refreshes, 1, "it was answered");
    finds(&desk);
    let tally = stage.tally();
    assert_eq!((tally.refreshes, tally.logins, tally.reuses), (1, 1, 0), "and kept");
}

#[test]
fn x2_killed_while_the_answer_is_on_its_way_it_asks_again_and_keeps_the_login() {
    let stage = code_host().grace(Duration::from_secs(30)).start();
    let desk = indexed(&stage);
    for round in 1..=3 {
        stage.expire();
        stage.issuing(Issuing::Late(WAIT));
        let searching = desk.start(&["search", "greet("]);
        eventually("the old token is spent", || stage.tally().refreshes == round);
        assert_eq!(searching.kill().signal, Some(9), "it waited for the new one");
        stage.issuing(Issuing::Prompt);
        finds(&desk);
        let tally = stage.tally();
        assert_eq!((tally.refreshes, tally.replays), (round, round), "the same successor");
    }
    let tally = stage.tally();
    assert_eq!((tally.logins, tally.reuses, tally.ended), (1, 0, 0));
}
