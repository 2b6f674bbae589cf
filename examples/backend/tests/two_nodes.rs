//! The example of the guide, as two processes over one database.
#![expect(clippy::disallowed_methods, reason = "other processes go by the real clock")]

mod node;

use std::time::{Duration, Instant};

use node::{FORM, JSON, Node};

#[test]
fn j3_a_session_that_ends_on_one_node_is_refused_on_every_node() {
    let dir = tempfile::tempdir().expect("a directory");
    let database = dir.path().join("sessions.db");
    let nodes = [Node::start("127.0.0.1:0", &database), Node::start("127.0.0.1:0", &database)];

    assert_eq!(nodes[0].hello("nonsense").0, 401);
    let login = r#"{"username": "ada", "password": "correct horse"}"#;
    let (status, granted) = nodes[0].post("/api/auth/login", JSON, login);
    assert_eq!(status, 200, "{granted}");
    let token = granted["access_token"].as_str().expect("a token");
    for node in &nodes {
        assert_eq!(node.hello(token), (200, "hello, user-1\n".to_owned()), "on every node");
    }
    // The other node goes on with the session, too.
    let refresh = format!(r#"{{"refresh_token": {}}}"#, granted["refresh_token"]);
    let (status, next) = nodes[1].post("/api/auth/refresh", JSON, &refresh);
    assert_eq!(status, 200, "{next}");

    let last = next["refresh_token"].as_str().expect("a token");
    let ended = nodes[0].post("/revoke", FORM, &format!("client_id=api&token={last}")).0;
    let since = Instant::now();
    assert_eq!(ended, 200);
    assert_eq!(nodes[0].hello(token).0, 401, "at once where it was ended");
    while nodes[1].hello(token).0 != 401 {
        // Half a second is what it takes; a busy machine gets more.
        assert!(since.elapsed() < Duration::from_secs(20), "it never hears of it");
        std::thread::sleep(Duration::from_millis(20));
    }
    println!("refused on the other node after {:?}", since.elapsed());
}
