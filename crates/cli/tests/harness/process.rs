//! Processes with a deadline.

use std::fmt;
use std::io::{Read, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::WAIT;

/// How a process ended. `Display` tells all of it, for assertions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    /// From start to end.
    pub took: Duration,
}

impl Run {
    /// stdout as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self}"))
    }

    /// stdout without the end of its line: the token of `unlapse token`.
    pub fn line(&self) -> &str {
        self.stdout.trim_end_matches('\n')
    }

    /// Panics unless it ended with 0.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self}");
        self
    }

    /// Panics unless it ended with `code`, a hint, and this error's code, as `cli.md` has it (C17).
    #[track_caller]
    pub fn failed(self, code: i32, error: &str) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        assert!(self.stderr.contains("\nhint: "), "C17: no hint: {self}");
        let named = self.stderr.lines().any(|line| line == format!("unlapse::{error}"));
        assert!(named, "C17: not unlapse::{error}: {self}");
        assert_eq!(self.stdout, "", "nothing but data on stdout: {self}");
        self
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, signal, stdout, stderr, took } = self;
        writeln!(f, "exit {code:?}, signal {signal:?}, after {took:?}")?;
        write!(f, "--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

/// A process under way; killed when dropped.
pub struct Running {
    pid: Pid,
    stdout: Text,
    stderr: Text,
    ended: Receiver<Run>,
    is_over: bool,
}

/// What was read of a stream so far.
type Text = Arc<Mutex<Vec<u8>>>;

impl Running {
    /// Starts `command` with `stdin` in its standard input.
    pub fn start(command: &mut Command, stdin: &[u8]) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = Instant::now();
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{error}: {command:?}"));
        let pid = Pid::from_child(&child);
        // Whoever reads none of it has closed the pipe.
        let _ = child.stdin.take().expect("a pipe").write_all(stdin);
        let (stdout, out) = collect(child.stdout.take().expect("a pipe"));
        let (stderr, err) = collect(child.stderr.take().expect("a pipe"));
        let (sender, ended) = channel();
        let (said, told) = (Arc::clone(&stdout), Arc::clone(&stderr));
        std::thread::spawn(move || {
            let status = child.wait().expect("waited");
            let took = started.elapsed();
            for reader in [out, err] {
                reader.join().expect("the reader did not panic");
            }
            // Nobody waits for one that was dropped.
            let _ = sender.send(Run {
                code: status.code(),
                signal: status.signal(),
                stdout: so_far(&said),
                stderr: so_far(&told),
                took,
            });
        });
        Self { pid, stdout, stderr, ended, is_over: false }
    }

    /// What it has printed to stdout so far.
    pub fn stdout(&self) -> String {
        so_far(&self.stdout)
    }

    /// What it has printed to stderr so far.
    pub fn stderr(&self) -> String {
        so_far(&self.stderr)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        // It may have ended just now.
        let _ = kill_process(self.pid, signal);
    }

    /// Whether it has ended by itself, without waiting.
    pub fn is_over(&mut self) -> Option<Run> {
        let run = self.ended.try_recv().ok()?;
        self.is_over = true;
        Some(run)
    }

    /// Waits for its end; panics after [`WAIT`].
    pub fn wait(mut self) -> Run {
        match self.ended.recv_timeout(WAIT) {
            Ok(run) => {
                self.is_over = true;
                run
            }
            Err(RecvTimeoutError::Timeout) => panic!("R17: still running after {WAIT:?}"),
            Err(RecvTimeoutError::Disconnected) => panic!("the thread that waits has panicked"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_over {
            let _ = kill_process(self.pid, Signal::KILL);
            let _ = self.ended.recv_timeout(WAIT);
        }
    }
}

/// Reads a stream to its end in a thread.
fn collect(mut stream: impl Read + Send + 'static) -> (Text, JoinHandle<()>) {
    let text = Text::default();
    let into = Arc::clone(&text);
    let reader = std::thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut piece) {
            into.lock().expect("no panic before").extend_from_slice(&piece[..count]);
        }
    });
    (text, reader)
}

fn so_far(text: &Text) -> String {
    String::from_utf8_lossy(&text.lock().expect("no panic before")).into_owned()
}

/// Processes whose command line names something below `dir`.
pub fn processes_of(dir: &Path) -> Vec<u32> {
    let dir = dir.as_os_str().as_encoded_bytes();
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.windows(dir.len()).any(|part| part == dir)
    })
    .collect()
}
