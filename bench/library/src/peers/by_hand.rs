//! What people write when they take no library: references, not peers. None renews
//! but the last, which does nothing else.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use http::HeaderValue;
use tokio::sync::watch;

use crate::contender::{Contender, bearer, repeat};
use crate::server::Server;

struct Cached {
    header: HeaderValue,
    until: Instant,
}

async fn cached(server: &Server) -> Cached {
    let granted = server.grant().await.expect("the first is granted");
    let until = Instant::now() + granted.lifetime.saturating_sub(Duration::from_secs(30));
    Cached { header: bearer(&granted.access_token), until }
}

/// A prepared header behind a mutex.
pub(crate) struct Locked(Mutex<Cached>);

impl Contender for Locked {
    const NAME: &'static str = "by hand: `Mutex` with a prepared header";
    const FAKED: &'static str = "all but the cache";

    async fn new(server: Arc<Server>) -> Self {
        Self(Mutex::new(cached(&server).await))
    }

    async fn token(&self) {
        black_box(self.at_once());
    }

    async fn try_header(&self) -> Option<HeaderValue> {
        Some(self.at_once())
    }

    async fn headers(&self, calls: u64) {
        repeat(self, calls, Self::at_once);
    }
}

impl Locked {
    #[inline]
    fn at_once(&self) -> HeaderValue {
        let cached = self.0.lock().expect("nobody panics");
        assert!(Instant::now() < cached.until, "the token is fresh");
        cached.header.clone()
    }
}

/// A prepared header behind an atomic pointer.
pub(crate) struct Swapped(ArcSwap<Cached>);

impl Contender for Swapped {
    const NAME: &'static str = "by hand: `ArcSwap` with a prepared header";
    const FAKED: &'static str = "all but the cache";

    async fn new(server: Arc<Server>) -> Self {
        Self(ArcSwap::from_pointee(cached(&server).await))
    }

    async fn token(&self) {
        black_box(self.at_once());
    }

    async fn try_header(&self) -> Option<HeaderValue> {
        Some(self.at_once())
    }

    async fn headers(&self, calls: u64) {
        repeat(self, calls, Self::at_once);
    }
}

impl Swapped {
    #[inline]
    fn at_once(&self) -> HeaderValue {
        let cached = self.0.load();
        assert!(Instant::now() < cached.until, "the token is fresh");
        cached.header.clone()
    }
}

/// Waiters for one answer, and nothing else: what any storm costs on this runtime.
pub(crate) struct Waiters {
    server: Arc<Server>,
    leads: AtomicBool,
    answer: watch::Sender<Option<HeaderValue>>,
}

impl Contender for Waiters {
    const NAME: &'static str = "bound: a `watch` channel, no deadlines";
    const FAKED: &'static str = "all but the waiting";

    async fn new(server: Arc<Server>) -> Self {
        // The token that has expired.
        server.grant().await;
        Self { server, leads: AtomicBool::new(true), answer: watch::Sender::new(None) }
    }

    async fn token(&self) {
        black_box(self.header().await);
    }

    async fn try_header(&self) -> Option<HeaderValue> {
        let mut answer = self.answer.subscribe();
        if self.leads.swap(false, Ordering::SeqCst) {
            let granted = self.server.grant().await.expect("it does not fail");
            self.answer.send_replace(Some(bearer(&granted.access_token)));
        }
        let answer = answer.wait_for(Option::is_some).await.expect("we hold the sender");
        answer.clone()
    }
}
