//! The effects that a renewal is given: clock, tasks, network, proofs, breakers. Nothing here names tokio,
//! files or HTTP, so that the same renewal runs in a simulator that breaks all of them.

use std::time::Duration;

use http::{HeaderValue, Method};
use unlapse_core::{
    Answer, BoxFuture, Breaker, Cause, Credentials, Door, Now, Rungs, Secret, SenderKeyProblem,
    Token, UnixTime,
};

/// What time it is, and waiting.
pub trait Clock: Send + Sync {
    /// Both clocks, exactly.
    fn now(&self) -> Now;

    /// The wall clock, cheaply and at most a few milliseconds behind: for the hot path.
    fn coarse(&self) -> UnixTime;

    /// Waits. Must not count time for which it was not polled as not passed.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// Starts tasks of their own, which go on when whoever started them is gone (R6).
pub trait Spawn: Send + Sync {
    /// Runs `task` to its end.
    fn spawn(&self, task: BoxFuture<'static, ()>);
}

/// A request to the authorization server.
#[derive(Clone, Copy, Debug)]
pub enum Request<'a> {
    /// Send the refresh token (RFC 6749 §6).
    Refresh {
        /// The refresh token.
        refresh_token: &'a Secret,
        /// What the record keeps beside it, such as a client secret.
        credentials: Option<&'a Credentials>,
        /// The key to prove it with (RFC 9449), of [`Exchange::sender_key`].
        sender_key: Option<&'a Secret>,
    },
    /// Log in with what the profile and the record have (R14).
    Login {
        /// What the record keeps, such as user name and password.
        credentials: Option<&'a Credentials>,
        /// The token that there is must not come back: an API has refused it (R13), or a renewal is
        /// wanted in any case. Only whoever keeps tokens for others would hand it out again.
        anew: bool,
        /// The key to prove it with (RFC 9449), of [`Exchange::sender_key`].
        sender_key: Option<&'a Secret>,
    },
}

impl<'a> Request<'a> {
    /// The key to prove it with.
    pub fn sender_key(&self) -> Option<&'a Secret> {
        match *self {
            Self::Refresh { sender_key, .. } | Self::Login { sender_key, .. } => sender_key,
        }
    }
}

/// A request that a proof of possession is about (RFC 9449 §4.2).
#[derive(Clone, Copy, Debug)]
pub struct ToProve<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Where it goes, as an absolute URL. Query and fragment are left out of the proof.
    pub url: &'a str,
    /// The access token on it; none on a request for a token.
    pub access_token: Option<&'a Secret>,
    /// The last nonce that its server gave.
    pub nonce: Option<&'a str>,
}

/// Proofs of possession (RFC 9449): the cryptography, and what it takes of time and randomness. A key
/// is a PKCS#8 document in base64, as a record keeps it.
pub trait Prover: Send + Sync {
    /// A new key.
    fn draw(&self) -> Result<Secret, SenderKeyProblem>;

    /// The name of a key (RFC 7638): whether it is one that proves.
    fn thumbprint(&self, key: &Secret) -> Result<String, SenderKeyProblem>;

    /// The value of the `DPoP` header of a request.
    fn prove(&self, key: &Secret, request: ToProve<'_>) -> Result<HeaderValue, SenderKeyProblem>;
}

/// The network: one authorization server, one profile.
pub trait Exchange: Send + Sync {
    /// The token endpoint's name, which its breaker is kept under (R16). No secret, no query.
    fn endpoint(&self) -> String;

    /// The ways to a token that this profile has, given what the record keeps.
    fn rungs(&self, credentials: Option<&Credentials>) -> Rungs;

    /// What a bare 401 means to this request.
    fn door(&self, request: &Request<'_>) -> Door;

    /// Finds out whatever has to be known before a request can be made, such as the server's
    /// metadata. No secret leaves, so that a failure here leaves no doubt (R8).
    fn prepare(&self) -> BoxFuture<'_, Result<(), Cause>> {
        Box::pin(async { Ok(()) })
    }

    /// Whether a request that was not sent for `cause` tells something of the endpoint that its breaker is
    /// kept for (R16). Yes; no, where its keys share the breaker and each has a server of its own.
    fn is_telling(&self, _: Cause) -> bool {
        true
    }

    /// The key to prove the next request for a token with (RFC 9449 §5): the one that the record
    /// keeps, or a new one. `None`: no proof is made. Asked before anything is written or sent, so
    /// that a key that does not prove costs no refresh token.
    fn sender_key(&self, kept: Option<&Secret>) -> Result<Option<Secret>, SenderKeyProblem> {
        match kept {
            // Without a proof it would be rejected, as if the login had ended.
            Some(_) => Err(SenderKeyProblem::Unsupported),
            None => Ok(None),
        }
    }

    /// A proof for a request to a resource server (RFC 9449 §7).
    fn prove(&self, _: &Secret, _: ToProve<'_>) -> Result<HeaderValue, SenderKeyProblem> {
        Err(SenderKeyProblem::Unsupported)
    }

    /// Makes the request and reads the whole answer. The caller bounds the time: dropping the
    /// future gives the request up. Must tell [`Answer::Unsent`] from [`Answer::Lost`] truly.
    fn send<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Answer>;

    /// Ends a login at the server (RFC 7009). It is given the whole token: which part of it the server
    /// wants, the refresh token or the access token, is for the exchange to know.
    fn revoke<'a>(
        &'a self,
        token: &'a Token,
        credentials: Option<&'a Credentials>,
    ) -> BoxFuture<'a, Revoked>;
}

/// What became of a revocation (RFC 7009 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "where it has failed, nothing was cleared, and the login goes on"]
#[non_exhaustive]
pub enum Revoked {
    /// The server has revoked it, or never knew it.
    Done,
    /// The server has no revocation endpoint.
    Unsupported,
    /// It could not be done now.
    Failed(Cause),
}

/// Where the breakers of token endpoints are kept: shared by every key of an endpoint (R16).
pub trait Breakers: Send + Sync {
    /// The breaker of `endpoint`; a closed one when there is none.
    fn read(&self, endpoint: &str) -> Breaker;

    /// Changes the breaker of `endpoint`, at once for everybody in this process. `change` may be asked
    /// more than once, and the last time counts. A breaker that cannot be kept protects less, and
    /// nothing else: no error.
    fn update(&self, endpoint: &str, change: &mut dyn FnMut(Breaker) -> Breaker);
}
