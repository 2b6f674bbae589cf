//! What any change does to any record (R5, R7, R9, I10).

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use unlapse_core::{Cause, Failure, Grant, LoginReason, Now, Record, Secret, State};

use crate::any;

/// Every way in which a record changes.
#[derive(Clone, Debug)]
enum Change {
    Intend(Now, bool),
    Granted(Grant, Now),
    LoggedIn(Grant, Now),
    GrantedAgainstRules(Option<Secret>, Failure),
    Failed(Failure),
    LoginFailed(Failure),
    InDoubt(Failure),
    Ended(LoginReason),
    Cleared(Now),
}

impl Change {
    fn of(&self, record: &Record) -> Record {
        match self.clone() {
            Self::Intend(now, replay) => record.intend(now, replay),
            Self::Granted(grant, sent) => record.granted(grant, sent),
            Self::LoggedIn(grant, sent) => record.logged_in(grant, sent),
            Self::GrantedAgainstRules(refresh_token, failure) => {
                record.granted_against_rules(refresh_token, failure)
            }
            Self::Failed(failure) => record.failed(failure),
            Self::LoginFailed(failure) => record.login_failed(failure),
            Self::InDoubt(failure) => record.in_doubt(failure),
            Self::Ended(reason) => record.ended(reason),
            Self::Cleared(now) => record.cleared(now),
        }
    }

    /// Whether callers get another token by it, or none any more.
    fn is_new_token(&self) -> bool {
        matches!(self, Self::Granted(..) | Self::LoggedIn(..) | Self::Cleared(_))
    }
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::now(), any::<bool>()).prop_map(|(now, replay)| Change::Intend(now, replay)),
        (any::grant(), any::now()).prop_map(|(grant, sent)| Change::Granted(grant, sent)),
        (any::grant(), any::now()).prop_map(|(grant, sent)| Change::LoggedIn(grant, sent)),
        (option::of(any::secret()), any::failure())
            .prop_map(|(token, failure)| Change::GrantedAgainstRules(token, failure)),
        any::failure().prop_map(Change::Failed),
        any::failure().prop_map(Change::LoginFailed),
        any::failure().prop_map(Change::InDoubt),
        any::reason().prop_map(Change::Ended),
        any::now().prop_map(Change::Cleared),
    ]
}

fn refresh_token(record: &Record) -> Option<&Secret> {
    record.token.as_ref()?.refresh_token.as_ref()
}

proptest! {
    #[test]
    fn r19_every_change_is_newer_by_one_revision(record in any::record(), change in change()) {
        let next = change.of(&record);
        prop_assert_eq!(next.revision, record.revision + 1);
        if matches!(change, Change::Cleared(_)) {
            // Beyond whatever somebody may still be renewing (K9).
            prop_assert!(next.generation > record.generation + 1);
        } else {
            let more = u64::from(change.is_new_token());
            prop_assert_eq!(next.generation, record.generation + more);
        }
        prop_assert!(next.is_newer_than(&record) && !record.is_newer_than(&next));
    }

    /// I10: no failure, doubt or end changes a token; an answer that breaks the rules only brings
    /// the successor of the refresh token that it cost.
    #[test]
    fn r9_nothing_but_a_grant_a_login_or_a_logout_changes_the_token(
        record in any::record(), change in change()
    ) {
        let next = change.of(&record);
        if let Change::GrantedAgainstRules(successor, _) = &change {
            let mut expected = record.token.clone();
            if let (Some(token), Some(successor)) = (&mut expected, successor) {
                token.refresh_token = Some(successor.clone());
            }
            prop_assert_eq!(next.token, expected);
        } else if !change.is_new_token() {
            prop_assert_eq!(next.token, record.token);
        }
    }

    /// I10: the connection is preserved. Only a login or a logout ends a refresh token's life here.
    #[test]
    fn r9_no_change_loses_the_refresh_token(record in any::record(), change in change()) {
        let next = change.of(&record);
        let expected = match &change {
            Change::LoggedIn(grant, _) => grant.refresh_token.as_ref(),
            Change::Cleared(_) => None,
            Change::Granted(grant, _) => grant.refresh_token.as_ref().or(refresh_token(&record)),
            Change::GrantedAgainstRules(successor, _) if record.token.is_some() => {
                successor.as_ref().or(refresh_token(&record))
            }
            _ => refresh_token(&record),
        };
        prop_assert_eq!(refresh_token(&next), expected);
    }

    #[test]
    fn c9_credentials_stay_until_a_logout(record in any::record(), change in change()) {
        let next = change.of(&record);
        if let Change::Cleared(now) = change {
            let left = Record {
                generation: next.generation,
                revision: next.revision,
                stored_at: now.wall,
                ..Record::default()
            };
            prop_assert_eq!(next, left, "a logout leaves a mark and nothing else");
        } else {
            prop_assert_eq!(next.credentials, record.credentials);
            prop_assert_eq!(next.clock_offset, record.clock_offset);
        }
    }

    #[test]
    fn r9_only_an_end_ends_a_login_and_only_a_token_revives_it(
        record in any::record(), change in change()
    ) {
        let expected = match &change {
            Change::Ended(reason) => State::NeedsLogin(*reason),
            Change::Granted(..) | Change::LoggedIn(..) | Change::Cleared(_) => State::Active,
            _ => record.state,
        };
        prop_assert_eq!(change.of(&record).state, expected);
    }

    /// R7: a doubt once raised stays, with its time, until something settles it.
    #[test]
    fn r7_a_doubt_stays_until_it_is_settled(record in any::record(), change in change()) {
        let Some(doubt) = record.intent.filter(|intent| intent.in_doubt) else { return Ok(()) };
        let settled = change.is_new_token()
            || matches!(change, Change::Ended(_) | Change::GrantedAgainstRules(..));
        let next = change.of(&record).intent;
        prop_assert_eq!(next.is_none(), settled);
        if let Some(next) = next {
            prop_assert!(next.in_doubt);
            prop_assert_eq!(next.since, doubt.since);
            prop_assert!(next.attempt >= doubt.attempt);
            prop_assert!(next.replays + 1 >= doubt.replays);
        }
    }

    /// R7: what nobody doubted is over when the server has answered.
    #[test]
    fn r7_an_answer_that_decides_nothing_raises_no_doubt(
        record in any::record(), failure in any::failure()
    ) {
        let next = record.failed(failure);
        prop_assert!(next.intent.is_none_or(|intent| intent.in_doubt));
        prop_assert_eq!(next.doubts, record.doubts);
        let doubted = record.in_doubt(failure);
        prop_assert!(doubted.intent.is_none_or(|intent| intent.in_doubt));
        prop_assert_eq!(doubted.doubts, record.doubts + 1);
    }

    /// I10: attempts are counted: each sending, each failure in a row, and both from the beginning
    /// after a token.
    #[test]
    fn r15_attempts_are_counted(
        record in any::record(), grant in any::grant(), now in any::now(), causes in vec(any::cause(), 1..9)
    ) {
        let mut record = record.granted(grant, now);
        prop_assert_eq!((record.intent, record.failure), (None, None));
        for (nth, cause) in (1..).zip(&causes) {
            record = record.intend(now, nth > 1);
            let intent = record.intent.expect("just written");
            prop_assert_eq!((intent.attempt, intent.replays), (nth, nth - 1));
            prop_assert_eq!(intent.since, now);
            record = record.in_doubt(record.failure(*cause, now, None));
            prop_assert_eq!(record.failure.map(|failure| failure.count), Some(nth));
        }
    }

    #[test]
    fn r15_a_failure_says_when_to_come_back(
        record in any::record(), cause in any::cause(), now in any::now(), wait in option::of(any::span(0..600))
    ) {
        let failure = record.failure(cause, now, wait);
        prop_assert_eq!((failure.cause, failure.at), (cause, now));
        prop_assert_eq!(failure.retry_at.map(|at| at.since(now.wall)), wait);
    }

    /// R5, R19: of any copies one is the newest, whatever the order in which they are found.
    #[test]
    fn r19_newer_is_a_strict_order(records in vec(any::record(), 3)) {
        let [one, two, three] = &records[..] else { return Ok(()) };
        prop_assert!(!one.is_newer_than(one));
        prop_assert!(!(one.is_newer_than(two) && two.is_newer_than(one)));
        if one.is_newer_than(two) && two.is_newer_than(three) {
            prop_assert!(one.is_newer_than(three));
        }
        let alike = (one.generation, one.revision) == (two.generation, two.revision);
        prop_assert_eq!(alike, !one.is_newer_than(two) && !two.is_newer_than(one));
    }

    /// R9: a failed life of any length leaves the login as it was, and a token then takes it up.
    #[test]
    fn r9_no_series_of_failures_costs_anything(
        record in any::record(), failures in vec((any::failure(), 0_u8..3, any::now()), 1..20)
    ) {
        let mut next = record.clone();
        for (failure, kind, now) in failures {
            next = match kind {
                0 => next.intend(now, false).failed(failure),
                1 => next.login_failed(failure),
                _ => next.intend(now, true).in_doubt(failure),
            };
        }
        prop_assert_eq!(&next.token, &record.token);
        prop_assert_eq!(&next.credentials, &record.credentials);
        prop_assert_eq!(next.state, record.state);
        prop_assert_eq!(next.generation, record.generation);
        let revived = next.granted(Grant::bearer(Secret::new("at")), Now::default());
        prop_assert_eq!(refresh_token(&revived), refresh_token(&record));
        prop_assert_eq!((revived.intent, revived.failure), (None, None));
        let count = record.failure(Cause::Timeout, Now::default(), None).count;
        prop_assert_eq!(count, record.failure.map_or(0, |failure| failure.count) + 1);
    }
}
