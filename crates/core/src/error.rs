//! What can go wrong, in small enums that carry no secret.
//!
//! Each has a stable [`code`](Error::code), which is a heading of `docs/troubleshooting.md`.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::key::Key;
use crate::record::LoginReason;
use crate::store::Holder;
use crate::time::UnixTime;

/// Why a caller got no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Only a new login helps (R9, R14).
    #[error("{key} needs a login: {}", reason.describe())]
    NeedsLogin {
        /// The credential.
        key: Key,
        /// Why.
        reason: LoginReason,
    },
    /// The server gave no verdict; the login is alive (R8, R15).
    #[error("the token of {key} could not be renewed: {cause}")]
    Temporary {
        /// The credential.
        key: Key,
        /// What happened.
        cause: Cause,
        /// Requests that were made.
        attempts: u32,
        /// Asking before then is useless.
        retry_at: Option<UnixTime>,
    },
    /// The breaker of the token endpoint is open (R16).
    #[error("{endpoint} failed too often and is not asked before {until}")]
    BreakerOpen {
        /// The token endpoint, without its query.
        endpoint: String,
        /// When it is tried again.
        until: UnixTime,
    },
    /// The refresh token was sent and what became of it is not known (R7).
    #[error("the outcome of {key}'s renewal is not known: {cause}")]
    OutcomeUnknown {
        /// The credential.
        key: Key,
        /// How the answer was lost.
        cause: Cause,
    },
    /// The server rejects the client or the request, not the login (R9).
    #[error("the server rejects the client of {key}: {rejection}")]
    ClientRejected {
        /// The credential.
        key: Key,
        /// The server's word.
        rejection: Rejection,
    },
    /// The key that the token is bound to, or a proof with it, is not to be had (RFC 9449).
    #[error("no DPoP proof can be made for {key}: {problem}")]
    SenderKey {
        /// The credential.
        key: Key,
        /// Why.
        problem: SenderKeyProblem,
    },
    /// The granted token breaks a rule of the profile (C8).
    #[error("the token granted for {key} is refused: {rule}")]
    RuleBroken {
        /// The credential.
        key: Key,
        /// Which rule.
        rule: RuleBroken,
    },
    /// The record could not be read, locked or written.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The caller's own deadline passed. The renewal goes on (R6).
    #[error("no token for {key} within {waited:?}; its renewal goes on")]
    Deadline {
        /// The credential.
        key: Key,
        /// How long the caller waited.
        waited: Duration,
    },
}

impl Error {
    /// The stable name of this error, a heading of the troubleshooting page.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NeedsLogin { reason: LoginReason::RotationLost, .. } => "rotation_lost",
            Self::NeedsLogin { .. } => "login_needed",
            Self::Temporary { cause: Cause::Status(429), .. } => "rate_limited",
            Self::Temporary { .. } => "temporary_failure",
            Self::BreakerOpen { .. } => "breaker_open",
            Self::OutcomeUnknown { .. } => "outcome_unknown",
            Self::ClientRejected { rejection, .. } if rejection.is_of_proof() => "dpop_rejected",
            Self::ClientRejected { .. } => "client_rejected",
            Self::SenderKey { .. } => "sender_key",
            Self::RuleBroken { .. } => "token_rule_broken",
            Self::Store(error) => error.code(),
            Self::Deadline { .. } => "deadline",
        }
    }

    /// Whether the same call may succeed later without anybody doing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Temporary { .. }
            | Self::BreakerOpen { .. }
            | Self::OutcomeUnknown { .. }
            | Self::Deadline { .. } => true,
            Self::Store(error) => error.is_retryable(),
            Self::NeedsLogin { .. }
            | Self::ClientRejected { .. }
            | Self::SenderKey { .. }
            | Self::RuleBroken { .. } => false,
        }
    }

    /// Whether a person has to log in again.
    pub fn needs_login(&self) -> bool {
        matches!(self, Self::NeedsLogin { .. })
    }

    /// The time before which asking again is useless, where it is known.
    pub fn retry_at(&self) -> Option<UnixTime> {
        match self {
            Self::Temporary { retry_at, .. } => *retry_at,
            Self::BreakerOpen { until, .. } => Some(*until),
            _ => None,
        }
    }
}

/// What a request that brought no verdict ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// An HTTP status that is no verdict.
    #[error("the server answered {0}")]
    Status(u16),
    /// HTML where JSON was due: a firewall, a proxy or a login page of somebody else.
    #[error("something between here and the server answered {0} with a web page")]
    Html(u16),
    /// A reply that is no token reply.
    #[error("the server answered {0} with something that is no token reply")]
    Unreadable(u16),
    /// A reply beyond the size limit.
    #[error("the server's reply is larger than 1 MiB")]
    TooLarge,
    /// No connection could be made.
    #[error("no connection to the server could be made")]
    Connect,
    /// The answer did not arrive in time.
    #[error("the server did not answer in time")]
    Timeout,
    /// The connection broke before the answer was whole.
    #[error("the connection broke before the answer arrived")]
    Broken,
    /// The granted token breaks a rule of the profile.
    #[error("the granted token breaks a rule of the profile")]
    Rule,
    /// The process that was renewing ended.
    #[error("the renewal was interrupted")]
    Interrupted,
    /// The server rejected the client.
    #[error("the server rejected the client")]
    Client,
    /// The profile's request could not be made at all.
    #[error("the request could not be built from the profile")]
    Request,
    /// The request would have gone to a host that whoever named it may not have asked: nothing left.
    #[error("the host is none that may be asked")]
    Host,
}

/// A structured verdict of the server against a request (RFC 6749 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rejection {
    /// `invalid_grant`: the refresh token, code or password is not good.
    #[error("invalid_grant")]
    InvalidGrant,
    /// `invalid_grant`, and a code that says why: the refresh token was used before (RFC 9700
    /// §4.14.2).
    #[error("invalid_grant: the refresh token was used before")]
    RefreshTokenReused,
    /// `invalid_client`: the client is unknown or could not prove itself.
    #[error("invalid_client")]
    InvalidClient,
    /// `unauthorized_client`: the client may not use this grant.
    #[error("unauthorized_client")]
    UnauthorizedClient,
    /// `invalid_request`: something is missing or malformed.
    #[error("invalid_request")]
    InvalidRequest,
    /// `unsupported_grant_type`.
    #[error("unsupported_grant_type")]
    UnsupportedGrantType,
    /// `invalid_scope`.
    #[error("invalid_scope")]
    InvalidScope,
    /// `access_denied`.
    #[error("access_denied")]
    AccessDenied,
    /// `invalid_dpop_proof`: the proof of possession is not good (RFC 9449 §5).
    #[error("invalid_dpop_proof")]
    InvalidDpopProof,
    /// `use_dpop_nonce`: the proof lacks a nonce of the server's, or a fresh one (RFC 9449 §8).
    #[error("use_dpop_nonce")]
    UseDpopNonce,
    /// A structured error that the RFC does not name.
    #[error("an OAuth error that RFC 6749 does not name")]
    Other,
}

impl Rejection {
    /// Whether the *login* was rejected, rather than the client or the request (R9).
    pub fn ends_login(self) -> bool {
        matches!(self, Self::InvalidGrant | Self::RefreshTokenReused)
    }

    /// Whether the proof of possession was rejected (RFC 9449): nothing was spent.
    pub fn is_of_proof(self) -> bool {
        matches!(self, Self::InvalidDpopProof | Self::UseDpopNonce)
    }
}

/// Why a request cannot be proven with the key that its token is bound to (RFC 9449).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SenderKeyProblem {
    /// What is kept as the key is none that can be used.
    #[error("the key that the token is bound to cannot be read")]
    Unusable,
    /// The token is bound to a key that is not kept with it.
    #[error("the token is bound to a key that is not kept here")]
    Missing,
    /// No key could be drawn or used: the system has no randomness to give.
    #[error("the system gives no randomness")]
    Randomness,
    /// The request to prove has no absolute `http` or `https` URL.
    #[error("the request's URL is no absolute http or https URL")]
    Target,
    /// The nonce has characters that RFC 9449 §8.1 does not allow.
    #[error("the nonce is none that RFC 9449 allows")]
    Nonce,
    /// Logins are bound to keys, and nothing here makes proofs.
    #[error("the login is bound to a key, and nothing here makes proofs with it")]
    Unsupported,
}

/// A rule of the profile that a granted token breaks (C8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RuleBroken {
    /// `algorithms` is set and the token is no JWT of three parts.
    #[error("`algorithms` demands a JWT of three parts")]
    NotAJwt,
    /// Its `alg` is not in the list.
    #[error("its `alg` is not in `algorithms`")]
    Algorithm,
    /// Its `iat` is later than now, beyond the skew.
    #[error("its `iat` lies in the future, beyond `skew`")]
    IssuedInTheFuture,
    /// Its `exp` has passed, beyond the skew.
    #[error("its `exp` has passed already, beyond `skew`")]
    AlreadyExpired,
    /// It lives longer than `max_lifetime`.
    #[error("it lives longer than `max_lifetime`")]
    Lifetime,
    /// It has characters that a header cannot carry (RFC 9110 §5.5).
    #[error("it has characters that a header cannot carry")]
    Unsendable,
    /// The server granted a refresh token, and no access token that could be found.
    #[error("the server's reply has a refresh token and no access token")]
    NoAccessToken,
    /// `dpop` is set and the token's type is not `DPoP` (RFC 9449 §5).
    #[error("`dpop` demands a token of the type `DPoP`")]
    NotSenderConstrained,
    /// `max_lifetime` is set and the token names no end.
    #[error("`max_lifetime` is set and the token names no end")]
    NoExpiry,
}

/// Why a store could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Somebody else held the lease for all of the wait (C6).
    #[error("the lease on {key} is held by {}", holder.as_ref().map_or_else(|| "another process".to_owned(), ToString::to_string))]
    Busy {
        /// The credential.
        key: Key,
        /// Who holds it, where the store can tell.
        holder: Option<Holder>,
    },
    /// The lease was lost: somebody else may have renewed meanwhile (R19).
    #[error("the lease was lost before the record could be saved")]
    Fenced,
    /// No room: disk, quota or file-size limit.
    #[error("no room left to write {place}")]
    Full {
        /// What was to be written.
        place: String,
    },
    /// The place cannot be written to.
    #[error("{place} cannot be written to")]
    ReadOnly {
        /// What was to be written.
        place: String,
    },
    /// What was stored cannot be used and was set aside (C3, C4).
    #[error("the record of {key} is damaged ({damage}){}", kept.as_ref().map_or_else(String::new, |kept| format!(" and was set aside as {kept}")))]
    Damaged {
        /// The credential.
        key: Key,
        /// What is wrong with it.
        damage: Damage,
        /// Where it is kept for `doctor`; `None` when it could not be moved.
        kept: Option<String>,
    },
    /// The sealing key is not to be had: a missing or wrong passphrase, an unreadable key file.
    #[error("the sealing key is not to be had: {0}")]
    Custody(CustodyError),
    /// The record is larger than a store takes (64 KiB).
    #[error("the record is larger than 64 KiB")]
    TooLarge,
    /// Anything else that the system said.
    #[error("{place}: {kind}")]
    Io {
        /// What was being done.
        place: String,
        /// The system's word.
        kind: std::io::ErrorKind,
    },
}

impl StoreError {
    /// The stable name of this error, a heading of the troubleshooting page.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Busy { .. } => "lease_busy",
            Self::Fenced => "lease_lost",
            Self::Full { .. } => "store_full",
            Self::ReadOnly { .. } => "store_read_only",
            Self::Damaged { .. } => "store_damaged",
            Self::Custody(CustodyError::KeyWrong) => "custody_key_wrong",
            Self::Custody(_) => "custody_unavailable",
            Self::TooLarge => "record_too_large",
            Self::Io { .. } => "store_unavailable",
        }
    }

    /// Whether the same call may succeed later without anybody doing anything.
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::Damaged { .. } | Self::Custody(_) | Self::TooLarge)
    }
}

/// What is wrong with a stored record (C3, C4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// Nothing in it.
    #[error("it is empty")]
    Empty,
    /// Beyond 64 KiB.
    #[error("it is larger than 64 KiB")]
    Oversized,
    /// It ends too early or does not read.
    #[error("it is truncated or corrupt")]
    Corrupt,
    /// Written by a later version.
    #[error("it is of a newer format")]
    NewerFormat,
    /// Something that every record has is missing.
    #[error("it lacks a field that every record has")]
    MissingField,
    /// The seal does not open: altered, another project's, or another key's.
    #[error("its seal does not open: it was altered, or belongs to another project or key")]
    Undecryptable,
    /// Others could read or write it.
    #[error("others could read or change it")]
    Exposed,
    /// Not a regular file of ours.
    #[error("it is no regular file of this user")]
    NotAFile,
}

/// Why there is no sealing key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CustodyError {
    /// A passphrase is needed and was not given.
    #[error("a passphrase is needed")]
    PassphraseNeeded,
    /// The passphrase is not the one the record was sealed with.
    #[error("the passphrase is wrong")]
    PassphraseWrong,
    /// The key is another one than the record was sealed with: a forgotten `UNLAPSE_HOME`, a key file
    /// from another backup, another machine's identity. The record may be as good as it was.
    #[error("the sealing key is not the one that the record was sealed with")]
    KeyWrong,
    /// The key file cannot be read, is too open or holds no key.
    #[error("the key file {path} {problem}")]
    KeyFile {
        /// Its path.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The machine has no identity to derive a key from.
    #[error("this machine has no identity (/etc/machine-id)")]
    NoMachineIdentity,
    /// The parameters of the derivation are out of range.
    #[error("the derivation's parameters are out of range")]
    Derivation,
}
