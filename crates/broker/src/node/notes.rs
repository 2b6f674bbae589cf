//! What happens to connections, noted for people: attempts, usage, events. Written a little later and
//! many at once, so that nobody waits for it; what the database does not take in time is dropped and
//! counted. But events are told for certain: webhooks hang on them.

use core::time::Duration;
use core::{iter, mem};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use unlapse::unlapse_core::{Cause, Key, Now, Rejection, UnixTime};
use unlapse::unlapse_oauth::provider::Metadata;
use unlapse::{Clock as _, Event, Observer, Outcome};

use crate::clock::DatabaseClock;
use crate::code::Code;
use crate::connection_id::ConnectionId;
use crate::problem::Problem;
use crate::schedule;
use crate::tables::{Attempt, EventKind, NewEvent, TOLD_AT_ONCE, Tables, Tried, Used};

/// So many notes of a kind wait for the database; beyond it they are dropped.
const MOST: usize = 100_000;

/// A connection that is used all the time is marked as used this often.
const SEEN: Duration = Duration::from_secs(3600);

/// What has been noted and not written yet.
pub(crate) struct Notes {
    clock: Arc<DatabaseClock>,
    node: String,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    attempts: Vec<Attempt>,
    events: Vec<NewEvent>,
    used: HashMap<Key, (u32, u32)>,
    /// What providers have said of connections beside their tokens, where it has changed.
    said: HashMap<ConnectionId, Said>,
    /// When a connection was last marked as used.
    seen: HashMap<Key, UnixTime>,
    /// The requests under way.
    trying: HashMap<Key, Trying>,
    /// A login has ended, or may have: it is told of from its record, where it cannot be lost.
    has_ended: bool,
    dropped: u64,
}

/// What a provider has said of a connection.
struct Said {
    /// When its user had last given consent: which login it was said of.
    connected_at: UnixTime,
    metadata: BTreeMap<String, String>,
}

/// A renewal under way, and its request.
#[derive(Clone, Copy)]
struct Trying {
    automatic: bool,
    number: u32,
    delay: Duration,
    since: Option<Now>,
    has_ended: bool,
}

impl Notes {
    pub(crate) fn new(clock: Arc<DatabaseClock>, node: String) -> Arc<Self> {
        // A node that died may have left some of which nobody was told.
        let waiting = Mutex::new(Waiting { has_ended: true, ..Waiting::default() });
        Arc::new(Self { clock, node, waiting })
    }

    /// Takes notes of what the client tells.
    pub(crate) fn observer(self: &Arc<Self>) -> Observer {
        let notes = Arc::clone(self);
        Arc::new(move |key, event| notes.hear(key, event))
    }

    /// A token of `key` was handed out.
    pub(crate) fn used(&self, key: &Key) {
        let mut waiting = self.waiting();
        if waiting.used.len() < MOST || waiting.used.contains_key(key) {
            let (tokens, _) = waiting.used.entry(key.clone()).or_default();
            *tokens = tokens.saturating_add(1);
        } else {
            waiting.dropped += 1;
        }
    }

    /// The provider has said something new of a connection, of its login of `connected_at`.
    pub(crate) fn said(&self, id: &ConnectionId, connected_at: UnixTime, said: &Metadata) {
        let metadata = said.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        self.waiting().said.insert(id.clone(), Said { connected_at, metadata });
    }

    /// Something happened that people and webhooks are told of.
    pub(crate) fn tell(&self, id: &ConnectionId, kind: EventKind, code: Option<Code>) {
        self.waiting().events.push(NewEvent { id: id.clone(), kind, code });
    }

    /// Looks for logins that have ended and of which nobody was told, with the next that is written.
    pub(crate) fn look_for_ends(&self) {
        self.waiting().has_ended = true;
    }

    fn hear(&self, key: &Key, event: &Event) {
        let now = self.clock.now();
        match event {
            Event::Started { automatic, .. } => {
                let trying = Trying {
                    automatic: *automatic,
                    number: 0,
                    delay: Duration::ZERO,
                    since: None,
                    has_ended: false,
                };
                self.waiting().trying.insert(key.clone(), trying);
            }
            Event::Spending { attempt, delay, .. } => {
                if let Some(trying) = self.waiting().trying.get_mut(key) {
                    (trying.number, trying.delay) = (*attempt, *delay);
                    trying.since = Some(now);
                }
            }
            Event::Failed { cause } | Event::InDoubt { cause } => {
                self.tried(key, now, Some(schedule::failed(*cause)), status(*cause));
            }
            Event::Rejected { rejection } => {
                self.tried(key, now, Some(rejected(*rejection)), None);
            }
            Event::Renewed { .. } => self.tried(key, now, None, Some(200)),
            Event::Ended { .. } => {
                // Where a rejection ended it, that was the answer.
                self.tried(key, now, Some(Code::UserRevoked), None);
                if let Some(trying) = self.waiting().trying.get_mut(key) {
                    trying.has_ended = true;
                }
            }
            Event::Finished { outcome, .. } => {
                let mut waiting = self.waiting();
                // By now it is saved.
                let trying = waiting.trying.remove(key);
                waiting.has_ended |= trying.is_some_and(|trying| trying.has_ended);
                if *outcome == Outcome::Renewed {
                    let (_, renewals) = waiting.used.entry(key.clone()).or_default();
                    *renewals = renewals.saturating_add(1);
                }
            }
            _ => {}
        }
    }

    /// The request under way has come to this.
    fn tried(&self, key: &Key, now: Now, code: Option<Code>, status: Option<u16>) {
        let Some(id) = ConnectionId::of(key) else { return };
        let mut waiting = self.waiting();
        let Some(trying) = waiting.trying.get_mut(key) else { return };
        let Some(since) = trying.since.take() else { return };
        let Trying { automatic, number, delay, .. } = *trying;
        if waiting.attempts.len() >= MOST {
            waiting.dropped += 1;
            return;
        }
        let duration = now.elapsed(&since);
        let node = self.node.clone();
        let tried = Tried { number, automatic, code, status, delay, duration, node };
        waiting.attempts.push(Attempt { id, at: since.wall, tried });
    }

    /// Writes what waits. What must not be lost waits on, when the database does not take it now.
    pub(crate) async fn write(&self, tables: &Tables) -> Result<Vec<Key>, Problem> {
        let now = self.clock.now().wall;
        let mut events = mem::take(&mut self.waiting().events);
        while !events.is_empty() {
            // As many as are told in one transaction: none of them is told twice.
            let later = events.split_off(events.len().min(TOLD_AT_ONCE));
            if let Err(problem) = tables.tell(events.clone()).await {
                self.waiting().events.splice(0..0, events.into_iter().chain(later));
                return Err(problem);
            }
            events = later;
        }
        let has_ended = mem::take(&mut self.waiting().has_ended);
        if has_ended && let Err(problem) = tables.tell_of_ends().await {
            self.look_for_ends();
            return Err(problem);
        }
        let mut said = mem::take(&mut self.waiting().said).into_iter();
        while let Some((id, Said { connected_at, metadata })) = said.next() {
            let problem = match tables.say_of_connection(&id, connected_at, &metadata).await {
                Ok(_) => continue,
                // No row takes it, however often it is tried.
                Err(problem) if problem.code == Code::BadRequest => continue,
                Err(problem) => problem,
            };
            {
                let mut waiting = self.waiting();
                // What was said since is newer.
                let first = (id, Said { connected_at, metadata });
                for (id, said) in iter::once(first).chain(said) {
                    waiting.said.entry(id).or_insert(said);
                }
            }
            return Err(problem);
        }
        let (attempts, used) = {
            let mut waiting = self.waiting();
            (mem::take(&mut waiting.attempts), mem::take(&mut waiting.used))
        };
        let lost = attempts.len() as u64;
        if !attempts.is_empty() && tables.note_attempts(attempts).await.is_err() {
            self.waiting().dropped += lost;
        }
        let counted = |(key, (tokens, renewals)): (&Key, &(u32, u32))| {
            Some(Used { id: ConnectionId::of(key)?, tokens: *tokens, renewals: *renewals })
        };
        let counted: Vec<_> = used.iter().filter_map(counted).collect();
        if !counted.is_empty() {
            let lost = counted.len() as u64;
            if tables.note_usage(counted).await.is_err() {
                self.waiting().dropped += lost;
            }
        }
        let seen = used.into_iter().filter(|(_, (tokens, _))| *tokens > 0).map(|(key, _)| key);
        Ok(self.waiting().see(seen, now))
    }

    /// How many notes were dropped, since nobody could take them.
    pub(crate) fn dropped(&self) -> u64 {
        self.waiting().dropped
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Those of `keys` that are to be marked as used at `now`.
    fn see(&mut self, keys: impl Iterator<Item = Key>, now: UnixTime) -> Vec<Key> {
        if self.seen.len() > MOST {
            self.seen.retain(|_, at| now.since(*at) < SEEN);
        }
        if self.seen.len() > MOST {
            self.seen.clear();
        }
        let seen = &mut self.seen;
        let is_due = |key: &Key| seen.get(key).is_none_or(|at| now.since(*at) >= SEEN);
        let due: Vec<Key> = keys.filter(is_due).collect();
        seen.extend(due.iter().map(|key| (key.clone(), now)));
        due
    }
}

/// The provider's status, where it had one.
fn status(cause: Cause) -> Option<u16> {
    match cause {
        Cause::Status(status) | Cause::Html(status) | Cause::Unreadable(status) => Some(status),
        _ => None,
    }
}

/// What the provider's verdict is called: only one on the login is the connection's.
fn rejected(rejection: Rejection) -> Code {
    if rejection.ends_login() { Code::UserRevoked } else { Code::AppConfig }
}
