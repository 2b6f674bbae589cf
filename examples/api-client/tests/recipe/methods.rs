//! The token methods, by the names that users know (A1, A4).

use unlapse_example_stage::{Issuing, Stage, Tally};

use crate::acme_server::acme;
use crate::world::{desk, line, stranger};

#[test]
fn a1_each_method_does_what_its_row_says() {
    let stage = acme();
    let desk = desk(&stage);
    let did = |before: Tally| {
        let now = stage.tally() - before;
        (now.logins, now.refreshes)
    };
    let mut before = stage.tally();
    let mut row = |command: &str, logins_and_refreshes| {
        let run = desk.run(&[command]).ok();
        assert_eq!(did(before), logins_and_refreshes, "{command}: {run}");
        before = stage.tally();
        line(&run).to_owned()
    };
    let first = row("token", (1, 0));
    assert_eq!(row("token", (0, 0)), first, "a4: the next process has it");
    let second = row("refresh", (0, 1));
    assert_ne!(second, first);
    let third = row("force-refresh", (0, 1));
    assert_ne!(third, second);
    let fourth = row("obtain", (1, 0));
    assert_ne!(fourth, third);
    assert_eq!(row("token", (0, 0)), fourth);

    let info = row("info", (0, 0));
    for said in ["source       Token", "generation   4", "is expired   false"] {
        assert!(info.contains(said), "{said}: {info}");
    }
    assert!(!info.contains(&fourth), "no secret: {info}");

    row("clear", (0, 0));
    assert!(row("info", (0, 0)).contains("source       Nothing"));
    assert_ne!(row("token", (1, 0)), fourth);
    assert_eq!(stage.tally().reuses, 0);
}

#[test]
fn a6_what_is_wrong_has_a_code_and_an_exit_code() {
    let mut stage = acme();
    let mut desk = desk(&stage);
    desk.run(&["nonsense"]).failed(2, "acme orders | order ITEM");
    desk.set("ACME_PASSWORD", "wrong");
    desk.run(&["orders"]).failed(10, "(login_needed)");
    desk.unset("ACME_PASSWORD");
    desk.run(&["orders"]).failed(2, "ACME_PASSWORD is not set (setting_missing)");
    desk.set("ACME_URL", "http://acme.example");
    desk.run(&["orders"]).failed(2, "(setting_url)");
    desk.unset("ACME_URL");
    desk.run(&["orders"]).failed(2, "ACME_URL is not set (setting_missing)");
    let stranger = stranger(&stage);
    stranger.run(&["orders"]).failed(10, "(login_needed)");
    stranger.run(&["obtain"]).failed(2, "(setting_missing)");
    stage.down();
    stranger.run(&["orders"]).failed(10, "(login_needed)");
}

#[test]
fn a3_a_test_leaves_nothing_behind_unless_it_asks_to() {
    let stage = acme();
    let mut desk = desk(&stage);
    let home = desk.root().join("state/acme");
    for persist in ["auto", "off", ""] {
        desk.set("UNLAPSE_PERSIST", persist);
        desk.run(&["orders"]).ok();
        assert!(!home.exists(), "{persist}: the server is on this machine");
    }
    desk.set("UNLAPSE_PERSIST", "on");
    desk.run(&["orders"]).ok();
    assert!(home.exists());
    assert_eq!(stage.tally().logins, 4, "each run without a store had to log in");
    desk.set("UNLAPSE_PERSIST", "perhaps");
    desk.run(&["orders"]).failed(2, "`UNLAPSE_PERSIST` must be `on`, `off` or `auto`");
}

#[test]
fn a3_mock_credentials_touch_no_store_of_a_real_server() {
    let stage = acme();
    // A server elsewhere, which nobody asks: `info` does not.
    let mut desk = desk(&stage).env("ACME_URL", "https://acme.example");
    desk.unset("UNLAPSE_PERSIST");
    let home = desk.root().join("state/acme");
    desk.set("ACME_USERNAME", "mock-user");
    desk.run(&["info"]).ok();
    assert!(!home.exists());
    desk.set("ACME_USERNAME", Stage::USER);
    desk.run(&["info"]).ok();
    assert!(home.exists(), "and those of people are kept");
}

#[test]
fn a6_attempts_come_from_the_environment() {
    let stage = acme();
    let mut desk = desk(&stage);
    desk.run(&["orders"]).ok();
    stage.issuing(Issuing::Unavailable);
    desk.set("UNLAPSE_MAX_DELAY", "1ms");
    for attempts in ["1", "4"] {
        desk.set("UNLAPSE_ATTEMPTS", attempts);
        let before = stage.tally();
        desk.run(&["force-refresh"]).failed(11, "(temporary_failure)");
        assert_eq!((stage.tally() - before).token_requests.to_string(), attempts);
    }
}
