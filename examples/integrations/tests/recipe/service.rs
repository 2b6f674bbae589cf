//! The service as a process, before three providers.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use unlapse_example_stage::{Desk, Program};

use crate::three_providers::{CLIENT_SECRET, ThreeProviders};

/// The service, and the world that it is in.
pub(crate) struct Service {
    pub(crate) providers: ThreeProviders,
    desk: Desk,
    program: Option<Program>,
    address: String,
}

impl Service {
    pub(crate) fn start() -> Self {
        Self::start_with(env!("CARGO_BIN_EXE_integrations"))
    }

    /// The service, by this program.
    pub(crate) fn start_with(program: impl Into<std::path::PathBuf>) -> Self {
        let providers = ThreeProviders::start();
        let desk = Desk::new(program)
            .env("CONNECTIONS", "connections")
            .env("CLIENT_SECRET", CLIENT_SECRET)
            .env("WRONG_SECRET", "wrong")
            .env("UNLAPSE_LOG", "debug");
        std::fs::write(desk.work().join("providers.json"), providers.file()).expect("written");
        let mut service = Self { providers, desk, program: None, address: String::new() };
        service.start_again();
        service
    }

    pub(crate) fn start_again(&mut self) {
        let mut program = self.desk.start(&["providers.json", "127.0.0.1:0"]);
        let line = program.line("listening on ");
        line.trim_start_matches("listening on ").trim().clone_into(&mut self.address);
        self.program = Some(program);
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.program.take().expect("it runs").kill();
    }

    /// What it has logged since its last start.
    pub(crate) fn log(&self) -> String {
        self.program.as_ref().expect("it runs").stderr()
    }

    /// Connects an account, and panics where that fails.
    pub(crate) fn connect(&self, user: &str, provider: &str) {
        let reply = self.providers.reply(user, provider).to_string();
        let (status, connection) = self.ask("PUT", &path(user, provider, ""), &reply);
        assert_eq!(status, 200, "{connection}");
    }

    /// The connection.
    pub(crate) fn connection(&self, user: &str, provider: &str) -> (u16, Value) {
        self.ask("GET", &path(user, provider, ""), "")
    }

    /// The profile behind it.
    pub(crate) fn profile(&self, user: &str, provider: &str) -> (u16, Value) {
        self.ask("GET", &path(user, provider, "/profile"), "")
    }

    /// Refreshes it, at most three times and with little patience.
    pub(crate) fn refresh(&self, user: &str, provider: &str) -> (u16, Value) {
        let options = r#"{"max_retries": 2, "initial_delay_ms": 20, "max_delay_ms": 2000}"#;
        self.ask("POST", &path(user, provider, "/refresh"), options)
    }

    /// Status, and body as JSON.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("set");
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
        write!(stream, "{head}content-length: {length}\r\n\r\n{body}").expect("sent");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("a reply");
        let status = reply.get(9..12).and_then(|status| status.parse().ok()).expect("a status");
        let body = reply.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status, serde_json::from_str(body).unwrap_or_default())
    }
}

/// The path of the user's account, which has the user's name.
pub(crate) fn path(user: &str, provider: &str, rest: &str) -> String {
    format!("/connections/{user}/{provider}/{user}{rest}")
}
