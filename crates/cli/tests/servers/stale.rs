//! Tokens that are served beyond their end while their server is away (K12).

use serde_json::Value;

use crate::QUICK;
use crate::harness::{AuthServer, Class, Fault, Project};

fn project(server: &AuthServer, stale: &str) -> Project {
    let project =
        Project::new(server, "reuse = \"strict\"", &format!("{QUICK}\nstale = \"{stale}\""));
    project.log_in(server);
    project.expire();
    project
}

#[test]
fn k12_a_person_and_a_script_see_that_a_token_is_stale() {
    let mut server = AuthServer::start(Class::Strict);
    let project = project(&server, "1h");
    // It has ended, and nothing is known of its server: no more than that.
    assert_eq!(project.status()["token"], "expired");
    server.stop();
    let run = project.run(&["token", "acme"]).ok();
    assert!(run.stderr.contains("its server cannot be reached"), "{run}");
    let quiet = project.run(&["--quiet", "token", "acme"]).ok();
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), (run.stdout.as_str(), ""));
    let json = project.run(&["token", "acme", "--json"]).ok().json();
    assert_eq!((&json["stale"], &json["expires_in"]), (&Value::Bool(true), &0.into()));

    let status = project.status();
    assert_eq!(status["token"], "stale", "{status:#}");
    assert!((3500..3600).contains(&status["stale_for"].as_u64().expect("so long")), "{status:#}");
    let text = project.run(&["status", "acme"]).ok();
    assert!(text.stdout.contains("served for 59m"), "{text}");
    // Valid it is not.
    assert_eq!(project.run(&["status", "acme", "--check"]).code, Some(11));
    let shell = ["exec", "acme", "--", "sh", "-c", "echo $UNLAPSE_TOKEN"];
    let exec = project.run(&shell).ok();
    assert_eq!(exec.stdout, run.stdout, "{exec}");
    assert!(exec.stderr.contains("its server cannot be reached"), "{exec}");
    // A renewal is what they say it is.
    assert_eq!(project.run(&["refresh", "acme"]).code, Some(11));

    server.start_again();
    project.run(&["doctor", "--reset-breaker"]).ok();
    let back = project.run(&["token", "acme", "--json"]).ok().json();
    assert_eq!(back["stale"], false);
    assert!(server.accepts(back["access_token"].as_str().expect("a token")));
    assert_eq!(project.status()["token"], "valid");
}

#[test]
fn k12_a_verdict_and_the_bound_end_it() {
    let server = AuthServer::start(Class::Strict);
    let project = project(&server, "1h");
    server.always(Some(Fault::unavailable()));
    project.run(&["token", "acme"]).ok();
    server.always(Some(Fault::error(400, "invalid_grant")));
    project.run(&["doctor", "--reset-breaker"]).ok();
    project.run(&["token", "acme"]).failed(10, "login_needed");
    server.always(Some(Fault::unavailable()));
    project.run(&["token", "acme"]).failed(10, "login_needed");

    let server = AuthServer::start(Class::Strict);
    let project = self::project(&server, "500ms");
    server.always(Some(Fault::unavailable()));
    project.run(&["token", "acme"]).failed(11, "temporary_failure");
    assert_eq!(project.status()["token"], "expired");
}
