//! One login, whatever happens to the server.

use unlapse_example_stage::{Issuing, Stage};

use super::{code_host, finds, indexed, log_in, project};

#[test]
fn c1_a_later_process_reuses_the_token_of_the_project() {
    let stage = code_host().start();
    let desk = indexed(&stage);
    for _ in 0..3 {
        finds(&desk);
    }
    let deeper = desk.work().join("src");
    let mut command = desk.command(&["status"]);
    let run = unlapse_example_stage::Program::start(command.current_dir(deeper), "").wait().ok();
    assert!(run.stdout.starts_with("generation 1\nvalid for "), "C1: from below, too: {run}");
    let tally = stage.tally();
    assert_eq!((tally.logins, tally.refreshes, tally.unauthorized), (1, 0, 0));
}

#[test]
fn c9_a_login_that_the_server_has_ended_is_made_again_and_the_search_repeated() {
    let stage = code_host().start();
    let desk = indexed(&stage);
    stage.end_sessions();
    finds(&desk);
    let tally = stage.tally();
    assert_eq!((tally.logins, tally.reuses), (2, 0));
    finds(&desk);
    assert_eq!(stage.tally().logins, 2);
}

#[test]
fn c17_when_only_a_person_can_help_the_command_is_named() {
    let stage = code_host().start();
    let desk = project(&stage);
    desk.run(&["search", "x"]).failed(10, "hint: code-search login NAME\n[login_needed]\n");
    desk.run_with(&["login", "ada"], "wrong\n").failed(10, "[login_needed]");
    desk.run_with(&["login", "ada"], "").failed(2, "the password is read from standard input");
    log_in(&desk).ok();
    stage.user(Stage::USER, "another");
    stage.end_sessions();
    desk.run(&["search", "x"]).failed(10, "[login_needed]");
    let tries = stage.tally().token_requests;
    desk.run(&["search", "x"]).failed(10, "[login_needed]");
    assert_eq!(stage.tally().token_requests, tries, "a refused password is not tried again");
    desk.run_with(&["login", "ada"], "another").ok();
    desk.run(&["search", "x"]).ok();
}

#[test]
fn c10_c11_a_server_that_is_gone_costs_an_error_and_no_login() {
    let mut stage = code_host().start();
    let desk = indexed(&stage);
    stage.down();
    let run = desk.run(&["search", "greet("]).failed(11, "hint: nothing is lost");
    assert!(run.stderr.ends_with("[server_away]\n"), "{run}");
    assert!(desk.run(&["status"]).ok().stdout.starts_with("generation 1\nvalid for "));
    stage.up();
    finds(&desk);
    // The token is over, and the issuer cannot answer.
    stage.expire();
    stage.issuing(Issuing::Unavailable);
    let before = stage.tally();
    desk.run(&["search", "greet("]).failed(11, "[temporary_failure]");
    assert_eq!((stage.tally() - before).token_requests, 3, "C10: three attempts");
    stage.issuing(Issuing::Prompt);
    finds(&desk);
    let tally = stage.tally();
    assert_eq!((tally.logins, tally.refreshes, tally.ended), (1, 1, 0));
}

#[test]
fn c8_a_token_that_breaks_a_rule_is_not_taken() {
    let signed_otherwise = |issuer: unlapse_example_stage::issuer::IssuerBuilder| {
        issuer.algorithm(unlapse_example_stage::issuer::Algorithm::EdDsa)
    };
    let stage = code_host().configure(signed_otherwise).start();
    let desk = project(&stage);
    let run = log_in(&desk).failed(13, "[token_rule_broken]");
    assert!(run.stderr.contains("its `alg` is not in `algorithms`"), "{run}");
    desk.run(&["search", "x"]).failed(13, "[token_rule_broken]");
    assert_eq!(stage.tally().requests, 0, "nothing was asked with it");
}

#[test]
fn k9_logging_out_ends_the_session_at_the_server_and_here() {
    let mut stage = code_host().start();
    let desk = indexed(&stage);
    stage.down();
    let run = desk.run(&["logout"]).failed(11, "hint: nothing was removed");
    assert!(run.stdout.is_empty() && run.stderr.ends_with("[not_revoked]\n"), "{run}");
    stage.up();
    finds(&desk);
    assert_eq!(stage.tally().ended, 0);
    assert_eq!(desk.run(&["logout"]).ok().stdout, "logged out\n");
    desk.run(&["search", "x"]).failed(10, "[login_needed]");
    assert_eq!((stage.tally().ended, stage.tally().logins), (1, 1));
}

#[test]
fn c12_what_stays_on_this_machine_goes_through_no_proxy() {
    let stage = code_host().start();
    let mut desk = indexed(&stage);
    // Nobody listens there, and whoever did would read the token.
    desk.set("http_proxy", "http://127.0.0.1:1");
    desk.set("ALL_PROXY", "http://127.0.0.1:1");
    finds(&desk);
    stage.expire();
    finds(&desk);
    assert_eq!((stage.tally().logins, stage.tally().refreshes), (1, 1));
}
