//! What stands between the network and the issuer of a row, and what it has seen.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use unlapse_core::{Now, Secret};

use crate::commands::embedded::{Fault, Gate};

/// Faults, and the tokens that were given out.
pub(super) struct Desk {
    state: Mutex<State>,
    requests: watch::Sender<u64>,
    /// How far the server's clock is ahead, in milliseconds.
    ahead: i64,
}

struct State {
    /// For requests for which nothing is queued.
    usual: Fault,
    queue: VecDeque<Fault>,
    access: Vec<Granted>,
    refresh: Vec<Secret>,
}

/// An access token that was given out.
#[derive(Clone)]
pub(super) struct Granted {
    pub(super) token: Secret,
    pub(super) at: Now,
}

/// The members of a grant that are of interest.
#[derive(serde::Deserialize)]
struct Grant {
    access_token: Option<String>,
    refresh_token: Option<String>,
}

impl Desk {
    pub(super) fn new(ahead: i64) -> Self {
        let state = State {
            usual: Fault::None,
            queue: VecDeque::new(),
            access: Vec::new(),
            refresh: Vec::new(),
        };
        Self { state: Mutex::new(state), requests: watch::Sender::default(), ahead }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does this to every request from now on for which nothing is queued.
    pub(super) fn usual(&self, fault: Fault) {
        let mut state = self.state();
        state.usual = fault;
        state.queue.clear();
    }

    /// Does this to the next request.
    pub(super) fn next(&self, fault: Fault) {
        self.state().queue.push_back(fault);
    }

    /// Requests for a token so far.
    pub(super) fn requests(&self) -> u64 {
        *self.requests.borrow()
    }

    /// Waits until there were so many requests.
    pub(super) async fn until_requests(&self, count: u64) {
        let mut requests = self.requests.subscribe();
        // The sender lives as long as we do.
        let _ = requests.wait_for(|seen| *seen >= count).await;
    }

    /// A request that was turned away before it was read.
    pub(super) fn turned_away(&self) {
        self.requests.send_modify(|count| *count += 1);
    }

    /// A refresh token of a login that was made elsewhere.
    pub(super) fn remember(&self, refresh_token: Secret) {
        self.state().refresh.push(refresh_token);
    }

    /// Whether `text` has a refresh token of this row in it.
    pub(super) fn has_refresh_token(&self, text: &str) -> bool {
        self.state().refresh.iter().any(|token| text.contains(token.expose()))
    }

    /// The access tokens of this row that `text` has in it.
    pub(super) fn access_tokens_in(&self, text: &str) -> Vec<Granted> {
        let state = self.state();
        let found = state.access.iter().filter(|granted| text.contains(granted.token.expose()));
        found.cloned().collect()
    }

    /// How long ago the last token was given out.
    pub(super) fn since_the_last(&self) -> Option<Duration> {
        let now = unlapse::tokio::system_now();
        self.state().access.last().map(|granted| now.since(&granted.at))
    }
}

impl Gate for Desk {
    fn fault(&self) -> Fault {
        let fault = {
            let mut state = self.state();
            let usual = state.usual;
            state.queue.pop_front().unwrap_or(usual)
        };
        self.requests.send_modify(|count| *count += 1);
        fault
    }

    fn answered(&self, body: &[u8]) {
        let Ok(Grant { access_token, refresh_token }) = serde_json::from_slice(body) else {
            return;
        };
        let at = unlapse::tokio::system_now();
        let mut state = self.state();
        state.access.extend(access_token.map(|token| Granted { token: token.into(), at }));
        state.refresh.extend(refresh_token.map(Secret::from));
    }

    fn clock_ahead(&self) -> i64 {
        self.ahead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_queued_goes_before_the_usual_and_every_request_counts() {
        let desk = Desk::new(0);
        desk.usual(Fault::Unavailable);
        desk.next(Fault::LostReply);
        let faults = [desk.fault(), desk.fault()];
        assert_eq!((faults, desk.requests()), ([Fault::LostReply, Fault::Unavailable], 2));
        desk.next(Fault::Hang);
        desk.usual(Fault::None);
        assert_eq!(desk.fault(), Fault::None, "a new usual ends the queue");
    }

    #[test]
    fn r18_it_knows_every_token_that_was_given_out() {
        let desk = Desk::new(0);
        desk.answered(br#"{"access_token":"at-1","refresh_token":"rt-1"}"#);
        desk.answered(br#"{"error":"invalid_grant"}"#);
        desk.answered(b"no JSON");
        assert!(desk.has_refresh_token("got rt-1!") && !desk.has_refresh_token("got at-1"));
        assert_eq!(desk.access_tokens_in("Bearer at-1\n").len(), 1);
        assert!(desk.access_tokens_in("at-2").is_empty());
    }
}
