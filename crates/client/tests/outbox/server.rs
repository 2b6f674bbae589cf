//! An API and its authorization server, in a thread of their own.

use std::collections::{HashMap, VecDeque};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// What the API does to a request instead of answering it well.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Answers so, and does nothing. Status and more header lines.
    Answer(u16, &'static str),
    /// Closes the connection without doing anything.
    Drop,
    /// Does it, and closes the connection.
    LoseReply,
    /// Does it well, but only after so long.
    Slow(Duration),
    /// Does it, and closes the connection within the body of its answer.
    BreakBody,
    /// Does it, and its answer's body never ends.
    HangBody,
    /// Does it, and kills the process that was aimed at before it is answered.
    ActThenKill,
    /// Kills the process that was aimed at, and does nothing.
    Kill,
    /// Never answers.
    Hang,
}

/// A running server; ends when dropped.
pub struct Server {
    pub origin: String,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    stop: AtomicBool,
    /// Logins that are refused from now on.
    ended: AtomicBool,
    /// Access tokens before this one are not good any more.
    least: AtomicU64,
    granted: AtomicU64,
    wants_nonce: AtomicBool,
    target: AtomicU32,
    faults: Mutex<VecDeque<Fault>>,
    always: Mutex<Option<Fault>>,
    seen: Mutex<Vec<Seen>>,
    done: Mutex<Vec<String>>,
    answered: Mutex<HashMap<String, String>>,
}

/// A request that reached the API.
#[derive(Clone, Debug)]
pub struct Seen {
    pub path: String,
    pub head: String,
    pub key: String,
}

/// A port that nobody else takes, and where connections are refused: a server that is away.
pub struct Reserved {
    pub origin: String,
    socket: tokio::net::TcpSocket,
}

impl Reserved {
    pub fn new() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let origin = format!("http://{}", socket.local_addr().unwrap());
        Self { origin, socket }
    }

    /// It is back.
    pub fn open(self) -> Server {
        // Within a runtime of its own: a test has another one.
        let listening = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
            runtime
                .unwrap()
                .block_on(async { self.socket.listen(1024).unwrap().into_std().unwrap() })
        });
        let listener = listening.join().unwrap();
        listener.set_nonblocking(false).unwrap();
        Server::serving(listener)
    }
}

impl Server {
    pub fn start() -> Self {
        Reserved::new().open()
    }

    fn serving(listener: TcpListener) -> Self {
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        let serving = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.stop.load(Ordering::SeqCst) {
                    return;
                }
                let state = Arc::clone(&serving);
                std::thread::spawn(move || state.serve(stream.unwrap()));
            }
        });
        Self { origin, state, thread: Some(thread) }
    }

    /// Does this to the next request that reaches the API, after what is queued already.
    pub fn fault(&self, fault: Fault) {
        self.state.faults.lock().unwrap().push_back(fault);
    }

    /// Does this to every request for which nothing is queued.
    pub fn always(&self, fault: Option<Fault>) {
        *self.state.always.lock().unwrap() = fault;
    }

    /// The process that is killed by [`Fault::Kill`].
    pub fn aim(&self, pid: u32) {
        self.state.target.store(pid, Ordering::SeqCst);
    }

    /// Ends every login.
    pub fn end_logins(&self) {
        self.state.ended.store(true, Ordering::SeqCst);
    }

    /// Takes logins again.
    pub fn take_logins(&self) {
        self.state.ended.store(false, Ordering::SeqCst);
    }

    /// Access tokens that were granted before are good no more.
    pub fn end_tokens(&self) {
        self.state.least.store(self.granted(), Ordering::SeqCst);
    }

    /// Every proof has to have the nonce from now on.
    pub fn want_nonce(&self) {
        self.state.wants_nonce.store(true, Ordering::SeqCst);
    }

    /// Access tokens granted so far.
    pub fn granted(&self) -> u64 {
        self.state.granted.load(Ordering::SeqCst)
    }

    /// The bodies of what was acted upon, in order.
    pub fn done(&self) -> Vec<String> {
        self.state.done.lock().unwrap().clone()
    }

    /// Every request that reached the API.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    /// The API forgets every idempotency key.
    pub fn forget_keys(&self) {
        self.state.answered.lock().unwrap().clear();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::SeqCst);
        let address = self.origin.trim_start_matches("http://");
        drop(TcpStream::connect(address));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn field(head: &str, name: &str) -> String {
    let line = head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    });
    line.unwrap_or_default()
}

fn read(stream: &mut TcpStream) -> Option<(String, String)> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(at) = bytes.windows(4).position(|part| part == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
            let length: usize = field(&head, "content-length").parse().unwrap_or(0);
            if bytes.len() >= at + 4 + length {
                let body = String::from_utf8_lossy(&bytes[at + 4..at + 4 + length]).into_owned();
                return Some((head, body));
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

fn answer(stream: &mut TcpStream, status: u16, headers: &str, body: &str) {
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    );
    // Whoever was killed does not read it.
    let _ = stream.write_all(text.as_bytes());
}

impl State {
    fn serve(&self, mut stream: TcpStream) {
        let Some((head, body)) = read(&mut stream) else { return };
        let path = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
        if path == "/token" {
            return self.grant(&mut stream, &body);
        }
        let key = field(&head, "idempotency-key");
        let seen = Seen { path, head: head.clone(), key: key.clone() };
        self.seen.lock().unwrap().push(seen);
        let fault = self.faults.lock().unwrap().pop_front();
        let fault = fault.or_else(|| self.always.lock().unwrap().clone());
        match fault {
            Some(Fault::Answer(status, headers)) => {
                return answer(&mut stream, status, headers, "{}");
            }
            Some(Fault::Drop) => return,
            Some(Fault::Kill) => return self.kill(),
            Some(Fault::Hang) => return self.hang(),
            Some(Fault::Slow(delay)) => std::thread::sleep(delay),
            _ => {}
        }
        if !self.accepts(&field(&head, "authorization")) {
            return answer(&mut stream, 401, "www-authenticate: Bearer\r\n", "");
        }
        if self.wants_nonce.load(Ordering::SeqCst) && !has_nonce(&field(&head, "dpop")) {
            let headers = "www-authenticate: DPoP error=\"use_dpop_nonce\"\r\ndpop-nonce: n1\r\n";
            return answer(&mut stream, 401, headers, "");
        }
        let reply = {
            let mut answered = self.answered.lock().unwrap();
            let new = || {
                let mut done = self.done.lock().unwrap();
                done.push(body.clone());
                format!("done {}", done.len())
            };
            answered.entry(key).or_insert_with(new).clone()
        };
        match fault {
            Some(Fault::LoseReply) => {}
            Some(Fault::ActThenKill) => self.kill(),
            Some(fault @ (Fault::BreakBody | Fault::HangBody)) => {
                let part = "HTTP/1.1 201 X\r\ncontent-length: 100\r\nconnection: close\r\n\r\npart";
                let _ = stream.write_all(part.as_bytes());
                if matches!(fault, Fault::HangBody) {
                    self.hang();
                }
            }
            _ => answer(&mut stream, 201, "", &reply),
        }
    }

    fn grant(&self, stream: &mut TcpStream, body: &str) {
        if self.ended.load(Ordering::SeqCst) {
            return answer(stream, 400, "", r#"{"error":"invalid_grant"}"#);
        }
        let number = self.granted.fetch_add(1, Ordering::SeqCst) + 1;
        let kind = if body.contains("client_id=bound") { "DPoP" } else { "Bearer" };
        let text = format!(
            r#"{{"access_token":"at-{number}","token_type":"{kind}","expires_in":3600,"refresh_token":"rt-{number}"}}"#
        );
        answer(stream, 200, "content-type: application/json\r\n", &text);
    }

    fn accepts(&self, authorization: &str) -> bool {
        let number = authorization.rsplit_once("at-").and_then(|(_, n)| n.parse::<u64>().ok());
        number.is_some_and(|number| number > self.least.load(Ordering::SeqCst))
    }

    fn hang(&self) {
        while !self.stop.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Kills the process that is aimed at, once there is one.
    fn kill(&self) {
        while !self.stop.load(Ordering::SeqCst) {
            let pid = i32::try_from(self.target.swap(0, Ordering::SeqCst)).unwrap();
            if let Some(pid) = Pid::from_raw(pid) {
                return kill_process(pid, Signal::KILL).unwrap();
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Whether the claims of a proof have the nonce.
fn has_nonce(proof: &str) -> bool {
    use base64::Engine as _;
    let claims = proof.split('.').nth(1).unwrap_or_default();
    let claims =
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap_or_default();
    String::from_utf8_lossy(&claims).contains(r#""nonce":"n1""#)
}
