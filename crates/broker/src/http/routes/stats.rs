//! `GET /v1/stats`: how the connections are doing, in the numbers that the dashboard shows.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Serialize;
use unlapse::unlapse_core::{Admission, UnixTime};

use crate::code::Code;
use crate::dashboard::facts::{Circuit, Counted, Failed, Latency, Minute, Node, Overview};
use crate::http::api::{Answer, Api, json};
use crate::http::refusal::Refusal;
use crate::millis::millis;
use crate::timestamp::Timestamp;
use crate::verb::Verb;

#[derive(Serialize)]
struct Stats<'a> {
    active: Vec<Active<'a>>,
    needs_user: Vec<Waiting<'a>>,
    overdue: u64,
    /// Null: nothing waits, or a tenant asks, which shares the schedule with the others.
    oldest_due: Option<Timestamp>,
    unsaved: u64,
    /// The last hour, the oldest first.
    minutes: Vec<Rate>,
    latencies: Vec<Took<'a>>,
    failures: Vec<Waiting<'a>>,
    circuits: Vec<Stands<'a>>,
    nodes: Vec<Alive<'a>>,
}

/// An app, by the two names that the other routes know it by.
#[derive(Serialize)]
pub(super) struct Of<'a> {
    tenant: &'a str,
    provider: &'a str,
}

impl<'a> Of<'a> {
    pub(super) fn app(app: &'a str) -> Self {
        let (tenant, provider) = app.split_once('/').unwrap_or(("", app));
        Self { tenant, provider }
    }
}

#[derive(Serialize)]
struct Active<'a> {
    #[serde(flatten)]
    of: Of<'a>,
    count: u64,
}

/// So many for one reason.
#[derive(Serialize)]
struct Waiting<'a> {
    #[serde(flatten)]
    of: Of<'a>,
    code: Code,
    count: u64,
}

#[derive(Serialize)]
struct Rate {
    renewed: u64,
    failed: u64,
}

#[derive(Serialize)]
struct Took<'a> {
    #[serde(flatten)]
    of: Of<'a>,
    count: u64,
    p50_ms: u64,
    p95_ms: u64,
    p99_ms: u64,
}

#[derive(Serialize)]
struct Stands<'a> {
    #[serde(flatten)]
    of: Of<'a>,
    state: &'static str,
    failures: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    open_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
}

#[derive(Serialize)]
struct Alive<'a> {
    name: &'a str,
    alive_until: Timestamp,
}

impl<'a> Stats<'a> {
    fn new(facts: &'a Overview, now: UnixTime) -> Self {
        let active = facts.counts.iter().filter(|it| it.needs_user.is_none());
        Self {
            active: active.map(|it| Active { of: Of::app(&it.app), count: it.count }).collect(),
            needs_user: facts.counts.iter().filter_map(waiting).collect(),
            overdue: facts.overdue,
            oldest_due: facts.oldest_due.map(Timestamp),
            unsaved: facts.unsaved,
            minutes: facts.minutes.iter().map(rate).collect(),
            latencies: facts.latencies.iter().map(took).collect(),
            failures: facts.errors.iter().map(failure).collect(),
            circuits: facts.circuits.iter().map(|it| stands(it, now)).collect(),
            nodes: facts.nodes.iter().map(alive).collect(),
        }
    }
}

fn waiting(it: &Counted) -> Option<Waiting<'_>> {
    Some(Waiting { of: Of::app(&it.app), code: it.needs_user?, count: it.count })
}

fn failure(it: &Failed) -> Waiting<'_> {
    Waiting { of: Of::app(&it.app), code: it.code, count: it.count }
}

fn rate(it: &Minute) -> Rate {
    Rate { renewed: it.renewed, failed: it.failed }
}

fn took(it: &Latency) -> Took<'_> {
    Took {
        of: Of::app(&it.app),
        count: it.count,
        p50_ms: millis(it.p50),
        p95_ms: millis(it.p95),
        p99_ms: millis(it.p99),
    }
}

fn stands(it: &Circuit, now: UnixTime) -> Stands<'_> {
    let (state, open_until) = match it.breaker.admit(now) {
        Admission::Closed => ("closed", None),
        Admission::Trial => ("trial", None),
        Admission::Open { until } => ("open", Some(Timestamp(until))),
    };
    Stands { of: Of::app(&it.app), state, failures: it.breaker.failures, open_until, code: it.code }
}

fn alive(it: &Node) -> Alive<'_> {
    Alive { name: &it.name, alive_until: Timestamp(it.alive_until) }
}

/// What the dashboard would show to whoever asks: a tenant its own, an operator whichever they name,
/// or all.
pub(super) async fn overview(api: &Api, request: &Parts) -> Result<Overview, Refusal> {
    let (_, tenant) = api.asked_of_any(request, Verb::Read).await?;
    Ok(api.facts.overview_of(tenant.as_ref()).await?)
}

pub(in crate::http) async fn show(State(api): State<Api>, request: Parts) -> Answer {
    let facts = overview(&api, &request).await?;
    Ok(json(StatusCode::OK, Stats::new(&facts, api.now())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use serde_json::json;
    use unlapse::unlapse_core::{Breaker, BreakerPolicy};

    #[test]
    fn i7_a_row_for_each_number() {
        let now = UnixTime::from_secs(1_795_297_500);
        let broken =
            (0..5).fold(Breaker::default(), |it, _| it.failed(now, &BreakerPolicy::default()));
        let app = || "shop/acme".to_owned();
        let counted = |needs_user, count| Counted { app: app(), needs_user, count };
        let ms = Duration::from_millis;
        let facts = Overview {
            counts: vec![counted(Some(Code::UserRevoked), 2), counted(None, 7)],
            minutes: vec![Minute { renewed: 3, failed: 1 }],
            latencies: vec![Latency { app: app(), count: 4, p50: ms(5), p95: ms(6), p99: ms(7) }],
            errors: vec![Failed { app: app(), code: Code::ProviderDown, count: 1 }],
            circuits: vec![Circuit { app: app(), breaker: broken, code: None }],
            ..Overview::default()
        };
        let of = |more: serde_json::Value| {
            let mut of = json!({"tenant": "shop", "provider": "acme"});
            let all = of.as_object_mut().expect("an object");
            all.extend(more.as_object().expect("an object").clone());
            of
        };
        let open =
            json!({"state": "open", "failures": 5, "open_until": "2026-11-21T21:50:00.000Z"});
        let expected = json!({
            "active": [of(json!({"count": 7}))],
            "needs_user": [of(json!({"code": "USER_REVOKED", "count": 2}))],
            "overdue": 0,
            "oldest_due": null,
            "unsaved": 0,
            "minutes": [{"renewed": 3, "failed": 1}],
            "latencies": [of(json!({"count": 4, "p50_ms": 5, "p95_ms": 6, "p99_ms": 7}))],
            "failures": [of(json!({"code": "PROVIDER_DOWN", "count": 1}))],
            "circuits": [of(open)],
            "nodes": [],
        });
        assert_eq!(serde_json::to_value(Stats::new(&facts, now)).expect("JSON"), expected);
    }
}
