//! An authorization server that knows what it must never see.

mod book;
mod callers;
mod consents;
mod fault;
mod journal;
mod login;
mod server;
mod tally;
mod terms;
mod weather;
mod words;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use self::book::Book;
use self::consents::Consents;
pub use self::fault::Fault;
use self::journal::Journal;
pub use self::journal::Sent;
pub use self::tally::Tally;
pub use self::terms::{Rotation, Terms};
use self::weather::Weather;
pub use self::words::LoggedIn;
use self::words::{Words, Written};
use crate::Error;

/// An authorization server (RFC 6749) on a free port of 127.0.0.1, in a thread of this process.
///
/// It keeps sixteen bytes a login, so that millions fit, and counts what no client may do: a refresh
/// token that is used twice without need, and logins that ended because of it. It fails as it is told
/// to. It asks clients for no secret.
///
/// ```
/// use std::time::Duration;
/// use unlapse_parts::{Provider, Rotation, Terms};
///
/// let provider = Provider::start(Terms {
///     rotation: Rotation::Grace(Duration::from_secs(30)),
///     access_ttl: Duration::from_secs(20),
///     ..Terms::default()
/// });
/// let login = provider.log_in();
/// assert!(provider.is_valid(&login.access_token));
/// assert!(provider.token_endpoint("node-1").ends_with("/node-1/token"));
/// ```
#[derive(Debug)]
pub struct Provider {
    address: SocketAddr,
    desk: Arc<Desk>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the server and whoever watches it share.
#[derive(Debug)]
struct Desk {
    terms: Terms,
    words: Words,
    start: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    book: Book,
    consents: Consents,
    weather: Weather,
    tally: Tally,
    journal: Journal,
}

impl Provider {
    /// Starts it.
    ///
    /// # Panics
    ///
    /// When it cannot listen.
    pub fn start(terms: Terms) -> Self {
        Self::launch(terms).unwrap_or_else(|error| panic!("the provider: {error}"))
    }

    fn launch(terms: Terms) -> Result<Self, Error> {
        let failed = |error: std::io::Error| Error::io("starting the provider", &error);
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let desk = Arc::new(Desk {
            terms,
            words: Words::new(),
            start: Instant::now(),
            state: Mutex::default(),
        });
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&desk);
        let thread = std::thread::Builder::new().name("provider".to_owned());
        let thread = thread.spawn(move || server::run(listener, &serving, stopped));
        Ok(Self { address, desk, stop: Some(stop), thread: Some(thread.map_err(failed)?) })
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where `caller` asks for tokens (RFC 6749 §3.2). Whoever is to be told apart, a node or an app,
    /// has one of its own: letters, digits and `-`.
    pub fn token_endpoint(&self, caller: &str) -> String {
        format!("{}/{caller}/token", self.url())
    }

    /// Where `caller` sends users (RFC 6749 §3.1): each of them consents at once, as a new login.
    pub fn authorization_endpoint(&self, caller: &str) -> String {
        format!("{}/{caller}/authorize", self.url())
    }

    /// Where `caller` revokes tokens (RFC 7009).
    pub fn revocation_endpoint(&self, caller: &str) -> String {
        format!("{}/{caller}/revoke", self.url())
    }

    /// A new login: what a user's consent brings.
    pub fn log_in(&self) -> LoggedIn {
        let now = self.desk.now();
        let family = self.desk.state().book.open(now);
        self.desk.logged_in(family, now)
    }

    /// Whether an API would take this access token now.
    pub fn is_valid(&self, access_token: &str) -> bool {
        let Some(Written { family, generation, until }) = self.desk.words.access(access_token)
        else {
            return false;
        };
        until > self.desk.now()
            && self.desk.state().book.admits(family, generation, self.desk.terms.one_access_token)
    }

    /// Whether this login lives: neither revoked nor ended.
    pub fn is_alive(&self, family: u32) -> bool {
        self.desk.state().book.is_alive(family)
    }

    /// Its user takes their consent back.
    pub fn end(&self, family: u32) {
        self.desk.state().book.end(family);
    }

    /// The next requests fail like this, one each.
    pub fn fail_next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.desk.state().weather.queue(faults);
    }

    /// Every request at this caller's endpoint fails like this, until told otherwise.
    pub fn fail_caller(&self, caller: &str, fault: Option<Fault>) {
        let mut state = self.desk.state();
        let number = state.book.caller(caller);
        state.weather.at_caller(number, fault);
    }

    /// Every request for this login fails like this, until told otherwise.
    pub fn fail_login(&self, family: u32, fault: Option<Fault>) {
        self.desk.state().weather.at_family(family, fault);
    }

    /// From now on one request in `one_in` fails, like one of these; 0: none. `seed` decides which.
    pub fn weather(&self, one_in: u32, faults: Vec<Fault>, seed: u64) {
        self.desk.state().weather.change(one_in, faults, seed);
    }

    /// This caller may lose what it is answered from now on: it is killed, paused, or cut off. Whoever
    /// sends a refresh token of its again is in need, and so is the caller itself: what it sends now it
    /// may have begun before it stood still.
    pub fn in_trouble(&self, caller: &str) {
        self.desk.state().book.trouble(caller, true);
    }

    /// It is well again; what it has spent meanwhile may still be sent again.
    pub fn is_well(&self, caller: &str) {
        self.desk.state().book.trouble(caller, false);
    }

    /// What was sent for this login lately, oldest first.
    pub fn journal(&self, family: u32) -> Vec<Sent> {
        self.desk.state().journal.of(family)
    }

    /// What has happened so far.
    pub fn tally(&self) -> Tally {
        self.desk.state().tally
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since it was started.
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// The tokens of a login that was opened just now.
    fn logged_in(&self, family: u32, now: Duration) -> LoggedIn {
        LoggedIn {
            family,
            access_token: self.words.write_access(Written {
                family,
                generation: 0,
                until: now + self.terms.access_ttl,
            }),
            refresh_token: self.words.write_refresh(family, 0),
            expires_in: self.terms.access_ttl,
        }
    }
}
