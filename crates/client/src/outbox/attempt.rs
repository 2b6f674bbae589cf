//! One attempt to send a request.

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Request, StatusCode};
use unlapse_core::outbox::{Outcome, TokenTrouble};
use unlapse_core::{Cause, Error, retry};

use super::builder::Inner;
use super::message::IDEMPOTENT_REPLAYED;
use crate::authorize::Authorized;
use crate::dpop::{self, wanted_nonce};
use crate::http::{HttpHead, HttpReply, NoReply};
use crate::source::TokenSource;

impl Inner {
    /// Sends the request, which is `authorized`. A 401 is answered with a proof that has the nonce that the
    /// server wants, or with another token, once each (R13): neither was acted upon.
    pub(super) async fn send(
        &self,
        source: &TokenSource,
        mut request: Request<Bytes>,
        mut authorized: Authorized,
    ) -> (Outcome, Option<HttpReply>) {
        let (mut nonce, mut is_proven_again, mut is_renewed) = (None, false, false);
        loop {
            let reply = match self.call(request.clone()).await {
                Ok(reply) => reply,
                Err(NoReply::Unsent(cause)) => return (Outcome::Unsent(cause), None),
                Err(NoReply::Lost(cause)) => return (Outcome::Lost(cause), None),
            };
            if reply.status != StatusCode::UNAUTHORIZED {
                return (self.replied(&reply), Some(reply));
            }
            // Whatever is proven next has to have the last nonce (RFC 9449 §8.2).
            nonce = dpop::nonce(&reply.headers).map(str::to_owned).or(nonce);
            if wanted_nonce(reply.status, &reply.headers).is_some() && !is_proven_again {
                is_proven_again = true;
            } else if !is_renewed {
                is_renewed = true;
                if let Err(error) = source.reject(authorized.generation).await {
                    return (no_token(&error), None);
                }
            } else {
                return (self.replied(&reply), Some(reply));
            }
            match source.authorize_with(&mut request, nonce.as_deref()).await {
                Ok(again) => authorized = again,
                Err(error) => return (no_token(&error), None),
            }
        }
    }

    /// Once the server has answered, its answer counts: a body that breaks off, or is not over in time,
    /// is left out.
    async fn call(&self, request: Request<Bytes>) -> Result<HttpReply, NoReply> {
        let mut late = self.clock.sleep(self.policy.deadline);
        let HttpHead { status, headers, body } = tokio::select! {
            biased;
            head = self.http.begin(request) => head?,
            () = &mut late => return Err(NoReply::Lost(Cause::Timeout)),
        };
        let body = tokio::select! {
            biased;
            body = body => body.ok().flatten(),
            () = &mut late => None,
        };
        Ok(HttpReply { status, headers, body })
    }

    fn replied(&self, reply: &HttpReply) -> Outcome {
        let text = |name| reply.headers.get(name).and_then(|value| value.to_str().ok());
        let retry_after = text(RETRY_AFTER);
        let now = self.clock.now().wall;
        Outcome::Replied {
            status: reply.status.as_u16(),
            retry_after: retry_after.and_then(|value| retry::retry_after(value, now)),
            is_replayed: text(IDEMPOTENT_REPLAYED)
                .is_some_and(|it| it.eq_ignore_ascii_case("true")),
        }
    }
}

/// Why there is no token, as far as the line is concerned.
pub(super) fn no_token(error: &Error) -> Outcome {
    let trouble = match error {
        Error::NeedsLogin { .. } => TokenTrouble::LoginNeeded,
        error if error.is_retryable() => TokenTrouble::Away,
        _ => TokenTrouble::Denied,
    };
    Outcome::NoToken { trouble, retry_at: error.retry_at() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use unlapse_core::{Key, LoginReason, Rejection, StoreError, UnixTime};

    use super::*;

    #[test]
    fn k12_a_row_for_each_way_to_have_no_token() {
        let key = || Key::new("acme");
        let until = UnixTime::from_secs(9);
        let rows = [
            (
                Error::NeedsLogin { key: key(), reason: LoginReason::RotationLost },
                (TokenTrouble::LoginNeeded, None),
            ),
            (
                Error::BreakerOpen { endpoint: "e".to_owned(), until },
                (TokenTrouble::Away, Some(until)),
            ),
            (Error::Deadline { key: key(), waited: Duration::ZERO }, (TokenTrouble::Away, None)),
            (
                Error::OutcomeUnknown { key: key(), cause: Cause::Broken },
                (TokenTrouble::Away, None),
            ),
            (
                Error::ClientRejected { key: key(), rejection: Rejection::InvalidClient },
                (TokenTrouble::Denied, None),
            ),
            (Error::Store(StoreError::Fenced), (TokenTrouble::Away, None)),
            (Error::Store(StoreError::TooLarge), (TokenTrouble::Denied, None)),
        ];
        for (error, (trouble, retry_at)) in rows {
            assert_eq!(no_token(&error), Outcome::NoToken { trouble, retry_at }, "{error}");
        }
    }
}
