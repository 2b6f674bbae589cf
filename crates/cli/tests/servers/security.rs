//! A security event in one process ends what others serve, within their trust time (K3, K8, K9).

use std::time::{Duration, Instant};

use serde_json::Value;
use unlapse::SecurityEvent;
use unlapse_core::{Error, LoginReason, Policy, Reuse};

use crate::harness::{
    self, AuthServer, Class, Fault, Project, Running, child, eventually, passed, store_below,
};

/// How long the processes here trust their memory.
const TRUST: Duration = Duration::from_secs(1);

fn policy() -> Policy {
    Policy { reuse: Reuse::Strict, trust: TRUST, ..Policy::default() }
}

/// A process that serves a token as long as it can, and then says why no more.
fn serving(project: &Project, server: &AuthServer) -> Running {
    let mut command = child("security::child_serves", project, server, Reuse::Strict, "");
    let running = Running::start(&mut command, b"");
    let marker = project.root().join("serving");
    eventually("it serves", || marker.exists());
    running
}

#[test]
#[ignore = "run by its parent test"]
fn child_serves() {
    let Some(passed) = passed() else { return };
    harness::with_source(passed.endpoint(), store_below(&passed.root), policy(), async |source| {
        let first = source.token().await.expect("a token").secret;
        std::fs::write(passed.root.join("serving"), "").expect("written");
        let start = Instant::now();
        loop {
            match source.token().await {
                Ok(token) if token.secret != first => {
                    return println!("child: {} renewed", start.elapsed().as_millis());
                }
                Ok(_) => assert!(start.elapsed() < harness::WAIT, "served for ever"),
                Err(Error::NeedsLogin { reason, .. }) => {
                    return println!("child: {} {reason:?}", start.elapsed().as_millis());
                }
                Err(error) => panic!("{error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
}

/// What the other process said at its end, which came soon after `since`.
fn ended(running: Running, since: Instant) -> String {
    let run = running.wait().ok();
    assert!(since.elapsed() < TRUST + Duration::from_secs(5), "{:?}: {run}", since.elapsed());
    let line = run.stdout.lines().find_map(|line| line.split_once("child: "));
    line.expect("it said why").1.split(' ').nth(1).expect("a word").to_owned()
}

#[test]
fn k3_k8_an_event_reported_in_one_process_reaches_another_within_its_trust_time() {
    for (event, expected) in [
        (SecurityEvent::LoginExposed, "Revoked"),
        (SecurityEvent::ReuseDetected, "ReuseDetected"),
        (SecurityEvent::SessionRevoked, "Revoked"),
        (SecurityEvent::TokenExposed, "renewed"),
    ] {
        let server = AuthServer::start(Class::Strict);
        let project = Project::new(&server, "reuse = \"strict\"", "");
        project.log_in(&server);
        let other = serving(&project, &server);
        let endpoint = format!("{}/token", server.origin());
        let store = store_below(project.root());
        harness::with_source(&endpoint, store, policy(), async |source| {
            source.report(event).await.expect("done");
        });
        assert_eq!(ended(other, Instant::now()), expected, "{event:?}");
        let run = project.run(&["token", "acme"]);
        assert_eq!(run.code, Some(if expected == "renewed" { 0 } else { 10 }), "{run}");
        if expected != "renewed" {
            let record = project.stored().expect("why").record;
            assert_eq!((record.token, record.credentials), (None, None), "{event:?}");
        }
    }
}

#[test]
fn k3_a_server_that_says_reuse_ends_it_in_every_process_and_leaves_no_secret() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "reuse = \"strict\"", "");
    project.log_in(&server);
    let other = serving(&project, &server);
    // As `unlapse issuer` says it.
    let body = r#"{"error":"invalid_grant","code":"refresh_token_reused"}"#;
    let json = [("content-type", "application/json")];
    server.fault(Fault::reply(400, &json, body));
    let run = project.run(&["refresh", "acme"]).failed(10, "login_needed");
    let since = Instant::now();
    assert!(run.stderr.contains("used twice") && run.stderr.contains("who else"), "{run}");
    assert_eq!(ended(other, since), format!("{:?}", LoginReason::ReuseDetected));
    let record = project.stored().expect("why").record;
    assert_eq!((record.token, record.credentials), (None, None));
    let status = project.status();
    assert_eq!(status["needs_login"], "reuse_detected");
    assert_eq!(status["refresh_token"], Value::Bool(false));
}
