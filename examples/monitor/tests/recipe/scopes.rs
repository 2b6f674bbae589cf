//! A token for each scope.

use unlapse_example_stage::{Issuing, Program};

use super::{logged_in, metrics_host, sees};

#[test]
fn k1_each_scope_has_a_token_and_a_renewal_of_its_own() {
    let stage = metrics_host().start();
    let desk = logged_in(&stage);
    assert_eq!(stage.tally().sessions, 2);
    sees(&desk, &["metrics"], "ada");
    assert_eq!(desk.run(&["alert", "disk", "full"]).ok().stdout, "alert 1\n");
    stage.expire();
    sees(&desk, &["metrics"], "ada");
    assert_eq!(stage.tally().refreshes, 1, "only the token that was used");
    assert_eq!(desk.run(&["alert", "still", "full"]).ok().stdout, "alert 2\n");
    let tally = stage.tally();
    assert_eq!((tally.logins, tally.refreshes, tally.reuses), (2, 2, 0));
}

#[test]
fn k5_fifty_at_once_whose_token_has_ended_cost_one_renewal_and_no_error() {
    let stage = metrics_host().start();
    let desk = logged_in(&stage);
    stage.expire();
    let running: Vec<Program> = (0..50).map(|_| desk.start(&["metrics"])).collect();
    for program in running {
        let run = program.wait().ok();
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("load 0.5\nada 1\n", ""));
    }
    let tally = stage.tally();
    assert_eq!((tally.logins, tally.refreshes, tally.reuses), (2, 1, 0));
}

#[test]
fn k8_a_forced_renewal_replaces_every_token_and_none_is_used_twice() {
    let stage = metrics_host().start();
    let desk = logged_in(&stage);
    for round in 1..=3 {
        assert_eq!(desk.run(&["renew"]).ok().stdout, "renewed\n");
        assert_eq!(stage.tally().refreshes, 2 * round);
    }
    let status = desk.run(&["status"]).ok().stdout;
    assert!(status.starts_with("metrics:read: generation 4, valid for "), "{status}");
    assert_eq!(status.lines().count(), 2);
    let tally = stage.tally();
    assert_eq!((tally.logins, tally.reuses, tally.replays), (2, 0, 0));
}

#[test]
fn k4_a_server_that_cannot_answer_is_asked_three_times_and_the_login_is_kept() {
    let stage = metrics_host().start();
    let desk = logged_in(&stage);
    stage.expire();
    stage.issuing(Issuing::Unavailable);
    let before = stage.tally();
    desk.run(&["metrics"]).failed(11, "hint: nothing is lost");
    assert_eq!((stage.tally() - before).token_requests, 3);
    stage.issuing(Issuing::Prompt);
    sees(&desk, &["metrics"], "ada");
    let tally = stage.tally();
    assert_eq!((tally.logins, tally.refreshes, tally.ended), (2, 1, 0));
}
