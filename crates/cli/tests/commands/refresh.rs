//! `refresh`: renew now.

use std::time::Duration;

use crate::harness::{AuthServer, Class, Fault, Project};

#[test]
fn a1_refresh_renews_a_fresh_token() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    project.log_in(&server);
    let before = project.run(&["token"]).ok();
    let run = project.run(&["refresh", "acme"]).ok();
    assert_eq!(run.stdout, "");
    assert!(run.stderr.starts_with("renewed acme: valid until 20"), "{run}");
    assert_ne!(project.run(&["token"]).ok().stdout, before.stdout);
    assert_eq!(server.counts().refreshes, 2);
    let json = project.run(&["refresh", "--json"]).ok().json();
    assert_eq!((&json["profile"], &json["storage"]), (&"acme".into(), &"saved".into()));
}

#[test]
fn k8_force_renews_although_another_process_just_has() {
    // Both start while a third renews: the plain one is content with that, the forced one is not.
    for (arguments, expected) in [(["refresh", "acme"].as_slice(), 2), (&["refresh", "--force"], 3)]
    {
        let server = AuthServer::start(Class::Strict);
        let project = Project::new(&server, "", "");
        project.log_in(&server);
        server.fault(Fault::Slow(Duration::from_millis(700)));
        let first = project.spawn(&["refresh", "acme"]);
        server.until_requests(2);
        let second = project.spawn(arguments);
        first.wait().ok();
        second.wait().ok();
        assert_eq!(server.counts().refreshes, expected, "{arguments:?}");
        assert_eq!(server.counts().reuses, 0);
    }
}

#[test]
fn r9_a_rejection_ends_the_login_and_its_token_is_served_until_it_ends() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    project.log_in(&server);
    let token = project.run(&["token"]).ok();
    server.revoke_all();
    project.run(&["refresh", "acme"]).failed(10, "login_needed");
    assert_eq!(project.run(&["token"]).ok().stdout, token.stdout);
    project.expire();
    let ended = project.run(&["token"]).failed(10, "login_needed");
    assert!(ended.stderr.contains("rejected the refresh token"), "{ended}");
    project.log_in(&server);
    assert!(server.accepts(project.run(&["token"]).ok().line()));
}
