//! What a renewal may do next, in any situation at all.

use core::time::Duration;

use proptest::prelude::*;
use unlapse_core::{
    Admission, Demand, Freshness, Key, LoginReason, Now, Plan, Policy, Record, Reuse, Rungs,
    Situation, Spend, State, Stop, UnixTime, plan,
};

use crate::any;

#[derive(Clone, Debug)]
struct Given {
    record: Record,
    now: Now,
    policy: Policy,
    key: Key,
    demand: Demand,
    rungs: Rungs,
    breaker: Admission,
    is_there: bool,
    attempts: u32,
    lost: u32,
    waited: Duration,
}

impl Given {
    fn situation(&self) -> Situation<'_> {
        Situation {
            record: &self.record,
            now: self.now,
            policy: &self.policy,
            key: &self.key,
            demand: self.demand,
            rungs: self.rungs,
            breaker: self.breaker,
            is_there: self.is_there,
            attempts: self.attempts,
            lost: self.lost,
            waited: self.waited,
        }
    }

    fn plan(&self) -> Plan {
        plan(&self.situation())
    }

    fn is_valid(&self) -> bool {
        let token = self.record.token.as_ref();
        token.is_some_and(|token| !token.is_expired(&self.now))
    }

    fn wants_any(&self) -> bool {
        matches!(self.demand, Demand::Fresh { .. })
    }

    /// Whether a refresh token could be sent, were it not for doubts, breakers and the like.
    fn can_refresh(&self) -> bool {
        self.rungs.refresh
            && self.record.state == State::Active
            && self.record.refresh_token(&self.now).is_some()
    }
}

fn demand() -> impl Strategy<Value = Demand> {
    prop_oneof![
        4 => any::span(0..7200).prop_map(|min_ttl| Demand::Fresh { min_ttl }),
        2 => (0_u64..6).prop_map(Demand::Rejected),
        2 => (0_u64..6).prop_map(Demand::NewerThan),
        1 => Just(Demand::Force),
        1 => Just(Demand::NewLogin),
    ]
}

fn admission() -> impl Strategy<Value = Admission> {
    prop_oneof![
        3 => Just(Admission::Closed),
        1 => Just(Admission::Trial),
        2 => any::now().prop_map(|now| Admission::Open { until: now.wall }),
    ]
}

fn given() -> impl Strategy<Value = Given> {
    let rungs = any::<[bool; 4]>();
    let effort = (0_u32..4, 0_u32..3, any::span(0..60));
    let rest = (demand(), rungs, admission(), effort, any::text());
    (any::record(), any::now(), any::policy(), rest).prop_map(|(record, now, policy, rest)| {
        let (demand, [refresh, login, api_key, is_there], breaker, (attempts, lost, waited), name) =
            rest;
        let (rungs, key) = (Rungs { refresh, login, api_key }, Key::new(name));
        let attempts = attempts + lost;
        Given { record, now, policy, key, demand, rungs, breaker, is_there, attempts, lost, waited }
    })
}

proptest! {
    #[test]
    fn r16_nothing_is_spent_while_the_breaker_is_open(given in given(), until in any::now()) {
        let given = Given { breaker: Admission::Open { until: until.wall }, ..given };
        let plan = given.plan();
        prop_assert!(!matches!(plan, Plan::Spend(_)), "{plan:?}");
    }

    #[test]
    fn r16_only_an_open_breaker_is_the_reason_to_wait_for_it(given in given()) {
        if let Plan::Stop(Stop::BreakerOpen { until }) = given.plan() {
            prop_assert_eq!(given.breaker, Admission::Open { until });
        }
    }

    /// R7: where an intent stands, a sending is a replay and never a first one; where none does, there
    /// is nothing to replay and no doubt.
    #[test]
    fn r7_a_refresh_needs_a_clean_record_and_a_replay_a_doubt(given in given()) {
        match given.plan() {
            Plan::Spend(Spend::Refresh) => prop_assert!(given.record.intent.is_none()),
            Plan::Spend(Spend::Replay) | Plan::Stop(Stop::InDoubt) => {
                prop_assert!(given.record.intent.is_some());
            }
            _ => {}
        }
    }

    #[test]
    fn r14_a_refresh_token_is_sent_only_where_there_is_one_that_may_be(given in given()) {
        if let Plan::Spend(Spend::Refresh | Spend::Replay) = given.plan() {
            prop_assert!(given.can_refresh());
            prop_assert!(given.demand != Demand::NewLogin);
        }
    }

    /// R7: after the window, a replay is the last resort: nobody is served by the old token any more,
    /// and what was lost in this very renewal was said first.
    #[test]
    fn r7_beyond_the_window_a_replay_is_the_last_resort(given in given()) {
        let Plan::Spend(Spend::Replay) = given.plan() else { return Ok(()) };
        let intent = given.record.intent.expect("a replay has one");
        let class = given.record.reuse(given.policy.reuse);
        let inside = match class.window() {
            None => true,
            Some(window) => given.now.within(window, &intent.since),
        };
        let again = class == Reuse::Unknown && intent.replays > 0;
        if !inside || again {
            prop_assert!(!given.is_valid() || matches!(given.demand, Demand::Rejected(_)));
            prop_assert_eq!(given.lost, 0);
        }
        prop_assert!(given.lost < 2);
    }

    /// The same for a strict server, whose window is never open.
    #[test]
    fn r7_strict_is_never_sent_a_token_twice_but_as_the_last_resort(given in given()) {
        let policy = Policy { reuse: Reuse::Strict, ..given.policy };
        let given = Given { policy, ..given };
        if given.plan() == Plan::Spend(Spend::Replay) {
            prop_assert!(!given.is_valid() || matches!(given.demand, Demand::Rejected(_)));
            prop_assert_eq!(given.lost, 0);
        }
    }

    #[test]
    fn r10_who_asks_for_any_valid_token_gets_it_or_a_newer_one(given in given()) {
        if given.wants_any() && given.is_valid() {
            let plan = given.plan();
            prop_assert!(matches!(plan, Plan::Adopt | Plan::Spend(_)), "{plan:?}");
        }
    }

    /// R2, R13: what is adopted is valid, and later than what was refused; a renewal that was
    /// demanded is made.
    #[test]
    fn r13_what_is_adopted_is_what_was_demanded(given in given()) {
        if given.plan() == Plan::Adopt {
            prop_assert!(given.is_valid());
            match given.demand {
                Demand::Fresh { .. } => {}
                Demand::Rejected(than) | Demand::NewerThan(than) => {
                    prop_assert!(given.record.generation > than);
                }
                Demand::Force | Demand::NewLogin => prop_assert!(false, "no demand of that kind"),
            }
        }
    }

    /// K12: a token that has ended is served for so long as is allowed, by a login that has not.
    #[test]
    fn k12_what_is_served_stale_has_ended_and_not_long_ago(given in given()) {
        if given.plan() == Plan::Stale {
            prop_assert!(!given.is_valid() && given.wants_any());
            prop_assert!(given.record.state == State::Active);
            let token = given.record.token.as_ref().expect("something is served");
            let age = given.now.since(&token.obtained);
            let most = token.lifetime.expect("it has ended").saturating_add(given.policy.stale);
            prop_assert!(age < most, "{age:?} of {most:?}");
        }
    }

    /// R2: a token that is fresh for the demand costs no request, whatever else is the matter.
    #[test]
    fn r2_what_meets_the_demand_is_adopted(given in given()) {
        let met = match given.demand {
            Demand::Fresh { min_ttl } => {
                given.record.is_fresh_for(min_ttl, &given.key, &given.now, &given.policy)
            }
            Demand::Rejected(than) | Demand::NewerThan(than) => {
                given.record.generation > than && given.is_valid()
            }
            Demand::Force | Demand::NewLogin => false,
        };
        if met {
            prop_assert_eq!(given.plan(), Plan::Adopt);
        }
    }

    /// I10: a person is asked only when there is no rung left.
    #[test]
    fn r14_a_person_is_the_last_rung(given in given()) {
        let Plan::Stop(Stop::NeedsLogin(reason)) = given.plan() else { return Ok(()) };
        let may_log_in = given.rungs.login && reason != LoginReason::CredentialsRejected;
        prop_assert!(!may_log_in);
        if given.demand != Demand::NewLogin {
            prop_assert!(!given.rungs.api_key && !given.can_refresh());
        }
        if let State::NeedsLogin(known) = given.record.state {
            prop_assert_eq!(reason, known);
        }
    }

    #[test]
    fn r14_credentials_that_were_rejected_are_not_sent_unasked(given in given()) {
        if given.plan() == Plan::Spend(Spend::Login) {
            prop_assert!(given.rungs.login);
            let refused = State::NeedsLogin(LoginReason::CredentialsRejected);
            prop_assert!(given.record.state != refused || given.demand == Demand::NewLogin);
            // Only a rejection, or the want of a refresh token, moves down a rung.
            prop_assert!(given.demand == Demand::NewLogin || !given.can_refresh());
        }
    }

    #[test]
    fn r14_the_api_key_is_the_last_resort_or_stands_in_where_it_may(given in given()) {
        if given.plan() == Plan::ApiKey {
            prop_assert!(given.rungs.api_key);
            prop_assert!(!(given.wants_any() && given.is_valid()));
            let last = given.demand != Demand::NewLogin && !given.can_refresh();
            prop_assert!(last || given.policy.api_key_while_away);
        }
    }

    /// R15: what a server asked for is obeyed, and a clock set back makes no short wait long.
    #[test]
    fn r15_a_wait_lies_ahead_and_is_not_without_end(given in given()) {
        if let Plan::Stop(Stop::Later { retry_at }) = given.plan() {
            prop_assert_eq!(Some(retry_at), given.record.failure.and_then(|it| it.retry_at));
            let wait = retry_at.since(given.now.wall);
            prop_assert!(!wait.is_zero() && wait <= given.policy.max_delay * 2, "{wait:?}");
        }
    }

    #[test]
    fn r15_before_the_wait_is_over_nobody_is_asked(given in given(), wait in any::span(1..60)) {
        let mut given = given;
        let retry_at: UnixTime = given.now.wall.plus(wait);
        let failure = given.record.failure(unlapse_core::Cause::Status(429), given.now, Some(wait));
        prop_assert_eq!(failure.retry_at, Some(retry_at));
        given.record.failure = Some(failure);
        given.policy.max_delay = wait;
        prop_assert!(!matches!(given.plan(), Plan::Spend(_)));
    }

    /// R17: the next request always has some time, and never more than the policy's.
    #[test]
    fn r17_every_request_has_a_deadline(given in given()) {
        let deadline = given.situation().deadline();
        let least = Duration::from_secs(1);
        prop_assert!(deadline >= least);
        prop_assert!(deadline <= given.policy.exchange_deadline.max(least));
    }

    /// Freshness and expiry are one thing, seen from two sides.
    #[test]
    fn r10_fresh_or_due_is_valid(given in given()) {
        let freshness = given.record.freshness(&given.key, &given.now, &given.policy);
        prop_assert_eq!(freshness.is_some_and(Freshness::is_valid), given.is_valid());
    }
}
