//! A script as a process that cannot outlive its deadline.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

/// For all its flows: about a minute on an idle machine, most of it the browser's.
const DEADLINE: Duration = Duration::from_secs(400);

/// What came of one flow.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) client: String,
    pub(crate) flow: String,
    pub(crate) ok: bool,
    pub(crate) detail: String,
}

struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a script printed: a line for each flow that it came to, and what it complained of.
#[derive(Debug)]
pub(crate) struct Printed {
    pub(crate) lines: Vec<Line>,
    pub(crate) complaints: String,
}

/// Runs a script with these settings.
pub(crate) fn run(command: &[PathBuf], settings: &Value) -> Printed {
    let mut child = Command::new(&command[0]);
    child.args(&command[1..]);
    child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Python's own cache would be written into the repository, a browser's profile left behind.
    let temporary = tempfile::tempdir().expect("a directory");
    child.env("PYTHONDONTWRITEBYTECODE", "1").env("TMPDIR", temporary.path());
    for name in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"] {
        match settings["ca"].as_str() {
            Some(authority) => child.env(name, authority),
            None => child.env_remove(name),
        };
    }
    let mut child = Reaped(child.spawn().expect("started"));
    // Held until the end: a script whose input closes ends itself, also when this test is killed.
    let mut stdin = child.0.stdin.take().expect("a pipe");
    writeln!(stdin, "{settings}").expect("written");

    let stdout = BufReader::new(child.0.stdout.take().expect("a pipe"));
    let mut stderr = child.0.stderr.take().expect("a pipe");
    let complaints = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = stderr.read_to_string(&mut text);
        text
    });
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in stdout.lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    let start = Instant::now();
    let mut lines = Vec::new();
    while let Ok(line) = receiver.recv_timeout(DEADLINE.saturating_sub(start.elapsed())) {
        let line = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        lines.push(line);
    }
    // Ended or overdue: in either case there is no more to come.
    drop((stdin, child));
    Printed { lines, complaints: complaints.join().expect("no panic") }
}
