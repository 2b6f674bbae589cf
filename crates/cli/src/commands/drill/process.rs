//! A process of the drill: in a group of its own, with a deadline, and gone when dropped.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::pause;

/// More of a stream than this is not kept.
const MOST: usize = 1 << 20;

/// The group of a process: a shell and what it has started.
#[derive(Clone)]
pub(super) struct Group {
    pid: Pid,
    is_over: Arc<AtomicBool>,
}

impl Group {
    /// Sends a signal to all of it, as a terminal and a supervisor do.
    pub(super) fn signal(&self, signal: Signal) {
        if !self.is_over.load(Ordering::Relaxed) {
            // It may have ended just now.
            let _ = kill_process_group(self.pid, signal);
        }
    }

    pub(super) fn leader(&self) -> Pid {
        self.pid
    }
}

/// A process under way.
pub(super) struct Process {
    child: Child,
    group: Group,
}

/// What a process left.
#[derive(Debug)]
pub(super) struct Left {
    /// `None`: it was killed at its deadline.
    pub(super) status: Option<ExitStatus>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Process {
    /// Starts `command` with `stdin` in its standard input.
    pub(super) fn start(command: &mut Command, stdin: &str) -> io::Result<Self> {
        command.stdin(if stdin.is_empty() { Stdio::null() } else { Stdio::piped() });
        let mut process = Self::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
        if let Some(mut pipe) = process.child.stdin.take() {
            let stdin = stdin.to_owned();
            #[expect(clippy::disallowed_methods, reason = "the drill owns its runtime")]
            tokio::spawn(async move {
                // Whoever reads none of it has closed the pipe.
                let _ = pipe.write_all(stdin.as_bytes()).await;
            });
        }
        Ok(process)
    }

    /// Starts `command` with nothing to read, and nobody to read what it says.
    pub(super) fn start_silent(command: &mut Command) -> io::Result<Self> {
        Self::spawn(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
    }

    fn spawn(command: &mut Command) -> io::Result<Self> {
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        let pid = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        let pid = pid.expect("a process that was not waited for has an id");
        let group = Group { pid, is_over: Arc::default() };
        Ok(Self { child, group })
    }

    pub(super) fn group(&self) -> Group {
        self.group.clone()
    }

    /// Waits until it is gone.
    pub(super) async fn gone(mut self) -> io::Result<()> {
        self.child.wait().await?;
        self.group.is_over.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Waits for its end; kills it after `deadline`. `seen` is shown stdout as it grows.
    pub(super) async fn end(
        mut self,
        deadline: Duration,
        mut seen: impl FnMut(&str) + Send,
    ) -> io::Result<Left> {
        let stdout = self.child.stdout.take().expect("a pipe was asked for");
        let stderr = self.child.stderr.take().expect("a pipe was asked for");
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let status = {
            let over = async {
                let seen = |text: &[u8]| seen(&String::from_utf8_lossy(text));
                let reading = async {
                    tokio::join!(collect(stdout, &mut out, seen), collect(stderr, &mut err, |_| ()))
                };
                let (status, _) = tokio::join!(self.child.wait(), reading);
                status
            };
            tokio::select! {
                biased;
                status = over => Some(status?),
                () = pause(deadline) => None,
            }
        };
        let status = if status.is_some() {
            status
        } else {
            self.group.signal(Signal::KILL);
            let status = self.child.wait().await?;
            // It had ended already where nobody was quick enough to see it.
            (status.signal() != Some(Signal::KILL.as_raw())).then_some(status)
        };
        self.group.is_over.store(true, Ordering::Relaxed);
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Left { status, stdout: text(out), stderr: text(err) })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.group.signal(Signal::KILL);
    }
}

/// Reads to the end of a stream, keeping the beginning.
async fn collect(
    mut stream: impl AsyncRead + Unpin,
    into: &mut Vec<u8>,
    mut seen: impl FnMut(&[u8]),
) {
    let mut piece = vec![0; 8192];
    while let Ok(count @ 1..) = stream.read(&mut piece).await {
        if into.len() < MOST {
            into.extend_from_slice(&piece[..count]);
            seen(into);
        }
    }
}
