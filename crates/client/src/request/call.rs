//! One request, as a face sends it.

use http::{HeaderMap, StatusCode};

use super::error::RequestError;
use crate::dpop::Proven;

/// A request that is sent once, or more often where its body can be.
pub(crate) trait Call: Send {
    type Reply: Send;
    type Error: Send;

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
    Network(E),
}

impl<E> From<RequestError> for Ended<E> {
    fn from(error: RequestError) -> Self {
        Self::Because(error)
    }
}
