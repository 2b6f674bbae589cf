//! One request, as a face sends it.

use http::{HeaderMap, StatusCode};

use super::error::{BoxError, RequestError};
use super::origin::Origin;
use crate::dpop::Proven;

/// A request that is sent once, or more often where its body can be.
pub(crate) trait Call: Send {
    type Reply: Send;
    type Error: Into<BoxError> + Send;

    /// Whether it can be sent once more.
    fn can_repeat(&self) -> bool;

    /// Sends it with these credentials, and waits for the head of the answer. Must tell truly whether
    /// one without an answer may have arrived.
    fn send(
        &mut self,
        proven: &Proven,
    ) -> impl Future<Output = Result<Self::Reply, (Fault, Self::Error)>> + Send;

    /// The head of an answer.
    fn head(reply: &Self::Reply) -> (StatusCode, &HeaderMap);
}

/// Where a request without an answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It surely never arrived.
    Unsent,
    /// It may have.
    Lost,
    /// Somebody on this side of the network refused it.
    Refused,
}

/// A request that brought no answer for its caller.
#[derive(Debug)]
pub(crate) enum Ended<E> {
    Because(RequestError),
    /// The error of the face's own client, which knows best what to say of it.
    Network(Fault, E),
}

impl<E: Into<BoxError>> Ended<E> {
    /// The same of a request that may have been done by an earlier try, so that none is told that surely
    /// nothing was sent.
    pub(crate) fn in_doubt(self, origin: &Origin) -> Self {
        let last = match self {
            Self::Because(error) => error,
            // This tells it already.
            Self::Network(Fault::Lost, _) => return self,
            Self::Network(fault, error) => RequestError::of(fault, origin.clone(), error.into()),
        };
        if last.was_sent() && last.is_network() {
            return Self::Because(last);
        }
        Self::Because(RequestError::InDoubt { origin: origin.clone(), last: Box::new(last) })
    }
}

impl<E> From<RequestError> for Ended<E> {
    fn from(error: RequestError) -> Self {
        Self::Because(error)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use unlapse_core::{Error, Key, LoginReason, UnixTime};

    use super::super::error::WaitingFor;
    use super::super::refusal::Refusal;
    use super::*;

    fn origin() -> Origin {
        "https://api.example".parse().expect("an origin")
    }

    fn in_doubt(error: RequestError) -> RequestError {
        match Ended::<BoxError>::Because(error).in_doubt(&origin()) {
            Ended::Because(error) => error,
            Ended::Network(..) => panic!("it was an error of ours"),
        }
    }

    #[test]
    fn r8_a_row_for_each_end_of_a_request_that_an_earlier_try_may_have_done() {
        let waited = Duration::from_secs(1);
        let until = UnixTime::from_secs(1);
        let late = |waiting_for| RequestError::Deadline { origin: origin(), waited, waiting_for };
        for error in [
            RequestError::Away { origin: origin(), until },
            RequestError::Busy { origin: origin(), waited },
            late(WaitingFor::Token),
            late(WaitingFor::Place),
            RequestError::Unauthorized { origin: origin(), refusal: Refusal::default() },
            Error::NeedsLogin { key: Key::new("acme"), reason: LoginReason::RefreshRejected }
                .into(),
        ] {
            let answers =
                |error: &RequestError| (error.retry_at(), error.needs_login(), error.is_network());
            let before = answers(&error);
            assert!(!error.was_sent(), "{error}");
            let after = in_doubt(error);
            assert!(after.was_sent(), "{after}");
            assert_eq!(after.code(), "api_reply_lost", "{after}");
            assert_eq!(answers(&after), before, "{after}");
        }
        let answer = in_doubt(late(WaitingFor::Answer));
        assert!(matches!(answer, RequestError::Deadline { .. }), "{answer} says so itself");
    }

    #[test]
    fn r8_a_row_for_each_fault_after_a_try_that_may_have_been_done() {
        for (fault, is_ours) in
            [(Fault::Unsent, true), (Fault::Refused, true), (Fault::Lost, false)]
        {
            let ended = Ended::Network(fault, BoxError::from("refused")).in_doubt(&origin());
            match ended {
                Ended::Because(error) => assert!(is_ours && error.was_sent(), "{error}"),
                Ended::Network(left, _) => assert!(!is_ours && left == fault, "{fault:?}"),
            }
        }
    }
}
