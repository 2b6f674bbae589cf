//! A test per row of the table in the module's documentation.

use core::time::Duration;

use proptest::prelude::*;
use unlapse_core::UnixTime;

use super::*;
use crate::session::{Opening, Salt, SessionId};

const ROTATED: UnixTime = UnixTime::from_secs(1_000_000);
const POLICY: Policy = Policy {
    grace: Duration::from_secs(30),
    replay_cap: 3,
    idle_lifetime: Duration::from_secs(14 * 86_400),
    absolute_lifetime: Duration::from_secs(90 * 86_400),
};

fn kid() -> Kid {
    Kid::new("a").expect("valid")
}

/// At generation 5, which began at [`ROTATED`].
fn session() -> Session {
    let begun = ROTATED.minus(Duration::from_secs(86_400));
    let opening = Opening { subject: "ada", client: "app", ..Opening::default() };
    let mut session = Session::begin(opening, kid(), begun, &POLICY);
    session.id = SessionId::from_bytes([1; 16]);
    session.salt = Salt::from_bytes([2; 16]);
    session.generation = 5;
    session.rotated_at = ROTATED;
    session.idle_ends_at = ROTATED.plus(POLICY.idle_lifetime);
    session
}

fn after(millis: u64) -> UnixTime {
    ROTATED.plus(Duration::from_millis(millis))
}

fn presents(generation: u64) -> Presented<'static> {
    Presented { generation, client: "app", jkt: None }
}

fn run(session: &Session, generation: u64, now: UnixTime) -> (Succession, Session) {
    let succession = decide(session, presents(generation), now, &POLICY);
    (succession, apply(session.clone(), succession, now, &POLICY, &kid()))
}

fn refused(refusal: Refusal) -> Succession {
    Succession::Refused(refusal)
}

#[test]
fn j1_current_rotates_and_the_idle_lifetime_slides() {
    let (succession, next) = run(&session(), 5, after(3_600_000));
    assert_eq!(succession, Succession::Rotate);
    assert_eq!((next.generation, next.replays), (6, 0));
    assert_eq!((next.rotated_at, next.seen_at), (after(3_600_000), after(3_600_000)));
    assert_eq!(next.idle_ends_at, after(3_600_000).plus(POLICY.idle_lifetime));
    assert_eq!(next.ends_at, session().ends_at);
}

#[test]
fn j1_the_one_before_within_grace_replays_and_the_window_does_not_slide() {
    let mut at = session();
    for (replays, millis) in [(1, 0), (2, 15_000), (3, 29_999)] {
        let (succession, next) = run(&at, 4, after(millis));
        assert_eq!(succession, Succession::Replay);
        assert_eq!(next, Session { replays, seen_at: after(millis), ..session() });
        at = next;
    }
    at.replays = 2;
    assert_eq!(run(&at, 4, after(30_000)).0, Succession::RevokeReuse);
}

#[test]
fn j1_beyond_the_cap_a_replay_is_answered_and_counted_no_more() {
    // More than the cap: it was lowered since.
    for replays in [3, 4, u32::MAX] {
        let at = Session { replays, ..session() };
        let (succession, next) = run(&at, 4, after(29_999));
        assert_eq!(succession, Succession::Replay);
        assert_eq!(next, at);
        assert_eq!(run(&at, 4, after(30_000)).0, Succession::RevokeReuse);
    }
}

#[test]
fn j1_the_one_before_after_grace_revokes() {
    let (succession, next) = run(&session(), 4, after(30_000));
    assert_eq!(succession, Succession::RevokeReuse);
    let because = RevokedBecause::Reuse;
    assert_eq!(next.revoked, Some(Revoked { at: after(30_000), because }));
    assert_eq!(next.generation, 5);
}

#[test]
fn j1_two_or_more_behind_revokes_even_within_grace() {
    for generation in 0..=3 {
        let (succession, next) = run(&session(), generation, after(1));
        assert_eq!(succession, Succession::RevokeReuse, "{generation}");
        assert!(next.revoked.is_some());
    }
}

#[test]
fn j1_from_the_future_is_refused_and_revokes_nothing() {
    for generation in [6, 7, u64::MAX] {
        let (succession, next) = run(&session(), generation, after(1));
        assert_eq!(succession, Succession::FromTheFuture);
        assert_eq!(next, session());
    }
}

#[test]
fn j1_a_session_that_ended_answers_any_generation_with_its_code() {
    let because = RevokedBecause::Client;
    let revoked = Session { revoked: Some(Revoked { at: ROTATED, because }), ..session() };
    let live = session();
    for generation in [0, 3, 4, 5, 6] {
        let rows = [
            (&revoked, after(1), Refusal::SessionRevoked),
            (&revoked, live.ends_at, Refusal::SessionRevoked),
            (&live, live.ends_at, Refusal::SessionExpired),
            (&live, live.idle_ends_at, Refusal::RefreshTokenExpired),
        ];
        for (at, now, refusal) in rows {
            let (succession, next) = run(at, generation, now);
            assert_eq!(succession, refused(refusal), "{generation}");
            assert_eq!(&next, at);
        }
    }
    // The last millisecond is still good.
    let last = live.idle_ends_at.minus(Duration::from_millis(1));
    assert_eq!(run(&live, 5, last).0, Succession::Rotate);
}

#[test]
fn j1_another_client_is_refused_whatever_it_presents_and_changes_nothing() {
    for generation in [0, 3, 4, 5, 6] {
        let presented = Presented { generation, client: "other", jkt: None };
        let succession = decide(&session(), presented, after(60_000), &POLICY);
        assert_eq!(succession, refused(Refusal::ClientMismatch), "{generation}");
    }
}

#[test]
fn rfc9449_5_a_row_for_each_key_presented_to_a_bound_and_to_a_free_session() {
    let (own, other) = (Thumbprint::from_bytes([1; 32]), Thumbprint::from_bytes([2; 32]));
    let bound = Session { jkt: Some(own), ..session() };
    let mismatch = refused(Refusal::DpopMismatch);
    let rows = [
        (&bound, 5, Some(own), Succession::Rotate),
        (&bound, 4, Some(own), Succession::Replay),
        (&bound, 3, Some(own), Succession::RevokeReuse),
        // Whoever has not the key cannot end the session either, whatever the token.
        (&bound, 5, Some(other), mismatch),
        (&bound, 5, None, mismatch),
        (&bound, 4, None, mismatch),
        (&bound, 3, None, mismatch),
        (&session(), 5, Some(other), Succession::Rotate),
    ];
    for (session, generation, jkt, expected) in rows {
        let presented = Presented { generation, client: "app", jkt };
        assert_eq!(decide(session, presented, after(1), &POLICY), expected, "{generation} {jkt:?}");
    }
}

#[test]
fn j1_a_grace_of_zero_is_strict() {
    let strict = Policy { grace: Duration::ZERO, ..POLICY };
    assert_eq!(decide(&session(), presents(4), ROTATED, &strict), Succession::RevokeReuse);
    assert_eq!(decide(&session(), presents(5), ROTATED, &strict), Succession::Rotate);
}

#[test]
fn j1_the_absolute_lifetime_caps_the_sliding_one() {
    let live = session();
    let near = live.ends_at.minus(Duration::from_secs(60));
    let at = Session { idle_ends_at: live.ends_at, ..live };
    let (succession, next) = run(&at, 5, near);
    assert_eq!(succession, Succession::Rotate);
    assert_eq!(next.idle_ends_at, next.ends_at);
    assert_eq!(run(&next, 6, next.ends_at).0, refused(Refusal::SessionExpired));
}

proptest! {
    #[test]
    fn j1_no_step_lowers_a_generation_unrevokes_or_prolongs_the_end(
        steps in proptest::collection::vec((0_u64..10, 0_u64..40_000, any::<bool>()), 1..40)
    ) {
        let mut at = session();
        let mut now = ROTATED;
        for (generation, pause, right_client) in steps {
            now = now.plus(Duration::from_millis(pause));
            let client = if right_client { "app" } else { "other" };
            let succession = decide(&at, Presented { generation, client, jkt: None }, now, &POLICY);
            let next = apply(at.clone(), succession, now, &POLICY, &kid());
            prop_assert!(next.generation == at.generation + u64::from(succession == Succession::Rotate));
            prop_assert!(at.revoked.is_none() || next == at);
            prop_assert!(next.ends_at == at.ends_at && next.idle_ends_at <= next.ends_at);
            prop_assert!(next.replays <= POLICY.replay_cap);
            at = next;
        }
    }
}
