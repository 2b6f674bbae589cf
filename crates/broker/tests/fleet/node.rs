//! A node of the fleet: a process of its own, asked over a socket.

use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::oneshot;

use crate::words::{Answer, Ask, Numbered};

/// A start takes this long at most, on a machine that has much to do.
const START: Duration = Duration::from_secs(60);

/// Where a node is told to report.
pub(crate) const CONTROL: &str = "FLEET_CONTROL";

/// What else it is told.
pub(crate) const NAME: &str = "FLEET_NAME";
pub(crate) const DATABASE: &str = "FLEET_DATABASE";
pub(crate) const TOKEN_ENDPOINT: &str = "FLEET_TOKEN_ENDPOINT";
pub(crate) const REUSE: &str = "FLEET_REUSE";
pub(crate) const FOLDER: &str = "FLEET_FOLDER";

/// A running node.
pub(crate) struct Node {
    process: Mutex<Child>,
    to: tokio::sync::Mutex<OwnedWriteHalf>,
    waiting: Arc<Waiting>,
    number: AtomicU64,
}

type Waiting = Mutex<Option<HashMap<u64, oneshot::Sender<Answer>>>>;

impl Node {
    /// Starts a node: this test again, as its only test `child_node`.
    pub(crate) async fn start(environment: &[(&str, String)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its own").port();
        let program = std::env::current_exe().expect("this test");
        let mut command = Command::new(program);
        command.args(["--exact", "child_node", "--ignored", "--nocapture", "--test-threads=1"]);
        command.env(CONTROL, port.to_string());
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        // Its log is for whoever looks for a mistake.
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let process = command.spawn().expect("this test starts again");
        let accepted = tokio::time::timeout(START, listener.accept()).await;
        let (stream, _) = accepted.expect("a node starts in time").expect("it connects");
        stream.set_nodelay(true).expect("set");
        let (from, to) = stream.into_split();
        let waiting = Arc::new(Mutex::new(Some(HashMap::new())));
        tokio::spawn(listen(BufReader::new(from), Arc::clone(&waiting)));
        Self {
            process: Mutex::new(process),
            to: tokio::sync::Mutex::new(to),
            waiting,
            number: AtomicU64::new(0),
        }
    }

    /// What it answers; `None`: nothing in time, or it is gone.
    pub(crate) async fn ask(&self, ask: Ask, patience: Duration) -> Option<Answer> {
        let (sender, answer) = oneshot::channel();
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        self.waiting.lock().expect("nobody panics with it").as_mut()?.insert(number, sender);
        let mut line = serde_json::to_vec(&Numbered { number, word: ask }).expect("plain words");
        line.push(b'\n');
        let heard = tokio::time::timeout(patience, async {
            self.to.lock().await.write_all(&line).await.ok()?;
            answer.await.ok()
        });
        heard.await.ok().flatten()
    }

    /// As a lack of memory ends it.
    pub(crate) fn kill(&self) {
        let mut process = self.process.lock().expect("nobody panics with it");
        let _ = process.kill();
        let _ = process.wait();
    }

    /// Stops it where it stands (SIGSTOP), or lets it go on.
    pub(crate) fn pause(&self, paused: bool) {
        let signal = if paused { Signal::STOP } else { Signal::CONT };
        let number = i32::try_from(self.process.lock().expect("nobody panics with it").id())
            .ok()
            .and_then(Pid::from_raw);
        kill_process(number.expect("a process has a number"), signal).expect("it is ours");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Gives answers to whoever waits, until the node is gone.
async fn listen(from: BufReader<tokio::net::tcp::OwnedReadHalf>, waiting: Arc<Waiting>) {
    let mut lines = from.lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Numbered { number, word } = serde_json::from_str(&line).expect("a node's own words");
        let mut waiting = waiting.lock().expect("nobody panics with it");
        if let Some(sender) = waiting.as_mut().and_then(|waiting| waiting.remove(&number)) {
            let _ = sender.send(word);
        }
    }
    // Whoever waits is told by that.
    *waiting.lock().expect("nobody panics with it") = None;
}
