//! A server that is measured: a process that says where it listens, and ends with us.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tempfile::TempDir;

use crate::load::Target;

/// A running server. Ended when dropped; and by its standard input when we die.
pub(crate) struct Server {
    child: Child,
    port: u16,
    database: Option<u32>,
    /// What it keeps its files in, removed after it has ended.
    folder: Option<TempDir>,
}

/// What a server says when it listens.
#[derive(Deserialize)]
struct Ready {
    port: u16,
}

/// Time that a server has to end before it is killed.
const FAREWELL: Duration = Duration::from_secs(10);

impl Server {
    /// Starts it, and waits for the line that says that it listens.
    pub(crate) fn start(command: &mut Command, database: Option<u32>) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = command.spawn().with_context(|| format!("starting {program}"))?;
        // From here on dropped, and so ended, whatever fails.
        let mut server = Self { child, port: 0, database, folder: None };
        let stdout = server.child.stdout.take().context("its output is a pipe")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let ready: Ready = serde_json::from_str(&line)
            .with_context(|| format!("{program} did not say where it listens, but `{line}`"))?;
        server.port = ready.port;
        Ok(server)
    }

    /// The same, with a folder that is removed after it has ended.
    pub(crate) fn with_folder(mut self, folder: TempDir) -> Self {
        self.folder = Some(folder);
        self
    }

    pub(crate) fn target(&self) -> Target {
        Target { port: self.port, server: self.child.id(), database: self.database }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        if let Some(process) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended already.
            kill_process(process, Signal::TERM).ok();
        }
        let asked = Instant::now();
        while asked.elapsed() < FAREWELL {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
