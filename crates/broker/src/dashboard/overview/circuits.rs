//! Circuits, in words.

use unlapse::unlapse_core::{Admission, Breaker, UnixTime};

use super::app_name;
use crate::code::Code;
use crate::dashboard::facts::Circuit;
use crate::dashboard::words::{Moment, counted};
use crate::name::Name;

/// The circuit of an app.
pub(in crate::dashboard) struct CircuitRow {
    pub(in crate::dashboard) app: String,
    pub(in crate::dashboard) state: CircuitState,
    /// Until when it is as it is.
    pub(in crate::dashboard) until: Option<Moment>,
    pub(in crate::dashboard) why: String,
    pub(in crate::dashboard) code: Option<Code>,
}

/// How a circuit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dashboard) enum CircuitState {
    /// The provider is asked.
    Closed,
    /// It is asked, and has begun to fail.
    Failing,
    /// It is asked once, to see.
    Trial,
    /// It is not asked.
    Open,
}

impl CircuitState {
    /// At `now`.
    pub(in crate::dashboard) fn of(breaker: &Breaker, now: UnixTime) -> Self {
        match breaker.admit(now) {
            Admission::Open { .. } => Self::Open,
            Admission::Trial => Self::Trial,
            Admission::Closed if breaker.failures > 0 => Self::Failing,
            Admission::Closed => Self::Closed,
        }
    }

    /// As pages say it.
    pub(in crate::dashboard) fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Failing => "closed, failing",
            Self::Trial => "trial is due",
            Self::Open => "open",
        }
    }

    /// The class of its badge.
    pub(in crate::dashboard) fn tone(self) -> &'static str {
        match self {
            Self::Closed => "good",
            Self::Failing | Self::Trial => "warn",
            Self::Open => "bad",
        }
    }
}

/// Until when an open circuit is open.
pub(in crate::dashboard) fn until(breaker: &Breaker, now: UnixTime) -> Option<Moment> {
    match breaker.admit(now) {
        Admission::Open { until } => Some(Moment::new(until, now)),
        _ => None,
    }
}

/// Why a circuit stands as it does.
pub(in crate::dashboard) fn why(breaker: &Breaker) -> String {
    match (breaker.failures, breaker.is_there) {
        (0, _) => "all is well".to_owned(),
        (failures, true) => format!("{} in a row: it refuses", counted(failures.into(), "failure")),
        (failures, false) => format!("{} in a row", counted(failures.into(), "failure")),
    }
}

/// The open ones first; those that are closed and have nothing to tell are left out.
pub(super) fn circuits(all: &[Circuit], tenant: Option<&Name>, now: UnixTime) -> Vec<CircuitRow> {
    let mut all: Vec<_> = all.iter().map(|it| (CircuitState::of(&it.breaker, now), it)).collect();
    all.retain(|(state, _)| *state != CircuitState::Closed);
    all.sort_by_key(|(state, it)| (core::cmp::Reverse(*state as u8), it.app.clone()));
    let row = |(state, it): (CircuitState, &Circuit)| CircuitRow {
        app: app_name(&it.app, tenant),
        state,
        until: until(&it.breaker, now),
        why: why(&it.breaker),
        code: it.code,
    };
    all.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use unlapse::unlapse_core::BreakerPolicy;

    fn failed(times: u32) -> Breaker {
        let at = UnixTime::from_secs(100);
        (0..times).fold(Breaker::default(), |it, _| it.failed(at, &BreakerPolicy::default()))
    }

    #[test]
    fn i8_a_row_for_each_state() {
        let at = UnixTime::from_secs;
        for (breaker, now, state) in [
            (Breaker::default(), 100, CircuitState::Closed),
            (failed(1), 100, CircuitState::Failing),
            (failed(5), 100, CircuitState::Open),
            (failed(5), 400, CircuitState::Trial),
            (failed(5).trying(at(400)), 401, CircuitState::Open),
        ] {
            assert_eq!(CircuitState::of(&breaker, at(now)), state);
        }
        assert_eq!(why(&failed(1)), "1 failure in a row");
        let refused = Breaker::default().refused(at(1), &BreakerPolicy::default());
        assert_eq!(why(&refused), "1 failure in a row: it refuses");
    }

    #[test]
    fn i8_open_ones_come_first_and_quiet_ones_not_at_all() {
        let circuit = |app: &str, breaker| Circuit { app: app.to_owned(), breaker, code: None };
        let all = [circuit("a/a", failed(1)), circuit("a/b", failed(0)), circuit("a/c", failed(5))];
        let rows = circuits(&all, None, UnixTime::from_secs(100));
        let apps: Vec<_> = rows.iter().map(|row| &*row.app).collect();
        assert_eq!(apps, ["a/c", "a/a"]);
        assert!(rows[0].until.as_ref().is_some_and(|it| it.to_string().contains("in 5 min")));
        assert_eq!(rows[1].until, None);
    }
}
