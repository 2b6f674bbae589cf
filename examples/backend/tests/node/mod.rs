//! The backend as a process.
#![allow(dead_code, reason = "each test asks for some of it")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A node of the backend, which ends with the test.
pub(crate) struct Node {
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
    /// Listens there, and has its sessions in `database`.
    pub(crate) fn start(address: &str, database: &Path) -> Self {
        Self::start_with(address, database, "15m")
    }

    /// The same, with access tokens that live for so long.
    pub(crate) fn start_with(address: &str, database: &Path, lifetime: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_backend"))
            .arg(address)
            .arg(database)
            .env("ACCESS_LIFETIME", lifetime)
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
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
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

    /// What `/hello` says to this token.
    pub(crate) fn hello(&self, token: &str) -> (u16, String) {
        self.ask("GET", "/hello", &format!("authorization: Bearer {token}\r\n"), "")
    }

    /// Status, and body as JSON.
    pub(crate) fn post(
        &self,
        path: &str,
        content_type: &str,
        body: &str,
    ) -> (u16, serde_json::Value) {
        let (status, body) =
            self.ask("POST", path, &format!("content-type: {content_type}\r\n"), body);
        (status, serde_json::from_str(&body).unwrap_or_default())
    }
}

pub(crate) const JSON: &str = "application/json";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
