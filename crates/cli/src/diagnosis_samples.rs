//! One error of every kind, for the tests of what is said about them.

use core::time::Duration;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use unlapse_core::{
    Cause, CustodyError, Damage, Error, Holder, Key, LoginReason, Rejection, RuleBroken,
    SenderKeyProblem, StoreError, UnixTime,
};

use crate::config::{ConfigError, Origin};

/// Every kind of [`Error`].
pub(crate) fn errors() -> Vec<Error> {
    let key = || Key::new("acme");
    let until = UnixTime::from_secs(1_900_000_000);
    let mut errors = vec![
        Error::BreakerOpen { endpoint: "https://login.example/token".to_owned(), until },
        Error::ClientRejected { key: key(), rejection: Rejection::InvalidClient },
        Error::ClientRejected { key: key(), rejection: Rejection::UseDpopNonce },
        Error::RuleBroken { key: key(), rule: RuleBroken::NotSenderConstrained },
        Error::RuleBroken { key: key(), rule: RuleBroken::Algorithm },
        Error::RuleBroken { key: key(), rule: RuleBroken::Unsendable },
        Error::RuleBroken { key: key(), rule: RuleBroken::NoAccessToken },
        Error::OutcomeUnknown { key: key(), cause: Cause::Broken },
        Error::Deadline { key: key(), waited: Duration::from_mins(1) },
    ];
    errors.extend(
        [
            SenderKeyProblem::Unusable,
            SenderKeyProblem::Missing,
            SenderKeyProblem::Randomness,
            SenderKeyProblem::Target,
            SenderKeyProblem::Nonce,
            SenderKeyProblem::Unsupported,
        ]
        .map(|problem| Error::SenderKey { key: key(), problem }),
    );
    errors.extend(
        [
            LoginReason::NeverLoggedIn,
            LoginReason::RefreshRejected,
            LoginReason::RotationLost,
            LoginReason::CredentialsRejected,
            LoginReason::RefreshExpired,
            LoginReason::NoRefreshToken,
            LoginReason::ReuseDetected,
            LoginReason::Revoked,
        ]
        .map(|reason| Error::NeedsLogin { key: key(), reason }),
    );
    errors.extend(
        [
            Cause::Status(503),
            Cause::Status(429),
            Cause::Html(403),
            Cause::Unreadable(200),
            Cause::TooLarge,
            Cause::Connect,
            Cause::Timeout,
            Cause::Broken,
            Cause::Rule,
            Cause::Interrupted,
            Cause::Client,
            Cause::Request,
            Cause::Host,
        ]
        .map(|cause| Error::Temporary {
            key: key(),
            cause,
            attempts: 3,
            retry_at: Some(until),
        }),
    );
    errors.extend(store_errors().into_iter().map(Error::Store));
    errors
}

fn store_errors() -> Vec<StoreError> {
    let key = || Key::new("acme");
    let place = || "/p/.unlapse/acme.token".to_owned();
    let mut errors = vec![
        StoreError::Busy { key: key(), holder: None },
        StoreError::Busy { key: key(), holder: Some(Holder { pid: 41, host: "h".to_owned() }) },
        StoreError::Fenced,
        StoreError::Full { place: place() },
        StoreError::ReadOnly { place: place() },
        StoreError::TooLarge,
        StoreError::Io { place: place(), kind: ErrorKind::Other },
    ];
    errors.extend(
        [
            Damage::Empty,
            Damage::Oversized,
            Damage::Corrupt,
            Damage::NewerFormat,
            Damage::MissingField,
            Damage::Undecryptable,
            Damage::Exposed,
            Damage::NotAFile,
        ]
        .map(|damage| StoreError::Damaged { key: key(), damage, kept: Some(place()) }),
    );
    errors.extend(
        [
            CustodyError::PassphraseNeeded,
            CustodyError::PassphraseWrong,
            CustodyError::KeyWrong,
            CustodyError::KeyFile { path: place(), problem: "is empty".to_owned() },
            CustodyError::NoMachineIdentity,
            CustodyError::Derivation,
        ]
        .map(StoreError::Custody),
    );
    errors
}

/// Every kind of [`ConfigError`].
pub(crate) fn config_errors() -> Vec<ConfigError> {
    let path = || PathBuf::from("/p/.unlapse/config.toml");
    let at = || Origin::File { path: Arc::from(Path::new("/p/.unlapse/config.toml")), line: 3 };
    let bad = |at, nearest: Option<&str>| ConfigError::BadValue {
        key: "profile.acme.grant".to_owned(),
        at,
        allowed: "`a` or `b`".to_owned(),
        nearest: nearest.map(str::to_owned),
    };
    let unknown_profile = |nearest: Option<&str>, known: &[&str]| ConfigError::UnknownProfile {
        name: "acne".to_owned(),
        nearest: nearest.map(str::to_owned),
        known: known.iter().map(|name| (*name).to_owned()).collect(),
    };
    let missing = |key| ConfigError::MissingKey {
        profile: "acme".to_owned(),
        key,
        needed_by: "the grant `password`",
        at: at(),
    };
    vec![
        ConfigError::Syntax { path: path(), line: 1, column: 2, message: "expected".to_owned() },
        ConfigError::UnknownKey {
            key: "profile.acme.skwe".to_owned(),
            at: at(),
            nearest: Some("skew".to_owned()),
        },
        ConfigError::UnknownKey { key: "x".to_owned(), at: at(), nearest: None },
        bad(at(), Some("a")),
        bad(at(), None),
        bad(Origin::Variable("UNLAPSE_ATTEMPTS".to_owned()), None),
        bad(Origin::Flag("--attempts"), None),
        missing("username"),
        missing("login_endpoint.url"),
        ConfigError::SecretInFile {
            key: "profile.acme.password".to_owned(),
            at: at(),
            instead: "pipe it into `unlapse login PROFILE --password-stdin`",
        },
        unknown_profile(Some("acme"), &["acme"]),
        unknown_profile(None, &["other"]),
        unknown_profile(None, &[]),
        ConfigError::Unreadable { path: path(), problem: "is a directory".to_owned() },
        ConfigError::Untrusted { path: path(), problem: "belongs to another user" },
        ConfigError::NoProfile { known: Vec::new() },
        ConfigError::NoProfile { known: vec!["acme".to_owned(), "beta".to_owned()] },
        ConfigError::NoHome,
    ]
}
