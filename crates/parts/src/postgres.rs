//! A throwaway cluster of `PostgreSQL`.

use std::fmt::Write as _;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::account::Account;
use crate::folder::Folder;
use crate::{Error, binaries, is_full, processes, wait};

/// How long a cluster may take to start or to end: seconds on an idle machine, and minutes on a
/// very busy one.
const PATIENCE: Duration = Duration::from_secs(120);

/// The ports that are tried lie below those that the system gives to outgoing connections, so that
/// none of those can take the port while the server is down.
const PORTS: std::ops::Range<u16> = 15_000..32_000;

/// How often another port is tried, when a stranger was faster.
const ATTEMPTS: usize = 5;

/// What both kinds have: room for the connections of several pools.
const SETTINGS: [&str; 3] =
    ["listen_addresses=127.0.0.1", "max_connections=200", "shared_buffers=32MB"];

/// What is only worth its time when the machine itself may lose power. A server that is killed
/// loses nothing by these: what it has written, the system keeps.
const QUICK: [&str; 2] = ["fsync=off", "full_page_writes=off"];

/// A `PostgreSQL` server in a cluster of its own, on a free port of 127.0.0.1.
///
/// It runs as an unprivileged user (root becomes `postgres` or `nobody`), asks for a random
/// password, and is removed when this is dropped or when the process that has it dies, of whatever
/// cause. It needs Linux: processes are found in `/proc`.
///
/// ```
/// use unlapse_parts::Postgres;
///
/// // One server a test binary, a database a test; nothing in the quick run.
/// let Some(postgres) = Postgres::shared() else { return };
/// let url = postgres.fresh_database();
/// assert!(url.starts_with("postgres://postgres:"));
/// ```
#[derive(Debug)]
pub struct Postgres {
    binaries: PathBuf,
    account: Account,
    password: String,
    settings: Vec<&'static str>,
    port: u16,
    databases: AtomicU32,
    server: Mutex<Option<Child>>,
    // Last: what is removed must have ended.
    folder: Folder,
}

impl Postgres {
    /// A new cluster, started and ready. Commits survive a server that is killed, and not a
    /// machine that loses power.
    ///
    /// # Panics
    ///
    /// When it cannot start; the message says what is missing.
    pub fn start() -> Self {
        Self::launch(&QUICK).unwrap_or_else(|error| panic!("PostgreSQL: {error}"))
    }

    /// A new cluster that waits for the disk at each commit, as in production: for measurements.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub fn durable() -> Self {
        Self::launch(&[]).unwrap_or_else(|error| panic!("PostgreSQL: {error}"))
    }

    /// The same with these settings, `name=value`, as a server of that size would have them.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub fn tuned(settings: &[&'static str]) -> Self {
        Self::launch(settings).unwrap_or_else(|error| panic!("PostgreSQL: {error}"))
    }

    /// The one server of this test binary, started by whoever asks first; `None` in the quick run.
    /// Not for tests that stop it.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start): the full run leaves nothing out.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        is_full().then(|| SHARED.get_or_init(Self::start))
    }

    /// A server of its own for a test that stops it; `None` in the quick run.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub fn own() -> Option<Self> {
        is_full().then(Self::start)
    }

    fn launch(more: &[&'static str]) -> Result<Self, Error> {
        let binaries = binaries::postgresql()?;
        let account = Account::unprivileged()?;
        let folder = Folder::new(account)?;
        let mut postgres = Self {
            binaries,
            account,
            password: password()?,
            settings: SETTINGS.iter().chain(more).copied().collect(),
            port: 0,
            databases: AtomicU32::new(0),
            server: Mutex::new(None),
            folder,
        };
        postgres.init(more == QUICK)?;
        let mut attempts = 0;
        loop {
            attempts += 1;
            postgres.port = free_port()?;
            match postgres.serve() {
                Err(error) if attempts == ATTEMPTS => return Err(error),
                Err(_) => {}
                Ok(()) => return Ok(postgres),
            }
        }
    }

    fn init(&self, is_quick: bool) -> Result<(), Error> {
        let secret = self.folder.path().join("password");
        let written = std::fs::write(&secret, &self.password);
        written.map_err(|error| Error::io("writing the password", &error))?;
        self.account.own(&secret)?;
        let mut init = self.program("initdb");
        init.args(["--username=postgres", "--encoding=UTF8", "--locale=C"]);
        init.args(["--auth-local=trust", "--auth-host=scram-sha-256"]);
        init.arg("--pwfile").arg(&secret).arg("--pgdata").arg(self.folder.data());
        if is_quick {
            init.arg("--no-sync");
        }
        run(&mut init).map(drop)
    }

    /// Starts the server, and waits until it takes connections.
    fn serve(&self) -> Result<(), Error> {
        let folder = self.folder.path();
        let log = folder.join("log");
        let file = File::create(&log).map_err(|error| Error::io("creating the log", &error))?;
        let mut server = self.program("postgres");
        server.arg("-D").arg(self.folder.data()).arg("-k").arg(folder);
        server.args(["-p", &self.port.to_string()]);
        for setting in &self.settings {
            server.args(["-c", setting]);
        }
        let server = server.stderr(file).spawn();
        let mut server = server.map_err(|error| Error::io("starting postgres", &error))?;
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        let ready = wait::until(PATIENCE, || match server.try_wait() {
            Ok(None) => self.is_ready(server.id()).then_some(Ok(())),
            _ => Some(Err(Error::new(format!("it ended again:\n{}", said())))),
        });
        // Kept in any case: whoever drops this ends it.
        *self.server() = Some(server);
        ready.unwrap_or_else(|| Err(Error::new(format!("not ready in time:\n{}", said()))))
    }

    /// Is the server with this number ready? It says so in the eighth line of its lock file.
    fn is_ready(&self, number: u32) -> bool {
        let file = std::fs::read_to_string(self.folder.data().join("postmaster.pid"));
        let file = file.unwrap_or_default();
        let mut lines = file.lines().map(str::trim);
        lines.next() == Some(&number.to_string()) && lines.nth(6) == Some("ready")
    }

    /// The database `postgres`, as its superuser, over TCP.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    /// The port of 127.0.0.1; the same after [`restart`](Self::restart).
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a new and empty database: tests that share a server meet nobody in theirs.
    ///
    /// # Panics
    ///
    /// When the server is down.
    pub fn fresh_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("create database {name}"));
        self.url_of(&name)
    }

    /// Runs statements, and returns the rows that they print: a line each, `|` between columns.
    ///
    /// # Panics
    ///
    /// When the server refuses them, or is down.
    pub fn sql(&self, database: &str, statements: &str) -> String {
        let mut psql = self.program("psql");
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]);
        psql.args(["--set=ON_ERROR_STOP=1", "--username=postgres", "--dbname", database]);
        psql.arg("--host").arg(self.folder.path()).args(["--port", &self.port.to_string()]);
        run(psql.args(["--command", statements])).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Ends the server in good order: open transactions are rolled back, connections closed.
    pub fn stop(&self) {
        self.resume();
        self.end(Signal::INT);
    }

    /// Kills the server and the processes of all its connections at once, as a lack of memory does.
    pub fn kill(&self) {
        processes::signal(&self.folder.data(), Signal::KILL);
        self.end(Signal::KILL);
    }

    /// Starts the server again, on the same port, after [`stop`](Self::stop) or
    /// [`kill`](Self::kill); a running one is stopped first.
    ///
    /// # Panics
    ///
    /// When it does not come back.
    pub fn restart(&self) {
        self.stop();
        self.serve().unwrap_or_else(|error| panic!("PostgreSQL did not restart: {error}"));
    }

    /// Stops all its processes where they are (SIGSTOP): connections stay open, and nobody answers.
    pub fn pause(&self) {
        // The first makes new ones, and is the lowest: again, until nothing has been born meanwhile.
        let mut paused = 0;
        loop {
            let now = processes::signal(&self.folder.data(), Signal::STOP);
            if now <= paused {
                return;
            }
            paused = now;
        }
    }

    /// Lets a paused server go on.
    pub fn resume(&self) {
        processes::signal(&self.folder.data(), Signal::CONT);
    }

    /// Sends the server `signal`, and waits until it and all its processes have ended.
    fn end(&self, signal: Signal) {
        let Some(mut server) = self.server().take() else { return };
        if let Some(number) = i32::try_from(server.id()).ok().and_then(Pid::from_raw) {
            // Not yet waited for, so the number is still its own.
            let _ = kill_process(number, signal);
        }
        if wait::until(PATIENCE, || server.try_wait().ok().flatten()).is_none() {
            let _ = server.kill();
            let _ = server.wait();
        }
        // Those of its connections hold the shared memory, without which it starts again.
        let data = self.folder.data();
        wait::until(PATIENCE, || processes::standing_in(&data).is_empty().then_some(()));
    }

    fn server(&self) -> MutexGuard<'_, Option<Child>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One of the programs, for the cluster's user and without a word of other clusters.
    fn program(&self, name: &str) -> Command {
        let mut program = Command::new(self.binaries.join(name));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                program.env_remove(name);
            }
        }
        program.env("LC_ALL", "C").current_dir(self.folder.path());
        program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.account.run(&mut program);
        program
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a program to its end; what it printed, or an error with what it complained of.
fn run(program: &mut Command) -> Result<String, Error> {
    let name = program.get_program().to_string_lossy().into_owned();
    let output = program.stdout(Stdio::piped()).stderr(Stdio::piped()).output();
    let output = output.map_err(|error| Error::io(&name, &error))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(Error::new(format!("{name}: {}", text(&output.stderr))))
    }
}

/// 128 bits, in letters that need no escape in a URL.
fn password() -> Result<String, Error> {
    let mut hex = String::new();
    for byte in random::<16>()? {
        let _ = write!(hex, "{byte:02x}");
    }
    Ok(hex)
}

/// A port that nobody listens on at this moment.
fn free_port() -> Result<u16, Error> {
    for _ in 0..100 {
        let [low, high] = random()?;
        let port = PORTS.start + u16::from_le_bytes([low, high]) % (PORTS.end - PORTS.start);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Error::new("no free port"))
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) => Err(Error::new(format!("no randomness: {error}"))),
    }
}
