//! Requests for a token, proven with the key that the token is bound to (RFC 9449 §5).

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::Request as HttpRequest;
use unlapse_core::{Answer, Body, Cause, ErrorCode, Rejection, Reply, Secret, SenderKeyProblem};
use unlapse_oauth::dpop;

use crate::effects::{Prover, ToProve};
use crate::http::{Http, HttpReply, NoReply};

/// Proofs for one authorization server.
pub(crate) struct Proving {
    pub(crate) prover: Arc<dyn Prover>,
    /// The last nonce that the server gave (RFC 9449 §8.2).
    nonce: Mutex<Option<String>>,
}

impl Proving {
    pub(crate) fn new(prover: Arc<dyn Prover>) -> Self {
        Self { prover, nonce: Mutex::default() }
    }

    /// The key that is kept, if it proves; else a new one.
    pub(crate) fn key(&self, kept: Option<&Secret>) -> Result<Secret, SenderKeyProblem> {
        match kept {
            Some(kept) => self.prover.thumbprint(kept).map(|_| kept.clone()),
            None => self.prover.draw(),
        }
    }

    /// Makes the request with a proof; `read` understands what came back.
    ///
    /// A proof that lacks a fresh nonce is refused before anything is spent (RFC 9449 §8): the same
    /// request goes once more, with the nonce that came. Whoever refuses that one lacks no nonce.
    pub(crate) async fn call(
        &self,
        http: &dyn Http,
        request: HttpRequest<Bytes>,
        key: &Secret,
        read: impl Fn(Result<HttpReply, NoReply>) -> Answer,
    ) -> Answer {
        let shown = self.nonce.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let reply = self.once(http, &request, key, shown.as_deref()).await;
        let given = self.remember(&reply);
        let answer = read(reply);
        match given {
            Some(given) if wants_nonce(&answer) && shown.as_ref() != Some(&given) => {
                let reply = self.once(http, &request, key, Some(&given)).await;
                self.remember(&reply);
                read(reply)
            }
            _ => answer,
        }
    }

    async fn once(
        &self,
        http: &dyn Http,
        request: &HttpRequest<Bytes>,
        key: &Secret,
        nonce: Option<&str>,
    ) -> Result<HttpReply, NoReply> {
        let url = request.uri().to_string();
        let about = ToProve { method: request.method(), url: &url, access_token: None, nonce };
        // The key was looked at before: what fails now says nothing about it.
        let proof = self.prover.prove(key, about).map_err(|_| NoReply::Unsent(Cause::Request))?;
        let mut proven = request.clone();
        proven.headers_mut().insert(dpop::DPOP, proof);
        http.call(proven).await
    }

    /// The nonce of this reply, which the next proof has to have.
    fn remember(&self, reply: &Result<HttpReply, NoReply>) -> Option<String> {
        let given = dpop::nonce(&reply.as_ref().ok()?.headers)?.to_owned();
        *self.nonce.lock().unwrap_or_else(PoisonError::into_inner) = Some(given.clone());
        Some(given)
    }
}

/// Whether the server refused the proof for its nonce alone (RFC 9449 §8). Anything but its own word
/// in a reply of its own may come from somebody else, when the token may have been spent already.
fn wants_nonce(answer: &Answer) -> bool {
    const WANTS: Body = Body::Error(ErrorCode::Rejection(Rejection::UseDpopNonce));
    matches!(answer, Answer::Replied(Reply { status: 400 | 401, body, .. }) if *body == WANTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9449_8_a_row_for_each_answer_that_is_asked_for_again_or_not() {
        let error = |rejection| Body::Error(ErrorCode::Rejection(rejection));
        let reply =
            |status, body| Answer::Replied(Reply { status, body, retry_after: None, date: None });
        for (answer, expected) in [
            (reply(400, error(Rejection::UseDpopNonce)), true),
            (reply(401, error(Rejection::UseDpopNonce)), true),
            (reply(503, error(Rejection::UseDpopNonce)), false),
            (reply(200, error(Rejection::UseDpopNonce)), false),
            (reply(400, error(Rejection::InvalidDpopProof)), false),
            (reply(400, error(Rejection::InvalidGrant)), false),
            (reply(400, Body::Html), false),
            (Answer::Unsent(Cause::Connect), false),
            (Answer::Lost(Cause::Broken), false),
        ] {
            assert_eq!(wants_nonce(&answer), expected, "{answer:?}");
        }
    }
}
