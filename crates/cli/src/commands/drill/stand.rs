//! A tool, configured and logged in at a server, with a home of its own.

use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal};
use tokio::process::Command;

use super::authority::Authority;
use super::process::Process;
use super::server::{Server, USERNAME};
use super::template::{Placeholders, Step, Template};
use super::{Failed, pause};

/// Longest that a login or the start of a daemon may take: nobody is judged by it.
const SETUP: Duration = Duration::from_secs(180);
/// Runs a program that is told of a full disk, rather than killed by it.
const DEAF: &str = "trap '' XFSZ; exec \"$@\"";
/// The same, on a disk that takes nothing.
const FULL: &str = "trap '' XFSZ; ulimit -f 0; exec \"$@\"";

/// A tool in its place.
pub(super) struct Stand<'a> {
    template: &'a Template,
    command: &'a [OsString],
    dir: PathBuf,
    known: Placeholders,
    daemon: Option<Process>,
}

/// What the disk takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disk {
    Well,
    Full,
}

impl<'a> Stand<'a> {
    /// Configures the tool below `dir`, and logs it in at `server`.
    pub(super) async fn set_up(
        template: &'a Template,
        command: &'a [OsString],
        dir: PathBuf,
        server: &Server,
        authority: &Authority,
    ) -> Result<Self, Failed> {
        for name in ["", "home", "run", "tmp", "work"] {
            std::fs::DirBuilder::new().mode(0o700).create(dir.join(name))?;
        }
        write(&dir.join("ca.pem"), authority.pem())?;
        let known = placeholders(&dir, &command[0], server).await?;
        let mut stand = Self { template, command, dir, known, daemon: None };
        for file in &template.file {
            let path = stand.dir.join("home").join(stand.known.fill(&file.path));
            if let Some(parent) = path.parent() {
                std::fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
            }
            write(&path, &stand.known.fill(&file.text))?;
        }
        stand.start_daemon().await?;
        for step in &template.login {
            stand.step(step, server).await?;
        }
        Ok(stand)
    }

    async fn start_daemon(&mut self) -> Result<(), Failed> {
        let Some(daemon) = &self.template.daemon else { return Ok(()) };
        let ready = PathBuf::from(self.known.fill(&daemon.ready));
        let command: Vec<_> = daemon.command.iter().map(|word| self.known.fill(word)).collect();
        let mut shell = self.isolated("sh");
        shell.args(["-c", DEAF, "sh"]).args(&command);
        // Whatever it says is nobody's: a full pipe would stop it.
        let process = Process::start_silent(&mut shell)
            .map_err(|error| format!("{} cannot be started: {error}", command[0]))?;
        self.daemon = Some(process);
        let mut waited = Duration::ZERO;
        while !ready.exists() {
            if waited > SETUP {
                return Err(format!("{} is not ready", command[0]).into());
            }
            pause(Duration::from_millis(20)).await;
            waited += Duration::from_millis(20);
        }
        Ok(())
    }

    /// Kills the daemon, and starts it again. Does nothing where there is none.
    pub(super) async fn kill_daemon(&mut self, server: &Server) -> Result<(), Failed> {
        let Some(daemon) = &self.template.daemon else { return Ok(()) };
        if let Some(process) = self.daemon.take() {
            process.group().signal(Signal::KILL);
            process.gone().await?;
        }
        remove(Path::new(&self.known.fill(&daemon.ready)));
        self.start_daemon().await?;
        for step in &daemon.load {
            self.step(step, server).await?;
        }
        Ok(())
    }

    /// Whether the tool has a daemon.
    pub(super) fn has_daemon(&self) -> bool {
        self.daemon.is_some()
    }

    /// What the disk takes from the daemon, if there is one.
    pub(super) fn limit_daemon(&self, disk: Disk) -> Result<(), Failed> {
        if let Some(daemon) = &self.daemon {
            let current = (disk == Disk::Full).then_some(0);
            let limit = Rlimit { current, maximum: None };
            rustix::process::prlimit(Some(daemon.group().leader()), Resource::Fsize, limit)?;
        }
        Ok(())
    }

    /// Does a step of the login.
    async fn step(&self, step: &Step, server: &Server) -> Result<(), Failed> {
        let words: Vec<_> = step.command.iter().map(|word| self.known.fill(word)).collect();
        let mut command = self.isolated(&words[0]);
        command.args(&words[1..]);
        let process = Process::start(&mut command, &self.known.fill(&step.stdin))
            .map_err(|error| format!("{} cannot be started: {error}", words[0]))?;
        let left = process.end(SETUP, |_| ()).await?;
        if left.status.is_some_and(|status| status.success()) {
            return Ok(());
        }
        let how = left.status.map_or_else(|| "no end".to_owned(), |status| status.to_string());
        let said = if left.stderr.trim().is_empty() { &left.stdout } else { &left.stderr };
        Err(format!("{} failed ({how}){}", words[0], server.quoted(said)).into())
    }

    /// The command that is drilled.
    pub(super) fn command(&self, disk: Disk) -> Command {
        match disk {
            Disk::Well => {
                let mut command = self.isolated(&self.command[0]);
                command.args(&self.command[1..]);
                command
            }
            Disk::Full => {
                let mut command = self.isolated("sh");
                command.args(["-c", FULL, "sh"]).args(self.command);
                command
            }
        }
    }

    /// A program with the environment of this stand, and nothing of ours that it did not ask for:
    /// it could lead to a real login.
    fn isolated(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.dir.join("work"));
        let passed = ["PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"];
        for name in passed.into_iter().chain(self.template.inherit.iter().map(String::as_str)) {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let (home, ca) = (self.dir.join("home"), self.dir.join("ca.pem"));
        command
            .env("XDG_CONFIG_HOME", home.join(".config"))
            .env("XDG_STATE_HOME", home.join(".local/state"))
            .env("XDG_DATA_HOME", home.join(".local/share"))
            .env("XDG_CACHE_HOME", home.join(".cache"))
            .env("XDG_RUNTIME_DIR", self.dir.join("run"))
            .env("TMPDIR", self.dir.join("tmp"))
            .env("HOME", home);
        for name in ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
        {
            command.env(name, &ca);
        }
        command.envs(self.template.env.iter().map(|(name, text)| (name, self.known.fill(text))));
        command
    }
}

async fn placeholders(
    dir: &Path,
    program: &OsString,
    server: &Server,
) -> Result<Placeholders, Failed> {
    let origin = server.origin();
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    let mut known = Placeholders::default();
    known.set("program", program.to_string_lossy());
    known.set("dir", text(dir.to_owned()));
    known.set("home", text(dir.join("home")));
    known.set("run", text(dir.join("run")));
    known.set("ca_file", text(dir.join("ca.pem")));
    known.set("issuer", origin);
    known.set("token_endpoint", format!("{origin}/token"));
    known.set("revocation_endpoint", format!("{origin}/revoke"));
    known.set("client_id", server.client_id());
    known.set("client_secret", server.client_secret().expose());
    known.set("username", USERNAME);
    known.set("password", server.password().expose());
    known.set("refresh_token", server.log_in().await?.expose());
    known.set("reuse", server.reuse());
    Ok(known)
}

/// A new file that only this user can read.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(path)?.write_all(text.as_bytes())
}

#[expect(clippy::disallowed_methods, reason = "a socket of our own directory")]
fn remove(path: &Path) {
    // A daemon may have taken it with it.
    let _ = std::fs::remove_file(path);
}
