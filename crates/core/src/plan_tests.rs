//! The table of [`plan`](super::plan()), row by row.

use super::*;
use crate::error::Cause;
use crate::key::Key;
use crate::secret::Secret;
use crate::time::BootTime;
use crate::token::Grant;
use proptest::prelude::*;

const BIRTH: Now =
    Now { wall: UnixTime::from_secs(1_000_000), boot: BootTime { boot: 1, millis: 5_000 } };
const ANY: Demand = Demand::Fresh { min_ttl: Duration::ZERO };
const REFRESH: Rungs = Rungs { refresh: true, login: false, api_key: false };
const ALL: Rungs = Rungs { refresh: true, login: true, api_key: true };

/// An hour's token with a refresh token, generation 1.
fn record() -> Record {
    let mut grant = Grant::bearer(Secret::new("at"));
    grant.refresh_token = Some(Secret::new("rt"));
    grant.expires_in = Some(Duration::from_secs(3600));
    Record::default().granted(grant, BIRTH)
}

fn without_refresh_token() -> Record {
    record().next(|record| {
        if let Some(token) = &mut record.token {
            token.refresh_token = None;
        }
    })
}

struct Row {
    record: Record,
    at: u64,
    demand: Demand,
    rungs: Rungs,
    reuse: Reuse,
    breaker: Admission,
    is_there: bool,
    lost: u32,
    away: bool,
    stale: Duration,
}

impl Row {
    fn new(record: Record, at: u64) -> Self {
        Self {
            record,
            at,
            demand: ANY,
            rungs: REFRESH,
            reuse: Reuse::Unknown,
            breaker: Admission::Closed,
            is_there: false,
            lost: 0,
            away: false,
            stale: Duration::ZERO,
        }
    }

    fn stale(mut self, secs: u64) -> Self {
        self.stale = Duration::from_secs(secs);
        self
    }

    fn demand(mut self, demand: Demand) -> Self {
        self.demand = demand;
        self
    }

    fn rungs(mut self, rungs: Rungs) -> Self {
        self.rungs = rungs;
        self
    }

    fn reuse(mut self, reuse: Reuse) -> Self {
        self.reuse = reuse;
        self
    }

    fn lost(mut self, lost: u32) -> Self {
        self.lost = lost;
        self
    }

    fn breaker_open(mut self) -> Self {
        self.breaker = Admission::Open { until: UnixTime::from_secs(9) };
        self
    }

    fn plan(&self) -> Plan {
        let policy = Policy {
            reuse: self.reuse,
            api_key_while_away: self.away,
            stale: self.stale,
            ..Policy::default()
        };
        plan(&Situation {
            record: &self.record,
            now: BIRTH.plus(Duration::from_secs(self.at)),
            policy: &policy,
            key: &Key::new("acme"),
            demand: self.demand,
            rungs: self.rungs,
            breaker: self.breaker,
            is_there: self.is_there,
            attempts: self.lost,
            lost: self.lost,
            waited: Duration::ZERO,
        })
    }
}

#[track_caller]
fn check(row: &Row, expected: Plan) {
    assert_eq!(row.plan(), expected);
}

const FRESH: u64 = 10;
const DUE: u64 = 3400;
const EXPIRED: u64 = 3600;

#[test]
fn r2_a_fresh_token_is_adopted() {
    check(&Row::new(record(), FRESH), Plan::Adopt);
    check(&Row::new(record(), DUE), Plan::Spend(Spend::Refresh));
    check(&Row::new(record(), EXPIRED), Plan::Spend(Spend::Refresh));
}

#[test]
fn r13_a_newer_generation_is_adopted_and_the_same_is_not() {
    for demand in [Demand::Rejected, Demand::NewerThan] {
        let row = |at, generation| Row::new(record(), at).demand(demand(generation));
        check(&row(FRESH, 0), Plan::Adopt);
        check(&row(FRESH, 1), Plan::Spend(Spend::Refresh));
        // Newer, but expired: of no use.
        check(&row(EXPIRED, 0), Plan::Spend(Spend::Refresh));
    }
}

#[test]
fn a1_force_and_new_login_adopt_nothing() {
    check(&Row::new(record(), FRESH).demand(Demand::Force), Plan::Spend(Spend::Refresh));
    let login = Row::new(record(), FRESH).demand(Demand::NewLogin);
    check(&login, Plan::Stop(Stop::NeedsLogin(LoginReason::NoRefreshToken)));
    check(&login.rungs(ALL), Plan::Spend(Spend::Login));
}

#[test]
fn min_ttl_is_met_or_renewed_but_not_beyond_what_the_server_gives() {
    let row = |at, ttl| {
        Row::new(record(), at).demand(Demand::Fresh { min_ttl: Duration::from_secs(ttl) })
    };
    check(&row(FRESH, 600), Plan::Adopt);
    check(&row(3100, 600), Plan::Spend(Spend::Refresh));
    check(&row(FRESH, 999_999), Plan::Adopt);
}

#[test]
fn r14_the_ladder() {
    let never = LoginReason::NeverLoggedIn;
    check(&Row::new(Record::default(), 0), Plan::Stop(Stop::NeedsLogin(never)));
    check(&Row::new(Record::default(), 0).rungs(ALL), Plan::Spend(Spend::Login));
    let key_only = Rungs { api_key: true, ..Rungs::default() };
    check(&Row::new(Record::default(), 0).rungs(key_only), Plan::ApiKey);

    let none = without_refresh_token();
    check(&Row::new(none.clone(), DUE), Plan::Adopt);
    let stop = Plan::Stop(Stop::NeedsLogin(LoginReason::NoRefreshToken));
    check(&Row::new(none.clone(), EXPIRED), stop);
    check(&Row::new(none.clone(), DUE).rungs(ALL), Plan::Spend(Spend::Login));
    check(&Row::new(none, EXPIRED).rungs(ALL), Plan::Spend(Spend::Login));

    let ended = record().next(|record| {
        if let Some(token) = &mut record.token {
            token.refresh_idle = Some(Duration::from_secs(1800));
        }
    });
    let stop = Plan::Stop(Stop::NeedsLogin(LoginReason::RefreshExpired));
    check(&Row::new(ended, EXPIRED), stop);
}

#[test]
fn r9_a_rejected_login_moves_down_and_still_serves_its_token() {
    let rejected = record().ended(LoginReason::RefreshRejected);
    check(&Row::new(rejected.clone(), DUE), Plan::Adopt);
    check(&Row::new(rejected.clone(), DUE).rungs(ALL), Plan::Spend(Spend::Login));
    let stop = Plan::Stop(Stop::NeedsLogin(LoginReason::RefreshRejected));
    check(&Row::new(rejected, EXPIRED), stop);
    // Rejected credentials are not tried again: accounts are locked for that.
    let refused = record().ended(LoginReason::CredentialsRejected);
    check(&Row::new(refused, EXPIRED).rungs(ALL), Plan::ApiKey);
}

#[test]
fn r7_in_doubt_by_class() {
    let doubt = record().intend(BIRTH.plus(Duration::from_secs(DUE)), false);
    let replayed = doubt.intend(BIRTH.plus(Duration::from_secs(DUE)), true);
    let row = |record: &Record, at, reuse| Row::new(record.clone(), at).reuse(reuse);
    let grace = Reuse::Grace(Duration::from_secs(10));
    let replay = Plan::Spend(Spend::Replay);
    // Harmless at any time.
    for class in [Reuse::Stable, Reuse::UntilUsed] {
        check(&row(&doubt, DUE + 100, class), replay);
        check(&row(&replayed, DUE + 100, class), replay);
    }
    // Inside the window: first in line, though the token is still valid.
    check(&row(&doubt, DUE + 9, grace), replay);
    check(&row(&doubt, DUE + 29, Reuse::Unknown), replay);
    check(&row(&replayed, DUE + 9, grace), replay);
    // Once, where the window is a guess; then the old token while it is valid.
    check(&row(&replayed, DUE + 9, Reuse::Unknown), Plan::Adopt);
    check(&row(&doubt, DUE + 10, grace), Plan::Adopt);
    check(&row(&doubt, DUE + 30, Reuse::Unknown), Plan::Adopt);
    check(&row(&doubt, DUE, Reuse::Strict), Plan::Adopt);
    // … and when it has expired, or was rejected, the last resort.
    check(&row(&doubt, EXPIRED, Reuse::Strict), replay);
    check(&row(&replayed, EXPIRED, Reuse::Unknown), replay);
    check(&row(&doubt, DUE, Reuse::Strict).demand(Demand::Rejected(1)), replay);
    // A renewal that is merely wanted is no reason to spend what may be spent already.
    let unknown = Plan::Stop(Stop::InDoubt);
    check(&row(&doubt, DUE, Reuse::Strict).demand(Demand::NewerThan(1)), unknown);
    check(&row(&doubt, DUE, Reuse::Strict).demand(Demand::Force), unknown);
}

#[test]
fn r7_what_was_just_lost_is_said_before_the_last_resort() {
    let doubt = record().intend(BIRTH.plus(Duration::from_secs(EXPIRED)), false);
    let row = |reuse, lost| Row::new(doubt.clone(), EXPIRED).reuse(reuse).lost(lost);
    check(&row(Reuse::Strict, 1), Plan::Stop(Stop::InDoubt));
    check(&row(Reuse::Unknown, 1), Plan::Spend(Spend::Replay));
    check(&row(Reuse::Stable, 1), Plan::Spend(Spend::Replay));
    check(&row(Reuse::Stable, 2), Plan::Stop(Stop::InDoubt));
}

#[test]
fn r10_r15_after_a_failure_a_valid_token_waits_for_the_next_round() {
    let at = BIRTH.plus(Duration::from_secs(DUE));
    let base = record();
    let failed = base.failed(base.failure(Cause::Status(503), at, None));
    check(&Row::new(failed.clone(), DUE + 29), Plan::Adopt);
    check(&Row::new(failed.clone(), DUE + 30), Plan::Spend(Spend::Refresh));
    // Without a valid token there is nothing to wait for.
    let at = BIRTH.plus(Duration::from_secs(EXPIRED));
    let late = base.failed(base.failure(Cause::Status(503), at, None));
    check(&Row::new(late, EXPIRED + 1), Plan::Spend(Spend::Refresh));
}

#[test]
fn r15_retry_after_is_obeyed() {
    let at = BIRTH.plus(Duration::from_secs(EXPIRED));
    let base = record();
    let wait = Some(Duration::from_secs(20));
    let limited = base.failed(base.failure(Cause::Status(429), at, wait));
    let retry_at = at.wall.plus(Duration::from_secs(20));
    check(&Row::new(limited.clone(), EXPIRED + 19), Plan::Stop(Stop::Later { retry_at }));
    check(&Row::new(limited.clone(), EXPIRED + 20), Plan::Spend(Spend::Refresh));
    let mut away = Row::new(limited, EXPIRED + 19).rungs(ALL);
    check(&away, Plan::Stop(Stop::Later { retry_at }));
    away.away = true;
    check(&away, Plan::ApiKey);
    away.demand = Demand::NewLogin;
    away.away = false;
    check(&away, Plan::Stop(Stop::Later { retry_at }));
}

#[test]
fn r16_an_open_breaker_asks_nobody() {
    let until = UnixTime::from_secs(9);
    check(&Row::new(record(), FRESH).breaker_open(), Plan::Adopt);
    check(&Row::new(record(), DUE).breaker_open(), Plan::Adopt);
    let stop = Plan::Stop(Stop::BreakerOpen { until });
    check(&Row::new(record(), EXPIRED).breaker_open(), stop);
    // Transient trouble starts no login (R14).
    check(&Row::new(record(), EXPIRED).rungs(ALL).breaker_open(), stop);
}

#[test]
fn r7_r17_a_replay_fits_into_the_window() {
    let record = record();
    let deadline = |reuse, lost, waited| {
        let policy = Policy { reuse, ..Policy::default() };
        Situation {
            record: &record,
            now: BIRTH,
            policy: &policy,
            key: &Key::new("acme"),
            demand: ANY,
            rungs: REFRESH,
            breaker: Admission::Closed,
            is_there: false,
            attempts: lost,
            lost,
            waited: Duration::from_secs(waited),
        }
        .deadline()
        .as_secs()
    };
    assert_eq!(deadline(Reuse::Strict, 0, 0), 30);
    assert_eq!(deadline(Reuse::Stable, 0, 0), 30);
    assert_eq!(deadline(Reuse::Unknown, 0, 0), 15);
    assert_eq!(deadline(Reuse::Unknown, 1, 15), 15);
    assert_eq!(deadline(Reuse::Grace(Duration::from_secs(10)), 0, 0), 5);
}

/// A record whose last renewal failed like this, just before its end.
fn failed(cause: Cause) -> Record {
    let at = BIRTH.plus(Duration::from_secs(EXPIRED - 1));
    record().failed(record().failure(cause, at, Some(Duration::from_secs(30))))
}

#[test]
fn k12_a_renewal_that_can_be_made_is_tried_first() {
    check(&Row::new(record(), EXPIRED).stale(60), Plan::Spend(Spend::Refresh));
    check(&Row::new(failed(Cause::Connect), EXPIRED + 40).stale(60), Plan::Spend(Spend::Refresh));
}

#[test]
fn k12_what_cannot_be_tried_now_is_served_stale() {
    let later = Stop::Later { retry_at: BIRTH.wall.plus(Duration::from_secs(EXPIRED + 29)) };
    let open = Stop::BreakerOpen { until: UnixTime::from_secs(9) };
    let away = || Row::new(failed(Cause::Status(503)), EXPIRED);
    check(&away(), Plan::Stop(later));
    check(&away().stale(60), Plan::Stale);
    // It is there, and only wants to be left alone.
    check(&Row::new(failed(Cause::Status(429)), EXPIRED).stale(60), Plan::Stop(later));
    // An open breaker, which this key or others of the endpoint have opened.
    check(&Row::new(record(), EXPIRED).breaker_open(), Plan::Stop(open));
    check(&Row::new(record(), EXPIRED).stale(60).breaker_open(), Plan::Stale);
    check(&Row::new(record(), EXPIRED + 60).stale(60).breaker_open(), Plan::Stop(open));
    // It was verdicts that opened it, also where this key failed before for want of a server.
    for record in [record(), failed(Cause::Connect)] {
        let mut row = Row::new(record, EXPIRED + 40).stale(60).breaker_open();
        row.is_there = true;
        check(&row, Plan::Stop(open));
    }
    // Nothing less will do for whoever was told 401, or wants another.
    for demand in [Demand::Rejected(1), Demand::NewerThan(1), Demand::Force] {
        check(&away().stale(60).demand(demand), Plan::Stop(later));
    }
    // An API key that may stand in is good for longer.
    let mut row = away().stale(60).rungs(ALL);
    row.away = true;
    check(&row, Plan::ApiKey);
}

#[test]
fn k12_a_doubt_is_served_stale_and_the_end_of_a_login_is_not() {
    let intent = record().intend(BIRTH.plus(Duration::from_secs(EXPIRED)), false);
    let failure = intent.failure(Cause::Broken, BIRTH.plus(Duration::from_secs(EXPIRED)), None);
    let lost = intent.in_doubt(failure);
    for times in [1, 2] {
        let row = || Row::new(lost.clone(), EXPIRED + 1).reuse(Reuse::Strict).lost(times);
        check(&row(), Plan::Stop(Stop::InDoubt));
        check(&row().stale(60), Plan::Stale);
    }
    let reason = LoginReason::RotationLost;
    let ended = Row::new(failed(Cause::Connect).ended(reason), EXPIRED + 60).stale(600);
    check(&ended, Plan::Stop(Stop::NeedsLogin(reason)));
}

proptest! {
    /// R10: whatever else is the matter, a valid token is never withheld from who asks for one.
    #[test]
    fn r10_a_valid_token_is_never_withheld(
        at in 0_u64..3600, sent in 0_u64..3600, lost in 0_u32..4, failed in 0_u64..3600,
        flags in any::<[bool; 6]>(), class in 0_usize..5,
    ) {
        let [intent, failure, ended, login, api_key, open] = flags;
        let moment = |secs| BIRTH.plus(Duration::from_secs(secs));
        let mut record = record();
        if failure {
            record = record.failed(record.failure(Cause::Timeout, moment(failed), None));
        }
        if intent {
            record = record.intend(moment(sent), false);
        }
        if ended {
            record = record.ended(LoginReason::RefreshRejected);
        }
        let classes = [Reuse::Stable, Reuse::UntilUsed, Reuse::Unknown, Reuse::Strict,
            Reuse::Grace(Duration::from_secs(10))];
        let mut row = Row::new(record, at)
            .reuse(classes[class])
            .rungs(Rungs { refresh: true, login, api_key })
            .lost(lost);
        if open {
            row = row.breaker_open();
        }
        prop_assert!(matches!(row.plan(), Plan::Adopt | Plan::Spend(_)));
    }

    /// R7: a refresh token whose fate is not known is not sent to a strict server while the token
    /// that it would replace is still good.
    #[test]
    fn r7_strict_never_replays_while_the_token_is_valid(
        at in 0_u64..3600, sent in 0_u64..3600, lost in 0_u32..4,
    ) {
        let doubt = record().intend(BIRTH.plus(Duration::from_secs(sent)), false);
        let plan = Row::new(doubt, at).reuse(Reuse::Strict).lost(lost).plan();
        prop_assert_eq!(plan, Plan::Adopt);
    }
}
