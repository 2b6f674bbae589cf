//! People who ask for tokens all the time, of any node.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::RwLock;
use tokio::task::JoinSet;
use unlapse_parts::{LoggedIn, Provider};

use crate::node::Node;
use crate::words::{Answer, Ask};

/// A caller waits no longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A node that may be away.
pub(crate) type Place = Arc<RwLock<Option<Arc<Node>>>>;

/// What callers were given.
#[derive(Debug, Default)]
pub(crate) struct Given {
    pub(crate) tokens: AtomicU64,
    /// Tokens that the provider would not take when they were given.
    pub(crate) bad: AtomicU64,
    /// Asked of a node that was gone, paused or cut off.
    pub(crate) nothing: AtomicU64,
    problems: Mutex<BTreeMap<String, u64>>,
    slowest: Mutex<Duration>,
}

impl Given {
    pub(crate) fn problems(&self) -> BTreeMap<String, u64> {
        self.problems.lock().expect("nobody panics with it").clone()
    }

    pub(crate) fn slowest(&self) -> Duration {
        *self.slowest.lock().expect("nobody panics with it")
    }
}

/// Everybody who asks, until they are told to stop.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    callers: JoinSet<()>,
    pub(crate) given: Arc<Given>,
}

impl Load {
    /// `callers` of them, each asking again after `pause`.
    pub(crate) fn start(
        places: &[Place],
        provider: &Arc<Provider>,
        logins: &Arc<Vec<LoggedIn>>,
        callers: u64,
        pause: Duration,
    ) -> Self {
        let (stop, given) = (Arc::new(AtomicBool::new(false)), Arc::new(Given::default()));
        let mut all = JoinSet::new();
        for caller in 0..callers {
            let caller = Caller {
                chance: caller.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
                places: places.to_vec(),
                provider: Arc::clone(provider),
                logins: Arc::clone(logins),
                given: Arc::clone(&given),
            };
            all.spawn(caller.ask_until(Arc::clone(&stop), pause));
        }
        Self { stop, callers: all, given }
    }

    /// Waits until nobody asks any more.
    pub(crate) async fn stop(mut self) -> Arc<Given> {
        self.stop.store(true, Relaxed);
        while let Some(ended) = self.callers.join_next().await {
            ended.expect("a caller does not panic");
        }
        self.given
    }
}

struct Caller {
    chance: u64,
    places: Vec<Place>,
    provider: Arc<Provider>,
    logins: Arc<Vec<LoggedIn>>,
    given: Arc<Given>,
}

impl Caller {
    async fn ask_until(mut self, stop: Arc<AtomicBool>, pause: Duration) {
        while !stop.load(Relaxed) {
            self.ask().await;
            tokio::time::sleep(pause).await;
        }
    }

    async fn ask(&mut self) {
        let login = self.draw(self.logins.len());
        let family = self.logins[login].family;
        let place = self.draw(self.places.len());
        // Most take what there is; some want more of it, and a few a new one.
        let (min_ttl, force) = match self.draw(20) {
            0 => (None, true),
            1..=5 => (None, false),
            _ => (Some(1), false),
        };
        let ask = Ask::Token { user: user(family), min_ttl, force };
        let asked = Instant::now();
        let node = self.places[place].read().await.clone();
        let answer = match node {
            Some(node) => node.ask(ask, PATIENCE).await,
            None => None,
        };
        let given = &*self.given;
        match answer {
            Some(Answer::Token(token)) => {
                let is_good = self.provider.is_valid(&token);
                given.tokens.fetch_add(1, Relaxed);
                let mut slowest = given.slowest.lock().expect("nobody panics with it");
                *slowest = asked.elapsed().max(*slowest);
                if !is_good {
                    given.bad.fetch_add(1, Relaxed);
                    eprintln!("not valid after {:?}: {token}", asked.elapsed());
                }
            }
            Some(Answer::Problem(code, _)) => {
                let mut problems = given.problems.lock().expect("nobody panics with it");
                *problems.entry(code).or_default() += 1;
            }
            Some(other) => panic!("asked for a token, and got {other:?}"),
            None => drop(given.nothing.fetch_add(1, Relaxed)),
        }
    }

    /// Marsaglia's shifts: callers differ, and do the same each time.
    fn draw(&mut self, below: usize) -> usize {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        usize::try_from(self.chance >> 33).unwrap_or_default() % below
    }
}

/// The name of a login's user.
pub(crate) fn user(family: u32) -> String {
    format!("u{family}")
}
