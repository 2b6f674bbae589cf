//! The authorization server of every contender: in this process, as slow as it is told to be.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Answers token requests and counts them.
#[derive(Debug)]
pub(crate) struct Server {
    delay: Duration,
    /// Life of the first token; those after it live for an hour.
    first_lifetime: Duration,
    requests: AtomicU64,
    /// After the first, requests are answered with a 503.
    fails: AtomicBool,
}

/// What the server granted.
pub(crate) struct Granted {
    pub(crate) access_token: String,
    pub(crate) lifetime: Duration,
}

/// As long as a typical JWT.
const TOKEN_LENGTH: usize = 1024;

impl Server {
    /// A server that answers at once, with tokens that stay valid.
    pub(crate) fn quick() -> Self {
        Self::new(Duration::ZERO, Duration::from_hours(1))
    }

    /// A server whose first answer comes at once with a token of a second's life, and whose
    /// further answers take `delay`.
    pub(crate) fn slow(delay: Duration) -> Self {
        Self::new(delay, Duration::from_secs(1))
    }

    /// A server whose first answer comes at once with a token that is about to end, and whose further
    /// answers take `delay`.
    pub(crate) fn ending(delay: Duration) -> Self {
        Self::new(delay, Duration::from_secs(5))
    }

    /// The same, whose further answers are all a 503.
    pub(crate) fn failing() -> Self {
        let server = Self::ending(Duration::ZERO);
        server.fails.store(true, Ordering::SeqCst);
        server
    }

    fn new(delay: Duration, first_lifetime: Duration) -> Self {
        Self { delay, first_lifetime, requests: AtomicU64::new(0), fails: AtomicBool::new(false) }
    }

    /// Requests since the first.
    pub(crate) fn renewals(&self) -> u64 {
        self.requests.load(Ordering::SeqCst).saturating_sub(1)
    }

    /// Grants a token of a kibibyte; `None` stands for a 503.
    pub(crate) async fn grant(&self) -> Option<Granted> {
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        let lifetime = if number == 0 { self.first_lifetime } else { Duration::from_hours(1) };
        if number > 0 && !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        if number > 0 && self.fails.load(Ordering::SeqCst) {
            return None;
        }
        Some(Granted { access_token: format!("{number:0>TOKEN_LENGTH$}"), lifetime })
    }

    /// The same as the JSON of RFC 6749 §5.1.
    pub(crate) async fn grant_json(&self) -> Option<String> {
        let Granted { access_token, lifetime } = self.grant().await?;
        let secs = lifetime.as_secs();
        Some(format!(
            r#"{{"access_token":"{access_token}","token_type":"Bearer","expires_in":{secs},"ext_expires_in":{secs}}}"#
        ))
    }
}
