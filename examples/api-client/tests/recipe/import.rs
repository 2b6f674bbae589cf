//! A plain `token.json` is taken over once, and never again.

use std::os::unix::fs::symlink;

use serde_json::json;
use unlapse_example_stage::{Program, Run, Stage};

use crate::acme_server::acme;
use crate::world::{desk, line, permit, plain_file, stranger};

/// What a program without a sealed store left behind: a session of ada's.
fn token_json(stage: &Stage) -> String {
    let session = stage.open_session(Stage::USER, Stage::CLIENT, "");
    let token = json!({
        "access_token": "opaque",
        "refresh_token": session.expose(),
        "token_type": "bearer",
        "expires_at": 1_600_000_000,
    });
    token.to_string()
}

#[test]
fn a4_the_login_of_a_plain_file_goes_on_sealed() {
    let stage = acme();
    let desk = stranger(&stage);
    let text = token_json(&stage);
    let file = plain_file(&desk, "token.json", &text);
    let run = desk.run(&["import", "token.json"]).ok();
    assert!(run.stdout.contains("is taken over"), "{run}");
    assert!(run.stdout.contains("token.json.imported now"), "{run}");
    assert!(!file.exists());
    let aside = desk.work().join("token.json.imported");
    assert_eq!(std::fs::read_to_string(&aside).expect("kept"), text);
    // Nothing of it lies anywhere else in clear.
    let refresh_token = text.split('"').find(|part| part.starts_with("v1.")).expect("a token");
    for path in std::fs::read_dir(desk.root().join("state/acme")).expect("the store") {
        let path = path.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("readable");
        let found = bytes.windows(refresh_token.len()).any(|part| part == refresh_token.as_bytes());
        assert!(!found, "{}", path.display());
    }

    assert!(desk.run(&["orders"]).ok().stdout.contains("anvil"));
    assert_eq!((stage.tally().refreshes, stage.tally().logins), (1, 0));

    // Killed before it could put the file away: the next import does not take the old login again.
    std::fs::rename(&aside, &file).expect("as it was");
    let run = desk.run(&["import", "token.json"]).ok();
    assert!(run.stdout.contains("there is a login already"), "{run}");
    assert!(desk.work().join("token.json.not-imported").exists());
    desk.run(&["force-refresh"]).ok();
    assert_eq!((stage.tally().refreshes, stage.tally().reuses), (2, 0));
}

#[test]
fn a4_an_access_token_that_is_still_good_is_used_as_it_is() {
    let stage = acme();
    let token = desk(&stage).run(&["token"]).ok();
    let token = json!({ "access_token": line(&token), "expires_in": 600 });
    let desk = stranger(&stage);
    plain_file(&desk, "token.json", &token.to_string());
    desk.run(&["import", "token.json"]).ok();
    let before = stage.tally();
    assert!(desk.run(&["orders"]).ok().stdout.contains("anvil"));
    assert_eq!((stage.tally() - before).token_requests, 0, "nobody was asked");
    stage.expire();
    desk.run(&["orders"]).failed(10, "(login_needed)");
}

#[test]
fn a5_of_ten_imports_at_once_one_takes_the_login() {
    let stage = acme();
    let desk = stranger(&stage);
    plain_file(&desk, "token.json", &token_json(&stage));
    let importing: Vec<_> = (0..10).map(|_| desk.start(&["import", "token.json"])).collect();
    let runs: Vec<_> = importing.into_iter().map(|program| program.wait()).collect();
    let taken = runs.iter().filter(|run| run.stdout.contains("is taken over")).count();
    assert_eq!(taken, 1, "{runs:#?}");
    for run in runs.iter().filter(|run| run.code != Some(0)) {
        // On a busy machine the last in the line is told to come again.
        let is_late = run.code == Some(11) && run.stderr.contains("(lease_busy)");
        assert!(is_late || run.stderr.contains("(token_file_missing)"), "{run}");
    }
    assert!(desk.run(&["orders"]).ok().stdout.contains("anvil"));
    assert_eq!((stage.tally().refreshes, stage.tally().reuses), (1, 0));
}

#[test]
fn the_file_is_removed_where_that_is_wanted_and_only_when_it_was_taken_over() {
    let stage = acme();
    let desk = stranger(&stage);
    let file = plain_file(&desk, "token.json", &token_json(&stage));
    let run = desk.run(&["import", "token.json", "--remove"]).ok();
    assert!(line(&run).ends_with("the file is removed"), "{run}");
    assert!(!file.exists());
    plain_file(&desk, "token.json", &token_json(&stage));
    desk.run(&["import", "token.json", "--remove"]).ok();
    assert!(desk.work().join("token.json.not-imported").exists(), "nothing is lost");
}

#[test]
fn a3_a_client_that_keeps_nothing_leaves_the_only_copy_of_a_login_alone() {
    let stage = acme();
    let mut desk = stranger(&stage);
    let text = token_json(&stage);
    let file = plain_file(&desk, "token.json", &text);
    let stays = |run: Run, code: &str| {
        let run = run.failed(2, code);
        assert_eq!(std::fs::read_to_string(&file).expect("it stays"), text, "{run}");
    };
    for arguments in [&["import", "token.json", "--remove"][..], &["import", "token.json"]] {
        for persist in ["off", "auto"] {
            desk.set("UNLAPSE_PERSIST", persist);
            stays(desk.run(arguments), "(nothing_kept)");
        }
        desk.set("UNLAPSE_PERSIST", "on");
        desk.set("UNLAPSE_NO_STORE", "1");
        stays(desk.run(arguments), "(nothing_kept)");
        desk.unset("UNLAPSE_NO_STORE");
        // As a system service is started.
        let mut homeless = desk.command(arguments);
        homeless.env_remove("HOME").env_remove("XDG_STATE_HOME");
        stays(Program::start(&mut homeless, "").wait(), "ACME_HOME is not set (setting_missing)");
    }
    desk.run(&["import", "token.json", "--remove"]).ok();
    assert!(desk.run(&["orders"]).ok().stdout.contains("anvil"));
}

#[test]
fn a_file_of_a_stranger_is_refused_and_stays() {
    let stage = acme();
    let desk = stranger(&stage);
    let import = |name: &str| desk.run(&["import", name]);
    import("none.json").failed(1, "(token_file_missing)");
    let file = plain_file(&desk, "token.json", &token_json(&stage));
    symlink(&file, desk.work().join("link.json")).expect("linked");
    import("link.json").failed(1, "(token_file_not_a_file)");
    import(".").failed(1, "(token_file_not_a_file)");
    permit(&file, 0o666);
    import("token.json").failed(1, "(token_file_exposed)");
    assert!(file.exists());
    plain_file(&desk, "large.json", &format!("{{\"access_token\":\"{}\"}}", "a".repeat(40_000)));
    import("large.json").failed(1, "(token_file_too_large)");
    plain_file(&desk, "torn.json", "{\"access_token\": \"canary");
    let run = import("torn.json").failed(1, "(token_file_unreadable)");
    assert!(!run.stderr.contains("canary"), "{run}");
    desk.run(&["orders"]).failed(10, "(login_needed)");

    permit(&file, 0o644);
    let run = import("token.json").ok();
    assert!(run.stderr.contains("warning: others could read token.json"), "{run}");
}

#[test]
fn r14_an_imported_login_that_is_over_gives_way_to_the_account() {
    let stage = acme();
    let desk = desk(&stage);
    plain_file(&desk, "token.json", &token_json(&stage));
    desk.run(&["import", "token.json"]).ok();
    stage.end_sessions();
    assert!(desk.run(&["orders"]).ok().stdout.contains("anvil"));
    assert_eq!((stage.tally().logins, stage.tally().reuses), (1, 0));
}
