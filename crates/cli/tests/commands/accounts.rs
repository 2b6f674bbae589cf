//! Several accounts at one server (K10).

use crate::harness::{AuthServer, Class, Project};

#[test]
fn k10_accounts_of_one_server_have_logins_of_their_own() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::empty();
    let account = |name: &str| {
        format!(
            "[profile.{name}]\ntoken_endpoint = \"{0}/token\"\nrevocation_endpoint = \"{0}/revoke\"\n\
             client_id = \"cid\"\naccount = \"{name}@example\"\n",
            server.origin()
        )
    };
    project.configure(&format!("{}{}", account("ann"), account("bob")), "");
    for name in ["ann", "bob"] {
        project.run_with(&["login", name, "--refresh-token-stdin"], &server.issue()).ok();
    }
    let token = |name| project.run(&["token", name]).ok().stdout;
    let (ann, bob) = (token("ann"), token("bob"));
    assert_ne!(ann, bob);
    // One is renewed and ended without a touch to the other, and switching asks nobody.
    project.run(&["refresh", "ann"]).ok();
    assert_eq!(token("bob"), bob);
    project.run(&["logout", "ann"]).ok();
    assert_eq!(token("bob"), bob);
    project.run(&["token", "ann"]).failed(10, "login_needed");
    assert_eq!(server.counts().families_revoked, 0);
    let status = project.run(&["status", "--json"]).ok().json();
    assert_eq!(status["profiles"][1]["account"], "bob@example");
}

#[test]
fn r18_a_profile_at_another_server_has_a_record_of_its_own() {
    // A project's configuration that gives a known profile another server gets none of its secrets.
    let (home, elsewhere) = (AuthServer::start(Class::Strict), AuthServer::start(Class::Strict));
    let profile = |host: &str| {
        format!("[profile.acme]\ntoken_endpoint = \"https://{host}/token\"\nclient_id = \"cid\"")
    };
    let project = Project::empty();
    project.configure(&profile("login.example"), "");
    let login = ["login", "acme", "--refresh-token-stdin", "--no-verify"];
    project.run_with(&login, &home.issue()).ok();
    assert_eq!(project.run(&["list", "--json"]).ok().json()["profiles"][0]["login"], "logged_in");
    project.configure(&profile("evil.example"), "");
    let list = project.run(&["list", "--json"]).ok().json();
    assert_eq!(list["profiles"][0]["login"], "not_logged_in");
    assert_eq!(elsewhere.counts().requests, 0);
}
