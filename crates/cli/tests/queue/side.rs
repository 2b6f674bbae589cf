//! A project with a login, and an API.

use serde_json::Value;

use crate::harness::{Project, Run};
use crate::server::Server;

pub struct Side {
    pub project: Project,
    /// Gives tokens.
    pub auth: Server,
    /// Takes them.
    pub api: Server,
}

impl Side {
    /// Logged in.
    pub fn open() -> Self {
        Self::configured("")
    }

    /// With more lines of configuration.
    pub fn configured(more: &str) -> Self {
        let side = Self { project: Project::empty(), auth: Server::start(), api: Server::start() };
        let origin = &side.auth.origin;
        let profile = format!(
            "{more}\n[profile.acme]\ntoken_endpoint = \"{origin}/token\"\nclient_id = \"cid\"\n\
             [profile.acme.policy]\nattempts = 1\n[profile.other]\n\
             token_endpoint = \"{origin}/token\"\nclient_id = \"other\"\n"
        );
        side.project.configure(&profile, "");
        side.log_in("acme");
        side
    }

    pub fn log_in(&self, profile: &str) {
        let arguments = ["login", profile, "--refresh-token-stdin"];
        self.project.run_with(&arguments, "rt-brought").ok();
    }

    /// The URL of the API's orders.
    pub fn orders(&self) -> String {
        format!("{}/orders?q=1", self.api.origin)
    }

    pub fn curl(&self, more: &[&str]) -> Run {
        self.project.run(&[&["curl", "acme", &self.orders()], more].concat())
    }

    /// Puts a request in without trying to send it: its API is away.
    pub fn put(&self, url: &str, body: &str) {
        let run = self.project.run(&["curl", "acme", url, "-d", body, "--queue"]).ok();
        assert!(run.stderr.contains("queued as ") && run.stdout.is_empty(), "{run}");
    }

    /// `queue list`.
    pub fn left(&self) -> Vec<Value> {
        let list = self.project.run(&["queue", "list", "--json"]).ok().json();
        assert_eq!(list["unreadable"], serde_json::json!([]));
        list["entries"].as_array().unwrap().clone()
    }

    pub fn flush(&self, more: &[&str]) -> Run {
        self.project.run(&[&["queue", "flush"], more].concat())
    }
}
