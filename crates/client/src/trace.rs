//! Log lines and spans (I6). Their names and fields are an interface, listed in
//! `docs/observability.md`: dashboards and alerts of others hang on them.

use std::time::Duration;

use tracing::{Span, debug, debug_span, info, info_span, warn};
use unlapse_core::{Demand, Key, Plan, Spend, Stop, Verdict};

use crate::events::{Event, Outcome};

/// The span of one renewal. A child of the span of whoever asked for it, although it runs as a task
/// of its own.
pub(crate) fn renewal(key: &Key, demand: Demand, automatic: bool, generation: u64) -> Span {
    info_span!(
        target: "unlapse",
        "unlapse.renewal",
        %key,
        demand = demand_word(demand),
        automatic,
        generation,
        attempts = tracing::field::Empty,
        outcome = tracing::field::Empty,
    )
}

/// The span of one person's login.
pub(crate) fn login(key: &Key) -> Span {
    info_span!(target: "unlapse", "unlapse.login", %key)
}

/// The wait for the lease.
pub(crate) fn lease() -> Span {
    debug_span!(target: "unlapse", "unlapse.lease")
}

/// The record read again.
pub(crate) fn read() -> Span {
    debug_span!(target: "unlapse", "unlapse.read")
}

/// What the server is asked before a secret leaves, such as its metadata.
pub(crate) fn prepare() -> Span {
    debug_span!(target: "unlapse", "unlapse.prepare")
}

/// The intent, made durable.
pub(crate) fn intend() -> Span {
    debug_span!(target: "unlapse", "unlapse.intend")
}

/// One request, until its verdict.
pub(crate) fn spend(spend: Spend, attempt: u32, delay: Duration) -> Span {
    debug_span!(
        target: "unlapse",
        "unlapse.spend",
        spend = spend_word(spend),
        attempt,
        delay_ms = millis(delay),
        verdict = tracing::field::Empty,
    )
}

/// What was granted, made durable.
pub(crate) fn keep() -> Span {
    debug_span!(target: "unlapse", "unlapse.keep")
}

/// What an answer meant, on the span of its request.
pub(crate) fn judged(span: &Span, verdict: &Verdict) {
    span.record("verdict", verdict_word(verdict));
}

/// How a renewal ended, on its span.
pub(crate) fn finished(span: &Span, outcome: Outcome, attempts: u32) {
    span.record("attempts", attempts);
    span.record("outcome", outcome.code().unwrap_or(outcome.name()));
}

/// Logs an event at the level that its reader needs.
pub(crate) fn log(key: &Key, event: &Event) {
    /// One line, whose first fields are those of every line.
    macro_rules! line {
        ($level:ident, $text:literal $(, $($fields:tt)+)?) => {
            $level!(target: "unlapse", %key, event = event.name(), $($($fields)+,)? $text)
        };
    }
    match event {
        Event::Started { demand, automatic } => {
            line!(debug, "a renewal begins", demand = demand_word(*demand), automatic);
        }
        Event::Leased { waited } => {
            line!(debug, "the lease is ours", waited_ms = millis(*waited));
        }
        Event::Planned { plan, row } => {
            line!(debug, "what comes next is decided", plan = plan_word(*plan), ?row);
        }
        Event::Spending { spend, attempt, delay } => {
            let (spend, delay_ms) = (spend_word(*spend), millis(*delay));
            line!(debug, "a request is being made", spend, attempt, delay_ms);
        }
        Event::Renewed { generation } => {
            line!(info, "a token was granted, and is durable", generation);
        }
        Event::Adopted { generation } => line!(debug, "a token is used as it is", generation),
        Event::Stale { generation } => {
            line!(warn, "a token that has ended is served on", generation);
        }
        Event::Failed { cause } => line!(warn, "the server gave no verdict", %cause),
        Event::Rejected { rejection } => line!(warn, "the server said no", %rejection),
        Event::InDoubt { cause } => line!(warn, "the outcome of a request is not known", %cause),
        Event::Ended { reason } => {
            line!(warn, "the login has ended", reason = reason.describe());
        }
        Event::RuleBroken { rule } => line!(warn, "a granted token is refused", %rule),
        Event::Unsaved { error, set_aside } => {
            let code = error.code();
            line!(warn, "the newest token is not saved", code, %error, set_aside);
        }
        Event::Saved { generation } => line!(info, "what was not saved now is", generation),
        Event::StoreAway { error } => {
            line!(warn, "the store cannot be used", code = error.code(), %error);
        }
        Event::ClockOff { millis } => {
            line!(warn, "the clocks of client and server are apart", offset_ms = millis);
        }
        Event::Released { held } => {
            line!(debug, "the lease is given up", held_ms = millis(*held));
        }
        Event::Finished { outcome, generation, attempts, duration, automatic, .. } => {
            let (name, code) = (outcome.name(), outcome.code());
            let duration_ms = millis(*duration);
            macro_rules! end {
                ($level:ident) => {
                    line!(
                        $level,
                        "a renewal has ended",
                        outcome = name,
                        code,
                        generation,
                        attempts,
                        duration_ms,
                        automatic
                    )
                };
            }
            match outcome {
                Outcome::Renewed => end!(info),
                Outcome::Adopted => end!(debug),
                Outcome::Served { .. }
                | Outcome::Stale { .. }
                | Outcome::ApiKey
                | Outcome::Failed { .. } => end!(warn),
            }
        }
        // Fifty of these cost one renewal, and are no news after the first.
        Event::Refused { generation, is_late: true } => {
            line!(debug, "a server answered 401", generation, is_late = true);
        }
        Event::Refused { generation, is_late } => {
            line!(info, "a server answered 401", generation, is_late);
        }
        Event::BreakerOpened { until } => line!(warn, "the breaker has opened", %until),
        Event::BreakerClosed => line!(info, "the breaker has closed"),
        Event::LoggedIn { generation } => line!(info, "a person has logged in", generation),
        Event::Reported { event } => {
            line!(warn, "a security event was reported", reported = ?event);
        }
        Event::Cleared => line!(info, "the record was removed"),
    }
}

fn demand_word(demand: Demand) -> &'static str {
    match demand {
        Demand::Fresh { .. } => "fresh",
        Demand::Rejected(_) => "rejected",
        Demand::NewerThan(_) => "newer",
        Demand::Force => "force",
        Demand::NewLogin => "new_login",
    }
}

fn plan_word(plan: Plan) -> &'static str {
    match plan {
        Plan::Adopt => "adopt",
        Plan::Stale => "stale",
        Plan::Spend(spend) => spend_word(spend),
        Plan::ApiKey => "api_key",
        Plan::Stop(Stop::NeedsLogin(_)) => "stop_needs_login",
        Plan::Stop(Stop::InDoubt) => "stop_in_doubt",
        Plan::Stop(Stop::Later { .. }) => "stop_later",
        Plan::Stop(Stop::BreakerOpen { .. }) => "stop_breaker_open",
    }
}

fn spend_word(spend: Spend) -> &'static str {
    match spend {
        Spend::Refresh => "refresh",
        Spend::Replay => "replay",
        Spend::Login => "login",
    }
}

fn verdict_word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Granted(_) => "granted",
        Verdict::Rejected(_) => "rejected",
        Verdict::Transient { .. } => "transient",
        Verdict::Unsent(_) => "unsent",
        Verdict::Unknown(_) => "unknown",
    }
}

/// At most some ten thousand years.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "trace_tests.rs"]
mod tests;
