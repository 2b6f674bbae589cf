//! What runs for long: renewed without anybody waiting, killed, and cut off.

use std::time::Duration;

use unlapse_example_stage::eventually;

use super::{logged_in, metrics_host, sees};

#[test]
fn k2_what_watches_never_meets_a_token_that_has_ended() {
    // Due at half of its life: every two seconds.
    let stage = metrics_host().access_lifetime(Duration::from_secs(4)).start();
    let desk = logged_in(&stage);
    let mut watching = desk.start(&["watch", "50"]);
    watching.line("load 0.5");
    // Nobody looks at what alerts would need: only the background renews that.
    let generation = || {
        let status = desk.run(&["status"]).ok().stdout;
        let line = status.lines().find_map(|line| line.strip_prefix("alerts:write: generation "));
        line.and_then(|rest| rest.split(',').next()?.parse::<u64>().ok()).expect("a number")
    };
    eventually("three tokens later", || generation() >= 4);
    let run = watching.interrupt().ok();
    assert_eq!(run.stderr, "", "no look has failed");
    let tally = stage.tally();
    assert_eq!((tally.unauthorized, tally.logins, tally.reuses), (0, 2, 0));
}

#[test]
fn k2_killed_and_started_again_it_goes_on_with_the_same_login() {
    let stage = metrics_host().start();
    let desk = logged_in(&stage);
    for round in 1..=5 {
        let mut watching = desk.start(&["watch", "10"]);
        watching.line("load 0.5");
        stage.expire();
        let before = stage.tally();
        eventually("it sees the metrics again", || {
            let since = stage.tally() - before;
            since.refreshes == 1 && since.requests > since.unauthorized + 3
        });
        let run = watching.kill();
        assert_eq!((run.signal, run.stderr.as_str()), (Some(9), ""), "{run}");
        assert_eq!(stage.tally().refreshes, round);
    }
    sees(&desk, &["metrics"], "ada");
    let tally = stage.tally();
    assert_eq!((tally.logins, tally.sessions, tally.refreshes), (2, 2, 5));
    assert_eq!((tally.reuses, tally.ended), (0, 0));
}

#[test]
fn k4_cut_off_from_its_server_it_says_so_and_goes_on_when_it_is_back() {
    let mut stage = metrics_host().start();
    let desk = logged_in(&stage);
    let mut watching = desk.start(&["watch", "20"]);
    watching.line("ada 1");
    stage.down();
    eventually("it says what is wrong", || watching.stderr().contains("hint: nothing is lost"));
    desk.run(&["metrics"]).failed(11, "[server_away]");
    stage.up();
    stage.expire();
    let before = watching.stdout().lines().count();
    eventually("it goes on", || watching.stdout().lines().count() > before + 4);
    let run = watching.interrupt().ok();
    assert!(!run.stderr.contains("login"), "nobody has to do anything: {run}");
    let tally = stage.tally();
    assert_eq!((tally.logins, tally.refreshes, tally.reuses, tally.ended), (2, 1, 0, 0));
}
