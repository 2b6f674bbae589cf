//! Where the clients lie, and how their scripts are started.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

/// A script of one of the folders.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Script {
    /// Of `peers/openid-client`.
    Node(&'static str),
    /// Of `peers/python-clients`.
    Python(&'static str),
}

/// The installed folders.
#[derive(Debug)]
pub(crate) struct Peers {
    openid_client: PathBuf,
    python_clients: PathBuf,
}

impl Peers {
    pub(crate) fn find() -> Self {
        let folder = |variable: &str| {
            let found = std::env::var_os(variable).map(PathBuf::from);
            found.unwrap_or_else(|| panic!("{variable} is not set: see peers/README.md"))
        };
        Self {
            openid_client: folder("UNLAPSE_PEER_OPENID_CLIENT"),
            python_clients: folder("UNLAPSE_PEER_PYTHON_CLIENTS"),
        }
    }

    fn node(&self, script: &str) -> Vec<PathBuf> {
        vec![self.openid_client.join("node_modules/.bin/node"), self.openid_client.join(script)]
    }

    /// The program and its arguments.
    pub(crate) fn command(&self, script: Script) -> Vec<PathBuf> {
        match script {
            Script::Node(script) => self.node(script),
            Script::Python(script) => {
                let python = self.python_clients.join(".venv/bin/python");
                vec![python, self.python_clients.join(script)]
            }
        }
    }

    /// The program that opens a page as a person would.
    pub(crate) fn browser(&self) -> Vec<PathBuf> {
        self.node("browser.mjs")
    }

    /// The browser itself, which is Debian's.
    pub(crate) fn chromium() -> PathBuf {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut found = std::env::split_paths(&path).map(|folder| folder.join("chromium"));
        found.find(|program| program.is_file()).expect("chromium is installed")
    }

    /// Private keys for clients, drawn by software that is not ours.
    pub(crate) fn keys(&self) -> Value {
        let command = self.node("keys.mjs");
        let output = Command::new(&command[0]).args(&command[1..]).output().expect("node");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}
