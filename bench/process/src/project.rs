//! A project of its own, with a login in an encrypted file under a key file.

use std::ffi::OsStr;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

/// Removed when dropped.
pub(crate) struct Project {
    dir: TempDir,
    binary: PathBuf,
}

/// The process that does nothing: what starting one costs.
pub(crate) fn nothing() -> Command {
    let mut command = Command::new("/bin/true");
    command.env_clear().stdin(Stdio::null());
    command
}

impl Project {
    /// Beside this program, so that its files lie on the disk of the working tree: `/tmp` may be in
    /// memory, where waiting for the disk costs nothing.
    pub(crate) fn new(binary: &Path, server: SocketAddr) -> Result<Self> {
        let own = std::env::current_exe()?;
        let dir = tempfile::tempdir_in(own.parent().context("a file lies in a directory")?)?;
        let config = format!(
            r#"[profile.acme]
token_endpoint = "http://{server}/token"
grant = "refresh_token"
client_id = "cid"
client_auth = "none"
scopes = ["api"]
reuse = "unknown"

[store]
custody = "keyfile"
"#
        );
        std::fs::create_dir(dir.path().join(".unlapse"))?;
        std::fs::write(dir.path().join(".unlapse/config.toml"), config)?;
        Ok(Self { dir, binary: binary.to_owned() })
    }

    /// The directory, absolute, as it appears in system calls.
    pub(crate) fn path(&self) -> Result<PathBuf> {
        Ok(self.dir.path().canonicalize()?)
    }

    pub(crate) fn log_in(&self) -> Result<()> {
        let mut login = self.unlapse(&["login", "acme", "--refresh-token-stdin"]);
        let mut login = login
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("starting a login")?;
        login.stdin.take().context("a pipe")?.write_all(b"the first refresh token")?;
        ensure!(login.wait()?.success(), "the login failed");
        Ok(())
    }

    /// `unlapse token`.
    pub(crate) fn token(&self) -> Command {
        self.unlapse(&["token", "acme"])
    }

    /// A renewal, whatever there is.
    pub(crate) fn refresh(&self) -> Command {
        self.unlapse(&["refresh", "acme", "--force"])
    }

    fn unlapse(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).current_dir(self.dir.path()).env_clear().stdin(Stdio::null());
        command.env("HOME", self.dir.path().canonicalize().unwrap_or_default());
        command
    }
}

/// `command` as the child of `strace` with these options, its environment and directory kept.
pub(crate) fn traced(command: &Command, options: &[&OsStr]) -> Command {
    let mut strace = Command::new("strace");
    strace.args(options).arg("--").arg(command.get_program()).args(command.get_args());
    strace.env_clear().stdin(Stdio::null());
    strace.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(dir) = command.get_current_dir() {
        strace.current_dir(dir);
    }
    strace
}
