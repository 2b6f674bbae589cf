//! What is printed, logged and stored.

use std::process::Command;

use crate::harness::{Fault, Running, is_full};
use crate::planted::{Planted, SEALED};
use crate::search::{ACCESS_TOKEN, ALL, MISPLACED, PASSWORD, search};

#[test]
fn r18_nothing_leaks_while_all_is_well() {
    let planted = Planted::new(SEALED);
    planted.log_in();
    planted.every_command();
    let logged = planted.run(&["refresh", "refreshed"], "").ok();
    let loudest = |line: &str| line.contains(" TRACE ") && line.contains(": hyper_util");
    assert!(logged.stderr.lines().any(loudest), "the log is at its loudest: {logged}");
    planted.search_files();
    for name in ["refreshed", "password", "stored", "given"] {
        planted.run(&["logout", name], "").ok();
    }
    planted.search_files();
}

#[test]
fn r18_nothing_leaks_when_the_server_fails_and_repeats_what_it_was_sent() {
    let planted = Planted::new("");
    planted.log_in();
    let echo = ALL.join(" ");
    let json = |text: String| Fault::reply(400, &[("content-type", "application/json")], text);
    let faults = [
        Fault::unavailable(),
        Fault::too_many("1"),
        Fault::garbage(),
        Fault::huge(),
        Fault::Drop,
        Fault::LoseReply,
        Fault::Hang,
        Fault::reply(403, &[("content-type", "text/html")], format!("<html>{echo}</html>")),
        Fault::reply(500, &[("x-echo", &echo), ("set-cookie", &echo)], echo.clone()),
        Fault::redirect(&format!("{}/token?{}", planted.server.origin(), ALL.join("&"))),
        json(format!(r#"{{"error":"invalid_grant","error_description":"{echo}"}}"#)),
        json(format!(r#"{{"error":"invalid_client","error_description":"{echo}"}}"#)),
        json(format!(r#"{{"error":"{echo}"}}"#)),
        json(format!(r#"{{"access_token":["{echo}"],"expires_in":"{echo}"}}"#)),
        Fault::reply(200, &[], format!(r#"{{"access_token":"{echo}""#)),
        Fault::reply(
            200,
            &[],
            format!(r#"{{"access_token":"{ACCESS_TOKEN}","token_type":"{echo}","expires_in":0}}"#),
        ),
    ];
    let mut alive = 0;
    for fault in faults {
        planted.server.always(None);
        planted.log_in_again();
        // Those that are waited for are met once.
        let is_slow = fault == Fault::Hang || fault == Fault::too_many("1");
        planted.server.always(Some(fault));
        let run = planted.run(&["refresh", "refreshed"], "");
        alive += u32::from(run.code == Some(11));
        if !is_slow || is_full() {
            planted.run(&["token", "refreshed", "--json"], "");
            planted.run(&["refresh", "endpoint"], "");
            planted.run(&["refresh", "given"], "");
            planted.run(&["login", "password", "--password-stdin"], PASSWORD);
        }
    }
    assert!(alive > 8, "most of them are no verdict");
    planted.run(&["status", "--json"], "");
    planted.search_files();
}

#[test]
fn r18_nothing_leaks_when_people_err() {
    let planted = Planted::new(SEALED);
    let misplaced = format!("--password={MISPLACED}");
    let filter = format!("unlapse={MISPLACED}");
    let rows: [(&[&str], &str); 12] = [
        (&["login", "password", MISPLACED], ""),
        (&["login", "password", &misplaced], ""),
        (&["login", "password", "--password-stdin"], MISPLACED),
        (&["login", "endpoint", "--password-stdin"], MISPLACED),
        (&["login", "refreshed", "--refresh-token-stdin"], MISPLACED),
        (&["login", "stored", "--client-secret-stdin", "--password-stdin"], MISPLACED),
        (&["login", "key", "--refresh-token-stdin"], MISPLACED),
        (&["login", "password", "--refresh-token-stdin"], MISPLACED),
        (&["token", "refreshed", MISPLACED], ""),
        (&["exec", "given", MISPLACED], ""),
        (&["list", "--json", "--token", MISPLACED], ""),
        (&["list", "--log", &filter], ""),
    ];
    for (arguments, stdin) in rows {
        planted.run(arguments, stdin);
    }
    let endless = format!("{MISPLACED}\n").repeat(4000);
    planted.run(&["login", "refreshed", "--refresh-token-stdin"], &endless);

    // In the configuration: refused, without repeating it.
    let good = std::fs::read_to_string(planted.project.config_path()).expect("read");
    let lines = ["password", "client_secret", "refresh_token", "reuse", "scopes", "client_auth"];
    for key in lines {
        let bad = good.replacen("client_id", &format!("{key} = \"{MISPLACED}\"\nclient_id"), 1);
        std::fs::write(planted.project.config_path(), bad).expect("written");
        planted.run(&["token", "refreshed"], "");
        planted.run(&["config", "show"], "");
    }
    let torn = good.replacen("[store]", &format!("[store\n{MISPLACED}"), 1);
    std::fs::write(planted.project.config_path(), torn).expect("written");
    planted.run(&["list"], "").failed(2, "config_syntax");
    std::fs::write(planted.project.config_path(), good).expect("written");
    planted.search_files();
}

#[test]
fn r18_nothing_leaks_when_the_store_fails() {
    let mut planted = Planted::new(SEALED);
    planted.log_in();
    let records: Vec<_> = {
        let entries = std::fs::read_dir(planted.project.store_dir()).expect("a store").flatten();
        let paths = entries.map(|entry| entry.path());
        paths.filter(|path| path.extension().is_some_and(|it| it == "token")).collect()
    };
    assert_eq!(records.len(), 5);

    let right = std::mem::replace(&mut planted.project.env[0].1, MISPLACED.to_owned());
    for command in
        [["token", "refreshed"].as_slice(), &["status"], &["doctor"], &["logout", "stored"]]
    {
        planted.run(command, "");
    }
    planted.project.env[0].1 = right;

    // No room for what is granted: the intent fits, or nothing does.
    for blocks in [0, 1, 2] {
        let script = format!("ulimit -f {blocks}; exec \"$0\" \"$@\"");
        for arguments in [["refresh", "refreshed"], ["token", "given"], ["refresh", "endpoint"]] {
            let mut command = Command::new("sh");
            planted.project.isolate(&mut command);
            command.args(["-c", &script, env!("CARGO_BIN_EXE_unlapse")]).args(arguments);
            let run = Running::start(&mut command, b"").wait();
            search("stderr under a limit", run.stderr.as_bytes(), &ALL);
        }
    }
    planted.search_files();

    for record in &records {
        let mut bytes = std::fs::read(record).unwrap_or_default();
        bytes.truncate(bytes.len().saturating_sub(9));
        std::fs::write(record, bytes).expect("written");
    }
    for command in [["token", "refreshed"].as_slice(), &["list"], &["status"], &["doctor"]] {
        planted.run(command, "");
    }
    planted.search_files();
}
