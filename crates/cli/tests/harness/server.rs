//! A real token server over real sockets, in a thread of its own.

mod answers;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio::sync::oneshot;

use super::families::{Class, Counts, Families};
use super::fault::Fault;
use super::{WAIT, eventually};

/// A running token server. Ends when dropped.
///
/// | path | takes |
/// | --- | --- |
/// | `POST /token` | `refresh_token`, `client_credentials`, `password` as a form (RFC 6749) |
/// | `POST /api/auth/login` | JSON `username`, `password` (C9) |
/// | `POST /api/auth/refresh` | JSON `refresh_token` |
/// | `POST /revoke` | RFC 7009 |
/// | `GET /.well-known/oauth-authorization-server`, `/.well-known/openid-configuration` | metadata |
///
/// Faults fall on the three that give tokens. The client is `cid`; it needs no secret until
/// [`AuthServer::require_secret`]. The user is `u` with the password `p`.
pub struct AuthServer {
    state: Arc<State>,
    port: u16,
    running: Option<Runtime>,
    /// Holds the port also while the server is stopped: connections are refused then, and nobody
    /// else takes it. It never listens.
    _reserved: TcpSocket,
}

struct Runtime {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

struct State {
    origin: String,
    settings: Mutex<Settings>,
    families: Mutex<Families>,
    queue: Mutex<VecDeque<Fault>>,
    always: Mutex<Option<Fault>>,
    target: AtomicU32,
    /// Grows with each release.
    released: tokio::sync::watch::Sender<u64>,
    bodies: Mutex<Vec<String>>,
}

struct Settings {
    class: Class,
    lifetime: Duration,
    secret: Option<String>,
    password: String,
    /// Seconds by which the server's clock is ahead.
    skew: i64,
    extra: Value,
}

impl AuthServer {
    /// A server of that class on a free port, with access tokens of one hour.
    pub fn start(class: Class) -> Self {
        let socket = bind(0);
        let port = socket.local_addr().expect("an address").port();
        let settings = Settings {
            class,
            lifetime: Duration::from_secs(3600),
            secret: None,
            password: "p".to_owned(),
            skew: 0,
            extra: json!({}),
        };
        let state = Arc::new(State {
            origin: format!("http://127.0.0.1:{port}"),
            settings: Mutex::new(settings),
            families: Mutex::default(),
            queue: Mutex::default(),
            always: Mutex::default(),
            target: AtomicU32::new(0),
            released: tokio::sync::watch::Sender::default(),
            bodies: Mutex::default(),
        });
        let mut server = Self { state, port, running: None, _reserved: socket };
        server.start_again();
        server
    }

    /// `http://127.0.0.1:PORT`.
    pub fn origin(&self) -> &str {
        &self.state.origin
    }

    /// The refresh token of a new login.
    pub fn issue(&self) -> String {
        self.state.families().begin().refresh_token.expect("a login has one")
    }

    /// Whether an API of this server would take the access token: its family lives.
    pub fn accepts(&self, access_token: &str) -> bool {
        self.state.families().accepts(access_token)
    }

    /// Ends every login, as an administrator does: refresh tokens are refused from now on.
    pub fn revoke_all(&self) {
        self.state.families().revoke_all();
    }

    /// What was seen so far.
    pub fn counts(&self) -> Counts {
        self.state.families().counts
    }

    /// The body of every request for a token, in order.
    pub fn bodies(&self) -> Vec<String> {
        self.state.bodies.lock().expect("no panic before").clone()
    }

    /// Waits until so many requests for tokens have arrived.
    pub fn until_requests(&self, count: u64) {
        eventually("requests arrive", || self.counts().requests >= count);
    }

    /// Does this to the next request for a token, after what is queued already.
    pub fn fault(&self, fault: Fault) {
        self.faults([fault]);
    }

    /// Does these to the next requests.
    pub fn faults(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state.queue.lock().expect("no panic before").extend(faults);
    }

    /// Does this to every request for which nothing is queued; `None`: nothing any more. Clears
    /// the queue.
    pub fn always(&self, fault: Option<Fault>) {
        self.state.queue.lock().expect("no panic before").clear();
        *self.state.always.lock().expect("no panic before") = fault;
    }

    /// The process that [`Fault::Kill`] and [`Fault::ProcessThenKill`] kill. They wait for it.
    pub fn aim(&self, pid: u32) {
        self.state.target.store(pid, Ordering::SeqCst);
    }

    /// Answers every request that [`Fault::Hold`] holds back.
    pub fn release(&self) {
        self.state.released.send_modify(|count| *count += 1);
    }

    pub fn set_class(&self, class: Class) {
        self.state.settings().class = class;
    }

    /// `expires_in` of the tokens to come.
    pub fn set_lifetime(&self, lifetime: Duration) {
        self.state.settings().lifetime = lifetime;
    }

    /// Puts the server's clock (`Date`) so many seconds ahead of ours.
    pub fn set_skew(&self, seconds: i64) {
        self.state.settings().skew = seconds;
    }

    /// The client's secret from now on; without it the answer is `invalid_client`.
    pub fn require_secret(&self, secret: &str) {
        self.state.settings().secret = Some(secret.to_owned());
    }

    /// The password of the user `u` from now on.
    pub fn set_password(&self, password: &str) {
        password.clone_into(&mut self.state.settings().password);
    }

    /// Members that every grant gets, or has replaced: `json!({"access_token": "e30.e30.e30"})`.
    pub fn set_extra(&self, members: Value) {
        assert!(members.is_object());
        self.state.settings().extra = members;
    }

    /// Stops: connections break, new ones are refused. What it knows of tokens stays.
    pub fn stop(&mut self) {
        if let Some(Runtime { stop, thread }) = self.running.take() {
            let _ = stop.send(());
            thread.join().expect("the server did not panic");
        }
    }

    /// Starts again on the same port.
    pub fn start_again(&mut self) {
        if self.running.is_some() {
            return;
        }
        let socket = bind(self.port);
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let state = Arc::clone(&self.state);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listener = socket.listen(1024).expect("listening");
                ready.send(()).expect("somebody waits");
                tokio::select! {
                    () = answers::serve(listener, state) => {}
                    _ = stopped => {}
                }
            });
        });
        is_ready.recv_timeout(WAIT).expect("the server listens");
        self.running = Some(Runtime { stop, thread });
    }
}

impl Drop for AuthServer {
    fn drop(&mut self) {
        if let Some(Runtime { stop, thread }) = self.running.take() {
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}

impl State {
    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().expect("no panic before")
    }

    fn families(&self) -> MutexGuard<'_, Families> {
        self.families.lock().expect("no panic before")
    }

    fn next_fault(&self) -> Fault {
        let queued = self.queue.lock().expect("no panic before").pop_front();
        let always = || self.always.lock().expect("no panic before").clone();
        queued.or_else(always).unwrap_or(Fault::Nothing)
    }

    /// Kills the process that was aimed at, and waits until it is dead.
    async fn kill(&self) {
        let started = Instant::now();
        while started.elapsed() < WAIT {
            let pid = i32::try_from(self.target.load(Ordering::SeqCst)).expect("a process id");
            if let Some(pid) = Pid::from_raw(pid) {
                let _ = kill_process(pid, Signal::KILL);
                // A dead child that nobody has reaped yet runs no code: that is dead enough.
                if test_kill_process(pid).is_err() || is_dead(pid) {
                    self.target.store(0, Ordering::SeqCst);
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn is_dead(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    // "pid (name) state …", and the name may hold anything but the last parenthesis.
    stat.map_or(true, |stat| {
        let state = stat.rsplit_once(')').map(|(_, rest)| rest.trim_start());
        state.is_none_or(|state| state.starts_with(['Z', 'X']))
    })
}

/// A socket on the port; on a free one for 0.
fn bind(port: u16) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    // Connections that a stopped server has left do not keep the next one off the port; nor does
    // the socket that holds it.
    socket.set_reuseaddr(true).expect("set");
    socket.set_reuseport(true).expect("set");
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).expect("the port is ours");
    socket
}
