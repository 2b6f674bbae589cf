//! Counters, gauges and histograms (feature `metrics`), for whatever recorder the program installs.
//!
//! Told to the [`metrics`](https://docs.rs/metrics) facade; without a recorder they go nowhere. Their
//! names and labels are an interface, listed in the project's `docs/observability.md`. The only name
//! of a credential that becomes a label is its server's: accounts are people, and there may be a
//! hundred thousand of them.
//!
//! Tokens that are served are not counted. To serve one is an atomic load, a clock read and a
//! comparison, and a counter that all threads share would cost more than all of these.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use ::metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use unlapse_core::{Admission, Key};

use crate::events::{Event, Outcome};

/// Tells the recorder what each metric means. Done by the first source that is built; a program that
/// installs its recorder later does it then.
pub fn describe() {
    describe_counter!("unlapse_renewals_total", "Renewals that have ended, by their outcome.");
    describe_counter!(
        "unlapse_automatic_renewals_total",
        "Tokens bought ahead of time, for which nobody waited."
    );
    describe_histogram!(
        "unlapse_renewal_duration_seconds",
        Unit::Seconds,
        "From the start of a renewal to its end, the wait for the lease included."
    );
    describe_histogram!(
        "unlapse_renewal_attempts",
        "Requests that a renewal made, where it made any."
    );
    describe_counter!("unlapse_errors_total", "Renewals that failed, by the code of the error.");
    describe_counter!(
        "unlapse_doubts_total",
        "Requests whose outcome is not known: the reply was lost."
    );
    describe_counter!(
        "unlapse_stale_served_total",
        "Renewals that failed and left a token to be served beyond its end."
    );
    describe_counter!("unlapse_logins_ended_total", "Logins that only a person can bring back.");
    describe_counter!(
        "unlapse_unauthorized_total",
        "Tokens that a server answered 401 to; late: a newer token was there already."
    );
    describe_histogram!(
        "unlapse_lease_wait_seconds",
        Unit::Seconds,
        "How long a renewal waited for the lease."
    );
    describe_gauge!(
        "unlapse_breaker_state",
        "The breaker of the token endpoint: 0 closed, 1 one trial is let through, 2 open."
    );
    describe_gauge!(
        "unlapse_unsaved_tokens",
        "Sources whose newest token is not saved in its place."
    );
}

/// For the first of all sources.
pub(crate) fn describe_once() {
    static DESCRIBED: Once = Once::new();
    DESCRIBED.call_once(describe);
}

/// Counts what happened.
pub(crate) fn count(key: &Key, event: &Event) {
    let server = || key.server.clone();
    match event {
        Event::Leased { waited } => {
            histogram!("unlapse_lease_wait_seconds", "server" => server()).record(*waited);
        }
        Event::InDoubt { .. } => {
            counter!("unlapse_doubts_total", "server" => server()).increment(1);
        }
        Event::Stale { .. } => {
            counter!("unlapse_stale_served_total", "server" => server()).increment(1);
        }
        Event::Ended { .. } => {
            counter!("unlapse_logins_ended_total", "server" => server()).increment(1);
        }
        Event::Refused { is_late, .. } => {
            let late = if *is_late { "true" } else { "false" };
            counter!("unlapse_unauthorized_total", "server" => server(), "late" => late)
                .increment(1);
        }
        Event::Finished { outcome, attempts, duration, automatic, .. } => {
            let name = outcome.name();
            counter!("unlapse_renewals_total", "server" => server(), "outcome" => name)
                .increment(1);
            histogram!("unlapse_renewal_duration_seconds", "server" => server(), "outcome" => name)
                .record(*duration);
            if *attempts > 0 {
                histogram!("unlapse_renewal_attempts", "server" => server())
                    .record(f64::from(*attempts));
            }
            if *automatic && *outcome == Outcome::Renewed {
                counter!("unlapse_automatic_renewals_total", "server" => server()).increment(1);
            }
            if let Some(code) = outcome.code() {
                counter!("unlapse_errors_total", "server" => server(), "code" => code).increment(1);
            }
        }
        _ => {}
    }
}

/// What the breaker of a key's token endpoint says.
pub(crate) fn breaker(key: &Key, admission: Admission) {
    let state = match admission {
        Admission::Closed => 0.0,
        Admission::Trial => 1.0,
        Admission::Open { .. } => 2.0,
    };
    gauge!("unlapse_breaker_state", "server" => key.server.clone()).set(state);
}

/// Whether one source counts among those whose newest token is not saved.
#[derive(Debug, Default)]
pub(crate) struct Unsaved(AtomicBool);

impl Unsaved {
    /// Counts it if it `is` unsaved, and no more if it is not.
    pub(crate) fn measure(&self, key: &Key, is: impl Fn() -> bool) {
        loop {
            let unsaved = is();
            if self.0.swap(unsaved, Ordering::AcqRel) != unsaved {
                let gauge = gauge!("unlapse_unsaved_tokens", "server" => key.server.clone());
                if unsaved { gauge.increment(1.0) } else { gauge.decrement(1.0) }
            }
            // It may have changed before it was counted, and have been counted earlier.
            if is() == unsaved {
                return;
            }
        }
    }
}
