//! What is said to people and to other programs: codes, sentences, names.
#![allow(missing_docs, reason = "the names of the tests say what they prove")]

use core::time::Duration;
use std::collections::BTreeSet;

use unlapse_core::{
    Cause, CustodyError, Damage, Error, Holder, JwtLook, Key, LoginReason, Rejection, Reuse,
    RuleBroken, SenderKeyProblem, StoreError, UnixTime,
};

const AT: UnixTime = UnixTime::from_secs(784_111_777);

/// Every error with its code, whether asking again may help, whether a person must, and until when
/// it is useless.
fn errors() -> Vec<(Error, &'static str, bool, bool, Option<UnixTime>)> {
    let key = || Key::new("acme");
    let login = |reason| Error::NeedsLogin { key: key(), reason };
    let temporary = |cause, retry_at| Error::Temporary { key: key(), cause, attempts: 3, retry_at };
    let store = |error| Error::Store(error);
    let place = || "the file".to_owned();
    let holder = Some(Holder { pid: 7, host: "here".to_owned() });
    let damage = Damage::Corrupt;
    let custody = StoreError::Custody(CustodyError::PassphraseWrong);
    let io = StoreError::Io { place: place(), kind: std::io::ErrorKind::TimedOut };
    vec![
        (login(LoginReason::RotationLost), "rotation_lost", false, true, None),
        (login(LoginReason::RefreshRejected), "login_needed", false, true, None),
        (temporary(Cause::Status(429), Some(AT)), "rate_limited", true, false, Some(AT)),
        (temporary(Cause::Timeout, None), "temporary_failure", true, false, None),
        (
            Error::BreakerOpen { endpoint: "https://as.example/token".to_owned(), until: AT },
            "breaker_open",
            true,
            false,
            Some(AT),
        ),
        (
            Error::OutcomeUnknown { key: key(), cause: Cause::Broken },
            "outcome_unknown",
            true,
            false,
            None,
        ),
        (
            Error::ClientRejected { key: key(), rejection: Rejection::InvalidClient },
            "client_rejected",
            false,
            false,
            None,
        ),
        (
            Error::ClientRejected { key: key(), rejection: Rejection::UseDpopNonce },
            "dpop_rejected",
            false,
            false,
            None,
        ),
        (
            Error::SenderKey { key: key(), problem: SenderKeyProblem::Missing },
            "sender_key",
            false,
            false,
            None,
        ),
        (
            Error::RuleBroken { key: key(), rule: RuleBroken::Lifetime },
            "token_rule_broken",
            false,
            false,
            None,
        ),
        (
            Error::Deadline { key: key(), waited: Duration::from_secs(60) },
            "deadline",
            true,
            false,
            None,
        ),
        (store(StoreError::Busy { key: key(), holder }), "lease_busy", true, false, None),
        (store(StoreError::Fenced), "lease_lost", true, false, None),
        (store(StoreError::Full { place: place() }), "store_full", true, false, None),
        (store(StoreError::ReadOnly { place: place() }), "store_read_only", true, false, None),
        (
            store(StoreError::Damaged { key: key(), damage, kept: Some(place()) }),
            "store_damaged",
            false,
            false,
            None,
        ),
        (store(custody), "custody_unavailable", false, false, None),
        (store(StoreError::TooLarge), "record_too_large", false, false, None),
        (store(io), "store_unavailable", true, false, None),
    ]
}

#[test]
fn c17_a_row_for_each_error() {
    for (error, code, retryable, needs_login, retry_at) in errors() {
        assert_eq!(error.code(), code);
        assert_eq!(error.is_retryable(), retryable, "{code}");
        assert_eq!(error.needs_login(), needs_login, "{code}");
        assert_eq!(error.retry_at(), retry_at, "{code}");
    }
}

#[test]
fn c17_every_code_and_every_sentence_is_one_of_its_own() {
    let errors = errors();
    let codes: BTreeSet<_> = errors.iter().map(|(_, code, ..)| *code).collect();
    let sentences: BTreeSet<_> = errors.iter().map(|(error, ..)| error.to_string()).collect();
    assert_eq!((codes.len(), sentences.len()), (errors.len(), errors.len()));
}

#[test]
fn c6_a_busy_lease_names_its_holder() {
    let busy = |holder| StoreError::Busy { key: Key::new("acme"), holder }.to_string();
    let holder = Holder { pid: 7, host: "here".to_owned() };
    assert_eq!(busy(Some(holder)), "the lease on acme is held by process 7 on here");
    assert_eq!(busy(None), "the lease on acme is held by another process");
}

#[test]
fn c4_a_damaged_record_says_where_it_is_kept() {
    let damaged = |kept: Option<&str>| {
        let (key, damage) = (Key::new("acme"), Damage::Empty);
        StoreError::Damaged { key, damage, kept: kept.map(str::to_owned) }.to_string()
    };
    assert_eq!(damaged(None), "the record of acme is damaged (it is empty)");
    let aside = "the record of acme is damaged (it is empty) and was set aside as x.quarantined-1";
    assert_eq!(damaged(Some("x.quarantined-1")), aside);
}

#[test]
fn r9_each_reason_to_log_in_has_words_of_its_own() {
    let reasons = [
        LoginReason::NeverLoggedIn,
        LoginReason::RefreshRejected,
        LoginReason::RotationLost,
        LoginReason::CredentialsRejected,
        LoginReason::RefreshExpired,
        LoginReason::NoRefreshToken,
    ];
    let words: BTreeSet<_> = reasons.iter().map(|reason| reason.describe()).collect();
    assert_eq!(words.len(), reasons.len());
    // Also said of a token that has not ended, or never does, when a renewal of it is asked for.
    assert!(!LoginReason::NoRefreshToken.describe().contains("expired"));
}

#[test]
fn r9_only_a_bad_grant_ends_a_login() {
    assert!(Rejection::InvalidGrant.ends_login());
    for other in [
        Rejection::InvalidClient,
        Rejection::UnauthorizedClient,
        Rejection::InvalidRequest,
        Rejection::UnsupportedGrantType,
        Rejection::InvalidScope,
        Rejection::AccessDenied,
        Rejection::InvalidDpopProof,
        Rejection::UseDpopNonce,
        Rejection::Other,
    ] {
        assert!(!other.ends_login(), "{other}");
        let of_proof = [Rejection::InvalidDpopProof, Rejection::UseDpopNonce].contains(&other);
        assert_eq!(other.is_of_proof(), of_proof, "{other}");
    }
}

#[test]
fn r7_a_reuse_class_in_json_is_its_word() {
    for (class, json) in [
        (Reuse::UntilUsed, "\"until_used\""),
        (Reuse::Grace(Duration::from_secs(30)), "\"grace:30s\""),
    ] {
        assert_eq!(serde_json::to_string(&class).expect("a word"), json);
        assert_eq!(serde_json::from_str::<Reuse>(json).expect("a class"), class);
    }
    assert!(serde_json::from_str::<Reuse>("\"sometimes\"").is_err());
}

#[test]
fn k1_a_scope_makes_another_credential() {
    let key = Key::new("acme").account("ann");
    let scoped = key.clone().scope("api read");
    assert_ne!(key.identity(), scoped.identity());
    assert_eq!(scoped.to_string(), "acme/ann?scope=api read");
    assert_eq!(Key::new("acme").scope("s").to_string(), "acme?scope=s");
}

#[test]
fn c4_a_jwt_larger_than_any_record_is_not_looked_at() {
    // {"alg":"RS256"} and {}, and the same claims behind 64 KiB of blanks.
    let (header, claims) = ("eyJhbGciOiJSUzI1NiJ9", "e30");
    assert!(JwtLook::at(&format!("{header}.{claims}.")).is_some());
    let blanks = "ICAg".repeat(16 * 1024);
    assert!(JwtLook::at(&format!("{header}.{}{claims}.", &blanks[..65_000])).is_some());
    assert!(JwtLook::at(&format!("{header}.{blanks}{claims}.")).is_none());
}
