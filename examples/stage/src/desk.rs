//! Where somebody runs a program.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::program::{Program, Run};

/// A directory to work in, with a home of its own, and a program that is run there again and again.
/// Nothing of the machine's own environment is seen by it. Everything goes with its owner.
///
/// ```text
/// work/   the working directory      home/ config/ state/ run/ tmp/   HOME, XDG_CONFIG_HOME,
///                                    XDG_STATE_HOME, XDG_RUNTIME_DIR, TMPDIR
/// ```
pub struct Desk {
    root: TempDir,
    program: PathBuf,
    env: Vec<(OsString, OsString)>,
}

impl Desk {
    /// For this program: `env!("CARGO_BIN_EXE_…")` in a test.
    ///
    /// # Panics
    ///
    /// When no directory can be made.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        let root = tempfile::tempdir().expect("a temporary directory");
        for name in ["work", "home", "config", "state", "run", "tmp"] {
            std::fs::create_dir(root.path().join(name)).expect("a directory below it");
        }
        Self { root, program: program.into(), env: Vec::new() }
    }

    /// With this variable in the environment of everything that is started from now on.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.set(name, value);
        self
    }

    /// Sets a variable for everything that is started from now on.
    pub fn set(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        let name = name.into();
        self.unset(&name);
        self.env.push((name, value.into()));
    }

    /// Takes a variable away again.
    pub fn unset(&mut self, name: impl AsRef<std::ffi::OsStr>) {
        self.env.retain(|(known, _)| known != name.as_ref());
    }

    /// All of it.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The working directory.
    pub fn work(&self) -> PathBuf {
        self.root().join("work")
    }

    /// The program with these arguments, to be changed before it is given to [`Program::start`].
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.work()).env_clear();
        for name in ["PATH", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let below = |name| self.root().join(name);
        command
            .env("HOME", below("home"))
            .env("XDG_CONFIG_HOME", below("config"))
            .env("XDG_STATE_HOME", below("state"))
            .env("XDG_RUNTIME_DIR", below("run"))
            .env("TMPDIR", below("tmp"))
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, "")
    }

    /// Runs it to its end, with `stdin` to read.
    pub fn run_with(&self, arguments: &[&str], stdin: &str) -> Run {
        Program::start(&mut self.command(arguments), stdin).wait()
    }

    /// Starts the program.
    pub fn start(&self, arguments: &[&str]) -> Program {
        Program::start(&mut self.command(arguments), "")
    }
}
