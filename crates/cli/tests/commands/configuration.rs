//! `config show`, `completion`, and a configuration that is wrong.

use crate::harness::{AuthServer, Class, Project, config};

#[test]
fn every_value_names_where_it_came_from() {
    let server = AuthServer::start(Class::Strict);
    let mut project = Project::new(&server, "scopes = [\"api\"]", "skew = \"20s\"");
    project.env.push(("UNLAPSE_ATTEMPTS".to_owned(), "7".to_owned()));
    project.env.push(("UNLAPSE_CLIENT_SECRET".to_owned(), "s3cret-canary".to_owned()));
    let run = project.run(&["config", "show", "--timeout", "9s"]).ok();
    assert!(!run.stdout.contains("canary"), "R18: {run}");
    let line = |key: &str| {
        let found = run.stdout.lines().find(|line| line.split_whitespace().next() == Some(key));
        let line = found.unwrap_or_else(|| panic!("no {key} in {run}"));
        line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    };
    let file = project.config_path().display().to_string();
    assert!(line("profile.acme.client_id").starts_with(&format!("cid {file}:")));
    assert!(line("profile.acme.policy.skew").starts_with(&format!("20s {file}:")));
    assert_eq!(line("profile.acme.policy.attempts"), "7 environment variable UNLAPSE_ATTEMPTS");
    assert_eq!(line("profile.acme.policy.timeout"), "9s --timeout");
    assert_eq!(line("profile.acme.policy.round"), "30s default");

    let json = project.run(&["config", "show", "--json"]).ok().json();
    assert_eq!(json["files"][0], file);
    let values = json["values"].as_array().expect("a list");
    let skew = values.iter().find(|row| row["key"] == "profile.acme.policy.skew").expect("set");
    let text = std::fs::read_to_string(project.config_path()).expect("read");
    let line = text.lines().position(|line| line.starts_with("skew")).expect("written") + 1;
    assert_eq!(skew["origin"], serde_json::json!({"kind": "file", "file": file, "line": line}));
}

#[test]
fn a6_the_documented_flags_exist() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    let endpoint = format!("{}/token", server.origin());
    let flags = [
        ("--token-endpoint", endpoint.as_str(), "profile.acme.token_endpoint"),
        ("--attempts", "2", "profile.acme.policy.attempts"),
        ("--base-delay", "5ms", "profile.acme.policy.base_delay"),
        ("--max-delay", "50ms", "profile.acme.policy.max_delay"),
        ("--timeout", "3s", "profile.acme.policy.timeout"),
    ];
    for (flag, value, key) in flags {
        let json = project.run(&["config", "show", flag, value, "--json"]).ok().json();
        let values = json["values"].as_array().expect("a list");
        let row = values.iter().find(|row| row["key"] == key).expect("shown");
        assert_eq!((&row["value"], &row["origin"]["flag"]), (&value.into(), &flag.into()));
        project.run(&["list", flag, "nonsense"]).failed(2, "config_bad_value");
    }
}

#[test]
fn what_is_wrong_is_named_with_file_and_line_and_the_nearest_right_key() {
    let server = AuthServer::start(Class::Strict);
    let rows = [
        ("tokn_endpoint = \"x\"", "config_unknown_key", "did you mean `token_endpoint`?"),
        ("grant = \"pasword\"", "config_bad_value", "did you mean `password`?"),
        ("reuse = \"sometimes\"", "config_bad_value", "hint: "),
        ("scopes = 3", "config_bad_value", "hint: "),
        ("password = \"canary\"", "config_secret_in_file", "--password-stdin"),
        ("client_secret = \"canary\"", "config_secret_in_file", "--client-secret-stdin"),
        ("this is no TOML canary", "config_syntax", "hint: "),
    ];
    for (line, code, hint) in rows {
        let project = Project::new(&server, line, "");
        let text = std::fs::read_to_string(project.config_path()).expect("read");
        let number = text.lines().position(|found| found == line).expect("written") + 1;
        let place = format!("{}:{number}", project.config_path().display());
        for command in [["token", "acme"].as_slice(), &["list"], &["config", "show"]] {
            let run = project.run(command).failed(2, code);
            assert!(run.stderr.contains(&place), "{line}: not {place}: {run}");
            assert!(run.stderr.contains(hint), "{line}: {run}");
            assert!(!run.stderr.contains("canary"), "R18: {run}");
        }
    }
    let policies = [
        ("attempts = 99", "1 to 10"),
        ("skew = \"2 fortnights\"", "0s to 10m"),
        ("refresh_ahead = 300", "0s to 24h"),
        ("breaker_open_for = \"2h\"", "100ms to 1h"),
    ];
    for (line, allowed) in policies {
        let run = Project::new(&server, "", line).run(&["list"]).failed(2, "config_bad_value");
        assert!(run.stderr.contains(allowed), "{line}: {run}");
    }
    assert_eq!(server.counts().requests, 0);
}

#[test]
fn what_is_missing_is_named() {
    let project = Project::empty();
    project.configure("[profile.acme]\ngrant = \"password\"", "");
    project.run(&["token"]).failed(2, "config_missing_key");
    project.configure("", "");
    project.run(&["token"]).failed(2, "config_no_profile");
    project.run(&["token", "acme"]).failed(2, "config_unknown_profile");
    std::fs::remove_file(project.config_path()).expect("removed");
    project.run(&["list"]).failed(2, "config_unreadable");
    project.run(&["list", "--config", "/nowhere/config.toml"]).failed(2, "config_unreadable");
}

#[test]
fn a_log_filter_that_does_not_read_is_refused() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    project.run(&["list", "--log", "a=b=c"]).failed(2, "log_filter");
    project.log_in(&server);
    let run = project.run(&["refresh", "--log", "debug"]).ok();
    assert!(run.stderr.contains("outcome=\"renewed\""), "I6: {run}");
    assert_eq!(run.stdout, "");
}

#[test]
fn completion_knows_every_command_for_every_shell() {
    let project = Project::empty();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        // Needs no configuration.
        let script = project.run(&["completion", shell]).ok();
        assert_eq!(script.stderr, "");
        for word in ["refresh", "reset-breaker", "client-secret-stdin", "completion"] {
            assert!(script.stdout.contains(word), "{shell}: {word}");
        }
        assert!(!script.stdout.contains("demo-worker"), "{shell}: for machines only");
    }
    project.run(&["completion", "tcsh"]).failed(2, "usage");
    let bash = project.run(&["completion", "bash"]).ok().stdout;
    let path = project.root().join("unlapse.bash");
    std::fs::write(&path, bash).expect("written");
    let checked = std::process::Command::new("bash").arg("-n").arg(&path).status();
    assert!(checked.is_ok_and(|status| status.success()), "bash reads it");
}

#[test]
fn c1_the_projects_file_is_found_upward_and_one_of_others_is_not_followed() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = AuthServer::start(Class::Strict);
    let project = Project::empty();
    let (deep, dir) = (project.root().join("work/a/b"), project.root().join("work/.unlapse"));
    std::fs::create_dir_all(&deep).expect("created");
    std::fs::create_dir(&dir).expect("created");
    let file = dir.join("config.toml");
    std::fs::write(&file, config(&server, "", "")).expect("written");
    let run = || {
        let mut command = project.command(&["list"]);
        command.env_remove("UNLAPSE_CONFIG").current_dir(&deep);
        crate::harness::Running::start(&mut command, b"").wait()
    };
    assert!(run().ok().stdout.starts_with("acme "));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).expect("set");
    let refused = run().failed(2, "config_untrusted");
    assert!(refused.stderr.contains("UNLAPSE_CONFIG="), "{refused}");
}
