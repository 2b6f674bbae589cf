//! A directory with a configuration and a store, and the real binary in it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use unlapse_core::{Key, Record, Stored};
use unlapse_store::custody::KeyFile;
use unlapse_store::{FileStore, Layout};

use super::{AuthServer, Run, Running, WAIT};

/// An isolated project with the profile `acme`. Everything is below [`Project::root`]:
///
/// ```text
/// config.toml   UNLAPSE_CONFIG          store/  the records (`store.path`)
/// state/        UNLAPSE_HOME, with unlapse.key and breakers/
/// home/ config/ run/ tmp/               HOME, XDG_CONFIG_HOME, XDG_RUNTIME_DIR, TMPDIR
/// work/         the working directory
/// ```
pub struct Project {
    root: TempDir,
    /// Added to the environment of every process; an empty value counts as unset.
    pub env: Vec<(String, String)>,
}

impl Project {
    /// The grant `refresh_token` at `server`. `profile` and `policy` are more lines of TOML for
    /// `[profile.acme]` and `[profile.acme.policy]`; a `grant` in `profile` replaces the default.
    pub fn new(server: &AuthServer, profile: &str, policy: &str) -> Self {
        let project = Self::empty();
        project.configure(&config(server, profile, policy), "");
        project
    }

    /// No configuration yet: [`Project::configure`] writes one.
    pub fn empty() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        for name in ["state", "home", "config", "run", "tmp", "work"] {
            std::fs::create_dir(root.path().join(name)).expect("created");
        }
        Self { root, env: Vec::new() }
    }

    /// Writes `config.toml`: `profiles`, then `[store]` with the path `store/`, the identity
    /// `acme-project`, and the lines of `store`.
    pub fn configure(&self, profiles: &str, store: &str) {
        let path = self.store_dir();
        let path = path.display();
        let text =
            format!("{profiles}\n[store]\npath = \"{path}\"\nproject = \"{PROJECT}\"\n{store}\n");
        std::fs::write(self.config_path(), text).expect("written");
    }

    pub fn root(&self) -> &Path {
        self.root.path()
    }

    pub fn config_path(&self) -> PathBuf {
        self.root().join("config.toml")
    }

    pub fn store_dir(&self) -> PathBuf {
        self.root().join("store")
    }

    /// `UNLAPSE_HOME`.
    pub fn state_dir(&self) -> PathBuf {
        self.root().join("state")
    }

    /// The binary, isolated, with these arguments. What was not set here is not set at all.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unlapse"));
        command.args(arguments).current_dir(self.root().join("work"));
        self.isolate(&mut command);
        command
    }

    /// Gives any command the environment of this project.
    pub fn isolate(&self, command: &mut Command) {
        command.env_clear();
        for name in ["PATH", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let below = |name| self.root().join(name);
        command
            .env("HOME", below("home"))
            .env("XDG_CONFIG_HOME", below("config"))
            .env("XDG_RUNTIME_DIR", below("run"))
            .env("TMPDIR", below("tmp"))
            .env("UNLAPSE_HOME", self.state_dir())
            .env("UNLAPSE_CONFIG", self.config_path())
            .envs(self.env.iter().map(|(name, value)| (name, value)));
    }

    /// Runs the binary to its end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, "")
    }

    /// Runs it with `stdin`.
    pub fn run_with(&self, arguments: &[&str], stdin: &str) -> Run {
        Running::start(&mut self.command(arguments), stdin.as_bytes()).wait()
    }

    /// Starts it.
    pub fn spawn(&self, arguments: &[&str]) -> Running {
        Running::start(&mut self.command(arguments), b"")
    }

    /// Starts `count` of them, then waits for all.
    pub fn storm(&self, count: usize, arguments: &[&str]) -> Vec<Run> {
        let running: Vec<_> = (0..count).map(|_| self.spawn(arguments)).collect();
        running.into_iter().map(Running::wait).collect()
    }

    /// Logs `acme` in with a new refresh token of `server`, verified: there is a fresh token.
    pub fn log_in(&self, server: &AuthServer) {
        self.run_with(&["login", "acme", "--refresh-token-stdin"], &server.issue()).ok();
    }

    /// Logs `acme` in without asking the server: the next `token` has to refresh.
    pub fn log_in_unverified(&self, server: &AuthServer) {
        let arguments = ["login", "acme", "--refresh-token-stdin", "--no-verify"];
        self.run_with(&arguments, &server.issue()).ok();
    }

    /// The one profile of `status --json`.
    pub fn status(&self) -> serde_json::Value {
        self.run(&["status", "acme", "--json"]).ok().json()["profiles"][0].clone()
    }

    /// The file with the one record there is.
    pub fn record_path(&self) -> PathBuf {
        let entries = std::fs::read_dir(self.store_dir()).expect("a store").flatten();
        let mut records = entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "token"));
        records.next().expect("a record")
    }

    /// The store as the binary has it, for a look or a change as another process makes it.
    pub fn store(&self) -> FileStore {
        store_below(self.root())
    }

    /// What is stored of `acme`.
    pub fn stored(&self) -> Option<Stored> {
        self.store().read(&key()).expect("read")
    }

    /// Makes the access token one that was obtained long ago, and has ended.
    pub fn expire(&self) {
        self.age(|lifetime| lifetime + Duration::from_secs(1));
    }

    /// Makes it one that is valid for 60 s more, so that its renewal is due. It must live for more
    /// than two minutes when it is issued.
    pub fn make_due(&self) {
        self.age(|lifetime| lifetime.checked_sub(Duration::from_secs(60)).expect("longer"));
    }

    /// Changes the record under its lease, as another process does.
    pub fn edit(&self, change: impl FnOnce(Record) -> Record) {
        let lease = self.store().lock(&key(), WAIT).expect("the lease");
        let record = lease.read().expect("read").expect("a login").record;
        lease.write(&change(record)).expect("written");
    }

    fn age(&self, by: impl FnOnce(Duration) -> Duration) {
        self.edit(|record| {
            record.next(|record| {
                let token = record.token.as_mut().expect("a token");
                let age = by(token.lifetime.expect("a lifetime"));
                let now = unlapse::tokio::system_now();
                token.obtained.wall = now.wall.minus(age);
                let millis = u64::try_from(age.as_millis()).expect("short");
                // A machine that has not been up for so long: the wall clock tells alone.
                match now.boot.millis.checked_sub(millis) {
                    Some(earlier) => token.obtained.boot.millis = earlier,
                    None => token.obtained.boot.boot = !now.boot.boot,
                }
            })
        });
    }
}

/// The store of the project at `root`, as the binary has it.
pub fn store_below(root: &Path) -> FileStore {
    let uid = rustix::process::getuid().as_raw();
    store_alone(root).fallbacks([
        root.join("state/aside"),
        root.join("run/unlapse"),
        format!("/dev/shm/unlapse-{uid}").into(),
        root.join(format!("tmp/unlapse-{uid}")),
    ])
}

/// The same, with no other place to set anything aside.
pub fn store_alone(root: &Path) -> FileStore {
    let custody = Arc::new(KeyFile::new(root.join("state/unlapse.key")));
    FileStore::new(Layout::Directory(root.join("store")), PROJECT, custody)
}

/// The identity in `[store]`.
pub const PROJECT: &str = "acme-project";

/// What the record of `acme` is kept under: its server is on the loopback, and no part of it.
pub fn key() -> Key {
    Key::new("acme")
}

/// `[profile.acme]` at `server`.
pub fn config(server: &AuthServer, profile: &str, policy: &str) -> String {
    let origin = server.origin();
    let grant = if profile.contains("grant =") { "" } else { "grant = \"refresh_token\"\n" };
    format!(
        "[profile.acme]\ntoken_endpoint = \"{origin}/token\"\n\
         revocation_endpoint = \"{origin}/revoke\"\nclient_id = \"cid\"\n{grant}{profile}\n\
         [profile.acme.policy]\n{policy}\n"
    )
}
