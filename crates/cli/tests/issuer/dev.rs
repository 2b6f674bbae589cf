//! `--dev`: try it, with what is printed and nothing else.

use crate::harness::Project;
use crate::server::{Server, kid_of};

/// What `--dev` prints is enough to log in: the profile is taken from its words.
#[test]
fn what_dev_prints_is_what_one_types() {
    let project = Project::empty();
    let mut running = project.spawn(&["issuer", "--dev", "--listen", "127.0.0.1:0"]);
    crate::harness::eventually("it listens", || {
        assert!(running.is_over().is_none());
        running.stderr().contains(" is served at ")
    });
    let guide = running.stderr();
    let profile: Vec<_> = guide
        .lines()
        .skip_while(|line| !line.contains("[profile.dev]"))
        .take_while(|line| !line.is_empty())
        .map(str::trim)
        .collect();
    project.configure(&profile.join("\n"), "");
    assert!(guide.contains("printf %s 'correct horse' | unlapse login dev --password-stdin"));
    project.run_with(&["login", "dev", "--password-stdin"], "correct horse").ok();
    let token = project.run(&["token", "dev"]).ok();
    assert_eq!(token.line().split('.').count(), 3, "{token}");
    project.run(&["refresh", "dev", "--force"]).ok();
    let next = project.run(&["token", "dev"]).ok();
    assert_ne!(next.line(), token.line());
    assert_eq!(kid_of(next.line()), kid_of(token.line()));
    project.run_with(&["login", "dev", "--password-stdin"], "wrong").failed(10, "login_needed");
    project.run(&["logout", "dev"]).ok();
    project.run(&["token", "dev"]).failed(10, "login_needed");
}

#[test]
fn dev_has_a_client_of_each_kind_and_is_healthy() {
    let project = Project::empty();
    let server = Server::start(&project, &["--dev"]);
    assert_eq!(server.get("/healthz").0, 200);
    let job = "grant_type=client_credentials&client_id=job&client_secret=dev-secret";
    let (status, granted) = server.token(job);
    assert_eq!((status, granted["token_type"].as_str()), (200, Some("Bearer")), "{granted}");
    assert_eq!(server.token(&job.replace("dev-secret", "x")).0, 401);
    assert_eq!(server.kids().len(), 2, "one signs, and the next is published");
    let ended = server.end().ok();
    assert!(ended.stderr.contains(" is served at "), "{ended}");
}

#[test]
fn dev_is_for_this_machine_alone() {
    let project = Project::empty();
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let run = project.run(&["issuer", "--dev", "--listen", listen]);
        run.failed(2, "issuer_dev_only_local");
    }
    let path = project.root().join("issuer.toml");
    std::fs::write(&path, "").expect("written");
    let path = path.to_str().expect("text");
    project.run(&["issuer", "--dev", "--config", path]).failed(2, "issuer_dev_only_local");
}
