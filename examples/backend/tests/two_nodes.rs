//! The example of the guide, as two processes over one database.
#![expect(clippy::disallowed_methods, reason = "other processes go by the real clock")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A node of the backend, which ends with the test.
struct Node {
    child: Child,
    address: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Node {
    fn start(database: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_backend"))
            .arg("127.0.0.1:0")
            .arg(database)
            .env("PEPPERS", format!("1 {}", "A".repeat(43)))
            .stdout(Stdio::piped())
            .spawn()
            .expect("cargo has built it");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("it says where it listens");
        let address = line.trim().strip_prefix("listening on ").expect("an address").to_owned();
        Self { child, address }
    }

    /// Status and body.
    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
             content-length: {length}\r\n{headers}\r\n{body}"
        )
        .expect("sent");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("a reply");
        let status = reply.get(9..12).and_then(|status| status.parse().ok()).expect("a status");
        let body = reply.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status, body.to_owned())
    }

    fn hello(&self, token: &str) -> (u16, String) {
        self.ask("GET", "/hello", &format!("authorization: Bearer {token}\r\n"), "")
    }

    fn post(&self, path: &str, content_type: &str, body: &str) -> (u16, serde_json::Value) {
        let (status, body) =
            self.ask("POST", path, &format!("content-type: {content_type}\r\n"), body);
        (status, serde_json::from_str(&body).unwrap_or_default())
    }
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn j3_a_session_that_ends_on_one_node_is_refused_on_every_node() {
    let dir = tempfile::tempdir().expect("a directory");
    let database = dir.path().join("sessions.db");
    let nodes = [Node::start(&database), Node::start(&database)];

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
