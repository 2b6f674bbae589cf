//! Two servers over one PostgreSQL, and a command beside them.

use std::time::Instant;

use unlapse_parts::Postgres;

use crate::harness::Project;
use crate::kept::{configured, log_in, refresh};
use crate::server::{HEARD, Server, kid_of};

fn beside(project: &Project, words: &[&str]) -> crate::harness::Run {
    project.run(&[&["issuer"], words].concat())
}

#[test]
fn j1_nodes_are_alike_and_a_revoked_key_is_gone_on_all() {
    let Some(postgres) = Postgres::own() else { return };
    let (mut project, config) = configured();
    let url = format!("{}?sslmode=disable", postgres.fresh_database());
    let peppers = project.root().join("peppers").display().to_string();
    project.env.push(("UNLAPSE_ISSUER_DATABASE".to_owned(), url));
    project.env.push(("UNLAPSE_ISSUER_PEPPER_FILE".to_owned(), peppers));
    let serve = [
        "issuer",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--url",
        "https://id.example",
        "--config",
        &config,
    ];
    assert_eq!(project.run(&serve).code, Some(13), "no peppers");
    beside(&project, &["pepper", "add"]).ok();
    // At the same moment, over a database that is new: one makes the keys.
    let nodes = [project.spawn(&serve), project.spawn(&serve)].map(Server::started);
    // Each hears within a second of what the other has made.
    crate::harness::eventually("both publish both keys", || {
        let [kids, others] = [&nodes[0], &nodes[1]].map(Server::kids);
        kids.len() == 2 && others == kids
    });
    let (access, token) = log_in(&nodes[0]);
    let (status, granted) = refresh(&nodes[1], &token);
    assert_eq!(status, 200, "one session, whichever node: {granted}");
    let token = granted["refresh_token"].as_str().expect("the next").to_owned();
    let revoked = kid_of(&access);
    beside(&project, &["keys", "revoke", &revoked]).ok();
    let began = Instant::now();
    while nodes.iter().any(|node| node.kids().contains(&revoked)) {
        assert!(began.elapsed() < HEARD, "not heard of on every node");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(nodes[0].kids(), nodes[1].kids());
    assert_eq!(refresh(&nodes[0], &token).0, 200, "nobody is logged out");
    // The database goes away, and comes back: a 503 meanwhile, and never a verdict.
    postgres.kill();
    assert_eq!(nodes[0].get("/healthz").0, 503);
    assert_eq!(refresh(&nodes[1], &token).0, 503);
    beside(&project, &["keys", "list"]).failed(11, "issuer_server_unusable");
    postgres.restart();
    crate::harness::eventually("it is healthy again", || nodes[1].get("/healthz").0 == 200);
    for node in nodes {
        node.end().ok();
    }
}
