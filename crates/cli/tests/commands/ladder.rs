//! The last rung: an API key (R14).

use crate::harness::{AuthServer, Class, Fault, Project};

const KEY: &str = "api_key_env = \"ACME_KEY\"";

fn with_key(mut project: Project) -> Project {
    project.env.push(("ACME_KEY".to_owned(), "key-1".to_owned()));
    project
}

#[test]
fn the_grant_api_key_prints_the_key_and_asks_nobody() {
    let server = AuthServer::start(Class::Strict);
    let project =
        with_key(Project::new(&server, "grant = \"api_key\"\napi_key_env = \"ACME_KEY\"", ""));
    assert_eq!(project.run(&["token"]).ok().line(), "key-1");
    let header = project.run(&["token", "--format", "header"]).ok();
    assert_eq!(header.line(), "Authorization: Bearer key-1");
    let json = project.run(&["token", "--json"]).ok().json();
    assert_eq!((&json["source"], &json["storage"]), (&"api_key".into(), &"none".into()));
    let run = project.run(&["exec", "acme", "--", "sh", "-c", "echo $UNLAPSE_TOKEN"]).ok();
    assert_eq!(run.line(), "key-1");
    assert_eq!(server.counts().requests, 0);
    assert!(!project.store_dir().exists(), "nothing of it is stored");
}

#[test]
fn the_grant_api_key_without_its_variable_names_it() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "grant = \"api_key\"\napi_key_env = \"ACME_KEY\"", "");
    let run = project.run(&["token"]).failed(10, "login_needed");
    assert!(run.stderr.contains("hint: set ACME_KEY\n"), "{run}");
    assert!(!run.stderr.contains("unlapse login"), "nobody logs in with a key: {run}");
}

#[test]
fn r14_a_rejection_moves_down_to_the_key_and_a_login_back_up() {
    let server = AuthServer::start(Class::Strict);
    let project = with_key(Project::new(&server, KEY, ""));
    project.log_in(&server);
    project.expire();
    server.revoke_all();
    let json = project.run(&["token", "--json"]).ok().json();
    assert_eq!((&json["access_token"], &json["source"]), (&"key-1".into(), &"api_key".into()));
    project.log_in(&server);
    assert!(server.accepts(project.run(&["token"]).ok().line()));
}

#[test]
fn r14_a_server_that_is_away_moves_down_only_by_choice() {
    for (lines, stands_in) in
        [(KEY.to_owned(), false), (format!("{KEY}\napi_key_while_away = true"), true)]
    {
        let server = AuthServer::start(Class::Strict);
        let project = with_key(Project::new(&server, &lines, "attempts = 1"));
        project.log_in(&server);
        project.expire();
        server.always(Some(Fault::unavailable()));
        for _ in 0..2 {
            let run = project.run(&["token"]);
            if stands_in {
                assert_eq!(run.ok().line(), "key-1");
            } else {
                run.failed(11, "temporary_failure");
            }
        }
        server.always(None);
        assert!(server.accepts(project.run(&["token"]).ok().line()), "the login is alive");
    }
}
