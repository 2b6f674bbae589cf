//! The command at the provider.

use crate::harness::Project;
use crate::provider::{BASIC, Client, POST, PUBLIC, Provider};

fn log_in(project: &Project, provider: &Provider, client: Client) {
    let arguments = ["login", "acme", "--refresh-token-stdin"];
    project.run_with(&arguments, &provider.grant(client)).ok();
}

#[test]
fn r8_refresh_with_forced_rotation_for_every_kind_of_client() {
    let Some(provider) = Provider::start(60) else { return };
    for client in [PUBLIC, BASIC, POST] {
        let before = provider.count("refreshes");
        let project = provider.project(client, "", "");
        log_in(&project, &provider, client);
        let mut tokens = vec![project.run(&["token"]).ok().line().to_owned()];
        for _ in 0..3 {
            project.run(&["refresh", "--force"]).ok();
            tokens.push(project.run(&["token"]).ok().line().to_owned());
        }
        project.expire();
        tokens.push(project.run(&["token"]).ok().line().to_owned());
        provider.accepts(tokens.last().expect("one"), client);
        tokens.sort();
        tokens.dedup();
        assert_eq!(tokens.len(), 5, "each renewal is another token");
        assert_eq!(provider.count("refreshes") - before, 5, "{client:?}");
    }
    provider.assert_all_alive();
}

#[test]
fn client_credentials_for_both_ways_to_prove_a_client() {
    let Some(provider) = Provider::start(60) else { return };
    for client in [BASIC, POST] {
        let lines = "grant = \"client_credentials\"\nscopes = [\"read\"]";
        let mut project = provider.project(client, lines, "");
        let json = project.run(&["token", "--json"]).ok().json();
        provider.accepts(json["access_token"].as_str().expect("a token"), client);
        assert_eq!(json["scope"], "read");
        assert!(
            json["expires_in"].as_u64().is_some_and(|left| (50..=60).contains(&left)),
            "{json}"
        );

        // The secret in the record instead of the environment.
        project.run(&["logout"]).ok();
        project.env.clear();
        let login = ["login", "acme", "--client-secret-stdin"];
        project.run_with(&login, "wrong").failed(13, "client_rejected");
        project.run_with(&login, client.secret.expect("a secret")).ok();
        provider.accepts(project.run(&["token"]).ok().line(), client);
    }
    assert_eq!(provider.count("client_credentials"), 4);
}

#[test]
fn x1_eight_processes_with_an_expired_token_make_one_refresh() {
    let Some(provider) = Provider::start(60) else { return };
    for client in [PUBLIC, BASIC] {
        let project = provider.project(client, "reuse = \"strict\"", "");
        log_in(&project, &provider, client);
        for round in 0..5 {
            let before = provider.count("refreshes");
            project.expire();
            let runs = project.storm(8, &["token", "acme"]);
            let first = runs[0].clone().ok();
            assert!(runs.iter().all(|run| run.stdout == first.stdout), "round {round}");
            provider.accepts(first.line(), client);
            assert_eq!(provider.count("refreshes"), before + 1, "round {round}");
        }
    }
    provider.assert_all_alive();
}

#[test]
fn r6_r7_a_process_that_is_killed_in_a_storm_costs_no_login_that_could_be_saved() {
    let Some(provider) = Provider::start(60) else { return };
    let project = provider.project(PUBLIC, "reuse = \"strict\"", "");
    log_in(&project, &provider, PUBLIC);
    for wait in 0..6 {
        project.expire();
        let running: Vec<_> = (0..4).map(|_| project.spawn(&["token", "acme"])).collect();
        std::thread::sleep(std::time::Duration::from_millis(5 * wait));
        // SIGTERM: whoever is renewing finishes that first.
        running[0].signal(rustix::process::Signal::TERM);
        for run in running.into_iter().map(crate::harness::Running::wait) {
            assert!(matches!(run.code, Some(0 | 143)) || run.signal == Some(15), "{run}");
        }
        provider.accepts(project.run(&["token"]).ok().line(), PUBLIC);
    }
    provider.assert_all_alive();
}

#[test]
fn r9_a_login_that_somebody_else_ended_is_told_truthfully() {
    let Some(provider) = Provider::start(60) else { return };
    let project = provider.project(PUBLIC, "", "");
    let stolen = provider.grant(PUBLIC);
    project.run_with(&["login", "acme", "--refresh-token-stdin"], &stolen).ok();
    let token = project.run(&["token"]).ok();

    // Another owner of the first refresh token uses it again: the provider ends the family.
    let form =
        [("grant_type", "refresh_token"), ("client_id", PUBLIC.id), ("refresh_token", &*stolen)];
    let (status, reply) = provider.post("/token", &form);
    assert_eq!((status, &reply["error"]), (400, &"invalid_grant".into()));
    assert_eq!(provider.count("grants_revoked"), 1);

    let ended = project.run(&["refresh"]).failed(10, "login_needed");
    assert!(ended.stderr.contains("rejected the refresh token"), "{ended}");
    assert_eq!(project.status()["needs_login"], "refresh_rejected");
    // R10: what is not known to have ended by the clock is still served until it has.
    assert_eq!(project.run(&["token"]).ok().stdout, token.stdout);
    project.expire();
    project.run(&["token"]).failed(10, "login_needed");
    let asked = provider.count("refresh_reused");
    project.run(&["token"]).failed(10, "login_needed");
    assert_eq!(provider.count("refresh_reused"), asked, "a dead token is not sent again");

    log_in(&project, &provider, PUBLIC);
    provider.accepts(project.run(&["token"]).ok().line(), PUBLIC);
}

#[test]
fn k9_logout_revokes_at_the_provider() {
    let Some(provider) = Provider::start(60) else { return };
    for client in [PUBLIC, BASIC, POST] {
        let project = provider.project(client, "", "");
        log_in(&project, &provider, client);
        let token = project.run(&["token"]).ok();
        provider.accepts(token.line(), client);
        let revoked = provider.count("grants_revoked");
        let run = project.run(&["logout"]).ok();
        assert!(run.stderr.contains("revoked at the server"), "{run}");
        assert_eq!(provider.me(token.line()).0, 401, "{client:?}: the token is dead");
        assert_eq!(provider.count("grants_revoked"), revoked + 1);
        assert_eq!(project.status()["token"], "none");
        project.run(&["token"]).failed(10, "login_needed");
    }
}

#[test]
fn r12_tokens_of_a_few_seconds_are_renewed_as_they_end() {
    let Some(provider) = Provider::start(2) else { return };
    let project = provider.project(PUBLIC, "", "");
    log_in(&project, &provider, PUBLIC);
    let before = provider.count("refreshes");
    for _ in 0..10 {
        provider.accepts(project.run(&["token"]).ok().line(), PUBLIC);
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    let renewals = provider.count("refreshes") - before;
    assert!((1..=5).contains(&renewals), "{renewals} in three seconds of two-second tokens");
    provider.assert_all_alive();
}

#[test]
fn doctor_and_status_know_the_provider() {
    let Some(provider) = Provider::start(60) else { return };
    let project = provider.project(PUBLIC, "", "");
    log_in(&project, &provider, PUBLIC);
    let doctor = project.run(&["doctor"]).ok();
    assert!(doctor.stdout.lines().all(|line| line.starts_with("ok  ")), "{doctor}");
    let status = project.status();
    assert_eq!((&status["token"], &status["refresh_token"]), (&"valid".into(), &true.into()));
}
