//! What the environment switches (K6).

use unlapse_example_stage::Stage;

use super::{desk, logged_in, metrics_host, sees};

#[test]
fn k6_without_a_store_nothing_is_written_and_each_process_logs_in() {
    let stage = metrics_host().start();
    let mut desk = desk(&stage);
    desk.set("UNLAPSE_NO_STORE", "1");
    desk.run(&["metrics"]).failed(10, "[login_needed]");
    desk.set("MONITOR_ACCOUNT", Stage::USER);
    desk.set("MONITOR_PASSWORD", Stage::PASSWORD);
    for _ in 0..2 {
        sees(&desk, &["metrics"], "ada");
    }
    assert_eq!(stage.tally().logins, 2, "one each, and only for the scope that is used");
    let mut watching = desk.start(&["watch", "20"]);
    watching.line("ada 1");
    stage.expire();
    stage.end_sessions();
    watching.line("ada 1");
    assert_eq!(watching.interrupt().ok().stderr, "");
    for place in ["state", "config", "home", "run", "work"] {
        let left = std::fs::read_dir(desk.root().join(place)).expect("read").count();
        assert_eq!(left, 0, "something was written to {place}");
    }
}

#[test]
fn k6_another_server_has_other_accounts() {
    let (stage, other) = (metrics_host().start(), metrics_host().start());
    let mut desk = logged_in(&stage);
    desk.set("MONITOR_ENDPOINT", other.url());
    desk.run(&["metrics"]).failed(10, "[login_needed]");
    assert_eq!(desk.run(&["accounts"]).ok().stdout, "");
    assert_eq!(other.tally().token_requests, 0, "a token goes to its own server alone");
    desk.set("MONITOR_ENDPOINT", stage.url());
    sees(&desk, &["metrics"], "ada");
    for wrong in ["http://metrics.example", "ftp://x", "metrics"] {
        desk.set("MONITOR_ENDPOINT", wrong);
        desk.run(&["metrics"]).failed(2, "MONITOR_ENDPOINT is no https URL");
    }
}

#[test]
fn k6_what_is_logged_has_no_secret_in_it() {
    let stage = metrics_host().start();
    let mut desk = desk(&stage);
    desk.set("UNLAPSE_LOG", "trace");
    let login = super::log_in(&desk).ok().stderr;
    stage.expire();
    let renewal = desk.run(&["metrics"]).ok().stderr;
    for (text, spend) in [(&login, "login"), (&renewal, "refresh")] {
        for step in [format!("spend=\"{spend}\""), "event=\"renewed\"".to_owned()] {
            assert!(text.contains(&step), "no {step} in {text}");
        }
        for secret in [Stage::PASSWORD, "correct+horse", "eyJ"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    desk.set("UNLAPSE_LOG", "unlapse=loudly");
    desk.run(&["metrics"]).failed(2, "UNLAPSE_LOG is a filter such as unlapse=debug");
}
