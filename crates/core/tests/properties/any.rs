//! Anything that a record, a policy or a moment can be.

use core::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use unlapse_core::{
    BootTime, BreakerPolicy, Cause, Credentials, Failure, Grant, Intent, LoginReason, Now, Policy,
    Record, Rejection, Reuse, Secret, State, Token, UnixTime,
};

/// Within these days, so that moments come close to each other: 2001 in milliseconds.
const EPOCH: u64 = 1_000_000_000_000;

pub(crate) fn span(seconds: core::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    (seconds.start * 1000..seconds.end * 1000).prop_map(Duration::from_millis)
}

/// A wall clock that may be anywhere within two hours, and one of two boots or none.
pub(crate) fn now() -> impl Strategy<Value = Now> {
    (EPOCH..EPOCH + 7_200_000, 0_u64..3, 0_u64..7_200_000).prop_map(|(wall, boot, millis)| Now {
        wall: UnixTime::from_millis(wall),
        boot: BootTime { boot, millis },
    })
}

/// Mostly a word; now and then anything at all, which takes longer to make.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![19 => (0_u16..500).prop_map(|word| format!("w{word}")), 1 => any::<String>()]
}

pub(crate) fn secret() -> impl Strategy<Value = Secret> {
    text().prop_map(|text| if text.is_empty() { Secret::new("s") } else { Secret::from(text) })
}

pub(crate) fn token() -> impl Strategy<Value = Token> {
    let secrets =
        (secret(), option::weighted(0.8, secret()), option::of(secret()), option::of(secret()));
    let spans = (option::weighted(0.9, span(0..7200)), option::weighted(0.3, span(0..14_400)));
    let end = option::weighted(0.2, now().prop_map(|now| now.wall));
    (secrets, spans, end, now(), text(), option::of(text())).prop_map(
        |(secrets, (lifetime, refresh_idle), refresh_ends_at, obtained, token_type, scope)| {
            let (access_token, refresh_token, id_token, sender_key) = secrets;
            Token {
                access_token,
                refresh_token,
                token_type,
                scope,
                id_token,
                obtained,
                lifetime,
                refresh_idle,
                refresh_ends_at,
                sender_key,
            }
        },
    )
}

pub(crate) fn grant() -> impl Strategy<Value = Grant> {
    (token(), any::<bool>()).prop_map(|(token, typed)| Grant {
        access_token: token.access_token,
        refresh_token: token.refresh_token,
        expires_in: token.lifetime,
        refresh_expires_in: token.refresh_idle,
        token_type: typed.then_some(token.token_type),
        scope: token.scope,
        id_token: token.id_token,
        sender_key: None,
    })
}

pub(crate) fn rejection() -> impl Strategy<Value = Rejection> {
    use Rejection::{
        AccessDenied, InvalidClient, InvalidDpopProof, InvalidGrant, InvalidRequest, InvalidScope,
        Other, UnauthorizedClient, UnsupportedGrantType, UseDpopNonce,
    };
    prop::sample::select(vec![
        InvalidGrant,
        InvalidClient,
        UnauthorizedClient,
        InvalidRequest,
        UnsupportedGrantType,
        InvalidScope,
        AccessDenied,
        InvalidDpopProof,
        UseDpopNonce,
        Other,
    ])
}

pub(crate) fn cause() -> impl Strategy<Value = Cause> {
    prop_oneof![
        (100_u16..1000).prop_map(Cause::Status),
        (100_u16..1000).prop_map(Cause::Html),
        (100_u16..1000).prop_map(Cause::Unreadable),
        prop::sample::select(vec![
            Cause::TooLarge,
            Cause::Connect,
            Cause::Timeout,
            Cause::Broken,
            Cause::Rule,
            Cause::Interrupted,
            Cause::Client,
            Cause::Request,
            Cause::Host,
        ]),
    ]
}

pub(crate) fn reason() -> impl Strategy<Value = LoginReason> {
    prop::sample::select(vec![
        LoginReason::NeverLoggedIn,
        LoginReason::RefreshRejected,
        LoginReason::RotationLost,
        LoginReason::CredentialsRejected,
        LoginReason::RefreshExpired,
        LoginReason::NoRefreshToken,
    ])
}

pub(crate) fn failure() -> impl Strategy<Value = Failure> {
    (cause(), now(), option::of(now()), 0_u32..9).prop_map(|(cause, at, retry_at, count)| Failure {
        cause,
        at,
        retry_at: retry_at.map(|now| now.wall),
        count,
    })
}

fn intent() -> impl Strategy<Value = Intent> {
    (now(), 1_u32..5, 0_u32..4, any::<bool>()).prop_map(|(since, attempt, replays, in_doubt)| {
        Intent { since, attempt, replays, in_doubt }
    })
}

fn credentials() -> impl Strategy<Value = Credentials> {
    (option::of(text()), option::of(secret()), option::of(secret())).prop_map(
        |(username, password, client_secret)| Credentials { username, password, client_secret },
    )
}

pub(crate) fn record() -> impl Strategy<Value = Record> {
    let state = prop_oneof![4 => Just(State::Active), 1 => reason().prop_map(State::NeedsLogin)];
    let counts = (0_u64..5, 0_u64..9, 0_u32..6, 0_u32..6);
    let rest = (option::of(intent()), option::weighted(0.3, failure()), option::of(credentials()));
    let times = (option::of(any::<i64>()), now());
    (option::weighted(0.9, token()), state, counts, rest, times).prop_map(
        |(token, state, counts, (intent, failure, credentials), (clock_offset, stored_at))| {
            let (generation, revision, unrotated, doubts) = counts;
            Record {
                generation,
                revision,
                token,
                state,
                intent,
                failure,
                credentials,
                unrotated,
                doubts,
                clock_offset,
                stored_at: stored_at.wall,
            }
        },
    )
}

pub(crate) fn reuse() -> impl Strategy<Value = Reuse> {
    prop_oneof![
        2 => Just(Reuse::Strict),
        2 => Just(Reuse::Unknown),
        1 => Just(Reuse::Stable),
        1 => Just(Reuse::UntilUsed),
        2 => span(1..120).prop_map(Reuse::Grace),
    ]
}

/// Any policy that a configuration can ask for, and some that it cannot.
pub(crate) fn policy() -> impl Strategy<Value = Policy> {
    let ahead = (span(0..900), span(0..120));
    let waits = (span(1..120), span(0..10), span(1..120), span(1..120));
    let stale = prop_oneof![Just(Duration::ZERO), span(1..7200)];
    let breaker =
        (1_u32..9, span(1..600), span(600..7200)).prop_map(|(failures, open_for, open_at_most)| {
            BreakerPolicy { failures, open_for, open_at_most }
        });
    (reuse(), ahead, waits, (any::<bool>(), stale), 1_u32..8, breaker).prop_map(
        |(reuse, (refresh_ahead, skew), waits, (api_key_while_away, stale), attempts, breaker)| {
            let (exchange_deadline, base_delay, max_delay, round) = waits;
            Policy {
                refresh_ahead,
                skew,
                exchange_deadline,
                attempts,
                base_delay,
                max_delay,
                round,
                reuse,
                api_key_while_away,
                stale,
                breaker,
                ..Policy::default()
            }
        },
    )
}

/// Moments in their order.
pub(crate) fn moments(most: usize) -> impl Strategy<Value = Vec<Duration>> {
    vec(span(0..7200), 2..most).prop_map(|mut moments| {
        moments.sort_unstable();
        moments
    })
}
