//! A process that is listened to, with a deadline for everything.

use std::fmt;
use std::io::{Read, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::wait::{WAIT, eventually};

/// A program under way. It is killed when dropped.
pub struct Program {
    child: Child,
    stdout: Arc<Heard>,
    stderr: Arc<Heard>,
    readers: Vec<JoinHandle<()>>,
    /// So much of stdout was read by [`Program::line`].
    read: usize,
}

/// How a program ended. `Display` tells all of it, for assertions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

/// What a stream has said so far.
#[derive(Default)]
struct Heard {
    so_far: Mutex<Text>,
    more: Condvar,
}

#[derive(Default)]
struct Text {
    bytes: Vec<u8>,
    is_over: bool,
}

impl Program {
    /// Starts `command`, with `stdin` to read.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start(command: &mut Command, stdin: &str) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{error}: {command:?}"));
        // Whoever reads none of it has closed the pipe.
        let _ = child.stdin.take().expect("a pipe was asked for").write_all(stdin.as_bytes());
        let (stdout, out) = Heard::listen(child.stdout.take().expect("a pipe was asked for"));
        let (stderr, err) = Heard::listen(child.stderr.take().expect("a pipe was asked for"));
        Self { child, stdout, stderr, readers: vec![out, err], read: 0 }
    }

    /// The next whole line of stdout that contains `text`; those before it are passed over.
    ///
    /// # Panics
    ///
    /// When it does not come before the program ends, or within [`WAIT`].
    #[track_caller]
    pub fn line(&mut self, text: &str) -> String {
        let started = Instant::now();
        let mut heard = self.stdout.lock();
        loop {
            while let Some(end) = heard.bytes[self.read..].iter().position(|byte| *byte == b'\n') {
                let line = &heard.bytes[self.read..self.read + end];
                self.read += end + 1;
                let line = String::from_utf8_lossy(line);
                if line.contains(text) {
                    return line.into_owned();
                }
            }
            let left = WAIT.saturating_sub(started.elapsed());
            if heard.is_over || left.is_zero() {
                drop(heard);
                panic!("it never said {text:?}; {:?} / {:?}", self.stdout(), self.stderr());
            }
            let waited = self.stdout.more.wait_timeout(heard, left);
            (heard, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What it has printed to stdout so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it has printed to stderr so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, as Ctrl-C and `kill` do. One that has ended already does not mind.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let _ = kill_process(pid.expect("a process has an id"), signal);
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(mut self) -> Run {
        // It may have ended just now.
        let _ = self.child.kill();
        self.end()
    }

    /// Asks it to end, as Ctrl-C does, and waits until it has.
    pub fn interrupt(mut self) -> Run {
        self.signal(Signal::INT);
        self.end()
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// When it has not come within [`WAIT`].
    #[track_caller]
    pub fn wait(mut self) -> Run {
        self.end()
    }

    #[track_caller]
    fn end(&mut self) -> Run {
        let mut status: Option<ExitStatus> = None;
        eventually("the program ends", || {
            status = self.child.try_wait().expect("a child can be waited for");
            status.is_some()
        });
        let status = status.expect("it was waited for");
        for reader in self.readers.drain(..) {
            reader.join().expect("a reader does not panic");
        }
        Run {
            code: status.code(),
            signal: status.signal(),
            stdout: self.stdout(),
            stderr: self.stderr(),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Run {
    /// Panics unless it ended with 0.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self}");
        self
    }

    /// Panics unless it ended with `code` and said `text` on stderr.
    #[track_caller]
    pub fn failed(self, code: i32, text: &str) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        assert!(self.stderr.contains(text), "not {text:?}: {self}");
        self
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, signal, stdout, stderr } = self;
        writeln!(f, "exit {code:?}, signal {signal:?}")?;
        write!(f, "--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

impl Heard {
    /// Reads a stream to its end, in a thread.
    fn listen(mut stream: impl Read + Send + 'static) -> (Arc<Self>, JoinHandle<()>) {
        let heard = Arc::new(Self::default());
        let into = Arc::clone(&heard);
        let reader = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut piece) {
                into.lock().bytes.extend_from_slice(&piece[..count]);
                into.more.notify_all();
            }
            into.lock().is_over = true;
            into.more.notify_all();
        });
        (heard, reader)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.lock().bytes).into_owned()
    }

    fn lock(&self) -> MutexGuard<'_, Text> {
        self.so_far.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
