//! What follows what, at either node.

use std::time::Duration;

use unlapse_issuer::Policy;

use crate::fleet::Fleet;
use crate::server::refusal;

const GRACE: Duration = Duration::from_secs(30);
const ALMOST: Duration = Duration::from_millis(29_999);
/// Of an access token.
const LIFE: Duration = Duration::from_secs(900);

#[tokio::test(flavor = "multi_thread")]
async fn j5_a_reply_that_was_lost_is_given_again_within_the_grace() {
    for fleet in Fleet::every_timed(|_, builder| builder).await {
        let [one, other] = &fleet.nodes;
        let first = one.login().await;
        let lost = one.refresh(&first).await;
        fleet.pass(ALMOST);
        let again = other.refresh(&first).await;
        assert_eq!(again.refresh_token(), lost.refresh_token(), "{}", fleet.name);
        assert_ne!(again.text("access_token"), lost.text("access_token"), "{}", fleet.name);
        // And it goes on from there.
        let next = one.refresh(&again.refresh_token()).await.refresh_token();
        assert_eq!(fleet.counts(), [2, 1, 0, 0], "{}", fleet.name);
        fleet.pass(GRACE * 100);
        other.refresh(&next).await.refresh_token();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9700_4_14_2_after_the_grace_it_is_reuse_and_the_session_ends() {
    for fleet in Fleet::every_timed(|_, builder| builder).await {
        let [one, other] = &fleet.nodes;
        let first = one.login().await;
        let granted = one.refresh(&first).await;
        fleet.pass(GRACE);
        let reply = other.refresh(&first).await;
        assert_eq!(reply.refusal(), refusal(400, "refresh_token_reused"), "{}", fleet.name);
        let reply = one.refresh(&granted.refresh_token()).await;
        assert_eq!(reply.refusal(), refusal(400, "session_revoked"), "{}", fleet.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9700_4_14_2_two_behind_is_reuse_at_any_time() {
    for fleet in Fleet::every_timed(|_, builder| builder).await {
        let [one, other] = &fleet.nodes;
        let first = one.login().await;
        let second = other.refresh(&first).await.refresh_token();
        let third = one.refresh(&second).await.refresh_token();
        let reply = other.refresh(&first).await;
        assert_eq!(reply.refusal(), refusal(400, "refresh_token_reused"), "{}", fleet.name);
        for token in [first, second, third] {
            let reply = one.refresh(&token).await;
            assert_eq!(reply.refusal(), refusal(400, "session_revoked"), "{}", fleet.name);
        }
        assert_eq!(fleet.counts(), [2, 0, 1, 4], "{}", fleet.name);
    }
}

/// A thief has stolen a refresh token, and refreshes as the victim does: in turn, each when its
/// access token ends. Whoever of them is first, and whenever the other comes after the grace: that
/// is reuse, and both are out.
#[tokio::test(flavor = "multi_thread")]
async fn rfc9700_4_14_2_a_thief_who_alternates_with_the_victim_is_caught() {
    for delay in [GRACE, LIFE / 2, LIFE] {
        for thief_first in [false, true] {
            for fleet in Fleet::every_timed(|_, builder| builder).await {
                let [one, other] = &fleet.nodes;
                let token = one.login().await;
                let (first, second) = if thief_first { (other, one) } else { (one, other) };
                let granted = first.refresh(&token).await.refresh_token();
                fleet.pass(delay);
                let reply = second.refresh(&token).await;
                let caught = refusal(400, "refresh_token_reused");
                assert_eq!(reply.refusal(), caught, "{}: {delay:?}", fleet.name);
                let reply = first.refresh(&granted).await;
                assert_eq!(reply.refusal(), refusal(400, "session_revoked"), "{}", fleet.name);
                assert_eq!(fleet.counts()[2], 1, "{}", fleet.name);
            }
        }
    }
}

/// As long as the two come within the grace of each other, every time, nobody can tell them from
/// two tabs: the chain has one successor all the while. The first time that one is late, both are
/// out; and so they are when one takes two turns.
#[tokio::test(flavor = "multi_thread")]
async fn rfc9700_4_14_2_a_thief_in_step_is_caught_when_one_is_late_or_takes_two_turns() {
    for late in [false, true] {
        for fleet in Fleet::every_timed(|_, builder| builder).await {
            let [victim, thief] = &fleet.nodes;
            let mut token = victim.login().await;
            for turn in 0..6 {
                let (first, second) = if turn % 2 == 0 { (victim, thief) } else { (thief, victim) };
                let granted = first.refresh(&token).await.refresh_token();
                fleet.pass(ALMOST);
                let again = second.refresh(&token).await.refresh_token();
                assert_eq!(again, granted, "{}: no fork", fleet.name);
                token = granted;
                fleet.pass(LIFE);
            }
            let mut granted = victim.refresh(&token).await.refresh_token();
            if late {
                fleet.pass(GRACE);
            } else {
                granted = victim.refresh(&granted).await.refresh_token();
            }
            let reply = thief.refresh(&token).await;
            assert_eq!(reply.refusal(), refusal(400, "refresh_token_reused"), "{}", fleet.name);
            let reply = victim.refresh(&granted).await;
            assert_eq!(reply.refusal(), refusal(400, "session_revoked"), "{}", fleet.name);
        }
    }
}

/// By the clock of the database itself, which no test sets.
#[tokio::test(flavor = "multi_thread")]
async fn j1_the_grace_ends_by_the_clock_of_production_too() {
    let short = Policy { grace: Duration::from_secs(2), ..Policy::default() };
    for fleet in Fleet::every_with(|_, builder| builder.policy(short)).await {
        let [one, other] = &fleet.nodes;
        let first = one.login().await;
        let lost = one.refresh(&first).await.refresh_token();
        tokio::time::sleep(Duration::from_millis(2100)).await;
        let reply = other.refresh(&first).await;
        assert_eq!(reply.refusal(), refusal(400, "refresh_token_reused"), "{}", fleet.name);
        let reply = one.refresh(&lost).await;
        assert_eq!(reply.refusal(), refusal(400, "session_revoked"), "{}", fleet.name);
    }
}
