//! What a renewal counts (I7, C17), as Prometheus reads it.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use unlapse::Secret;
use unlapse_core::{Rejection, Reuse, StoreError};

use crate::world::{Fault, World};
use crate::{full, secs};

/// The recorder of this thread alone, as long as the guard lives.
fn recorder() -> (PrometheusHandle, ::metrics::LocalRecorderGuard<'static>) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    // One for each test, for as long as the process lives.
    let guard = ::metrics::set_default_local_recorder(Box::leak(Box::new(recorder)));
    unlapse::metrics::describe();
    (handle, guard)
}

fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.split(' ').next() == Some(series))?;
    line.split(' ').nth(1)?.parse().ok()
}

#[track_caller]
fn assert_value(text: &str, series: &str, expected: f64) {
    let found = value(text, series).unwrap_or(f64::NAN);
    assert!((found - expected).abs() < 1e-9, "{series} is {found}, not {expected}:\n{text}");
}

#[tokio::test(start_paused = true)]
async fn i7_renewals_are_counted_by_outcome_code_and_origin() {
    let (handle, _guard) = recorder();
    let world = World::new(Reuse::Strict);
    *world.server.latency.lock().unwrap() = secs(2);
    let process = world.log_in().await;
    world.expire().await;
    world.server.fault(Fault::Status(429, Some(1)));
    process.token().await.unwrap();
    // Somebody else has renewed: adopted.
    let other = world.process().await;
    world.expire().await;
    process.token().await.unwrap();
    other.token().await.unwrap();
    for _ in 0..3 {
        world.server.fault(Fault::Unsent);
    }
    assert!(process.force_refresh().await.is_err());
    drop(other);
    let kept = world.builder().build().await;
    world.pass(secs(3601)).await;
    world.server.fault(Fault::Reject(Rejection::InvalidGrant));
    assert!(kept.force_refresh().await.unwrap_err().needs_login());
    let text = handle.render();
    let renewals =
        |outcome| format!("unlapse_renewals_total{{server=\"acme\",outcome=\"{outcome}\"}}");
    assert_value(&text, &renewals("renewed"), 3.0);
    assert_value(&text, &renewals("adopted"), 1.0);
    assert_value(&text, &renewals("failed"), 2.0);
    let errors = |code| format!("unlapse_errors_total{{server=\"acme\",code=\"{code}\"}}");
    assert_value(&text, &errors("temporary_failure"), 1.0);
    assert_value(&text, &errors("login_needed"), 1.0);
    assert_value(&text, "unlapse_automatic_renewals_total{server=\"acme\"}", 1.0);
    assert_value(&text, "unlapse_logins_ended_total{server=\"acme\"}", 1.0);
    // Two of one attempt, one of two, one of three, and the rejected one.
    assert_value(&text, "unlapse_renewal_attempts_sum{server=\"acme\"}", 8.0);
    assert_value(&text, "unlapse_renewal_attempts_count{server=\"acme\"}", 5.0);
    let took = "unlapse_renewal_duration_seconds_sum{server=\"acme\",outcome=\"renewed\"}";
    assert!(value(&text, took).unwrap() >= 9.0, "four requests of two seconds, one wait: {text}");
    assert!(text.contains("# TYPE unlapse_renewals_total counter"));
    assert!(text.contains("# HELP unlapse_renewals_total Renewals that have ended"));
}

#[tokio::test(start_paused = true)]
async fn r5_r16_unsaved_tokens_and_the_breaker_are_gauges() {
    let (handle, _guard) = recorder();
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    let unsaved = "unlapse_unsaved_tokens{server=\"acme\"}";
    let breaker = "unlapse_breaker_state{server=\"acme\"}";
    // The intent is saved, the answer is not.
    world.store.fail_saves(1, full(), true);
    process.force_refresh().await.unwrap();
    assert_value(&handle.render(), unsaved, 1.0);
    world.store.heal();
    process.settle().await.unwrap();
    assert_value(&handle.render(), unsaved, 0.0);
    assert_value(&handle.render(), breaker, 0.0);
    for _ in 0..5 {
        world.server.fault(Fault::Unsent);
    }
    while process.force_refresh().await.is_err_and(|error| error.code() != "breaker_open") {
        world.pass(secs(61)).await;
    }
    assert_value(&handle.render(), breaker, 2.0);
    world.pass(secs(301)).await;
    process.force_refresh().await.unwrap();
    assert_value(&handle.render(), breaker, 0.0);
    // One that goes with its source is not counted for ever.
    world.store.fail_saves(1, full(), true);
    process.force_refresh().await.unwrap();
    assert_value(&handle.render(), unsaved, 1.0);
    world.store.heal();
    drop(process);
    tokio::task::yield_now().await;
    assert_value(&handle.render(), unsaved, 0.0);
}

#[tokio::test(start_paused = true)]
async fn r5_an_unsaved_token_that_gives_way_is_counted_no_more() {
    let (handle, _guard) = recorder();
    let unsaved = "unlapse_unsaved_tokens{server=\"acme\"}";
    for api_key in [None, Some(Secret::new("key"))] {
        let world = World::new(Reuse::Strict);
        let process = world.log_in().await;
        world.store.fail_saves(1, StoreError::ReadOnly { place: "the disk".to_owned() }, false);
        process.force_refresh().await.unwrap();
        drop(process);
        world.store.heal();
        // The next process finds the copy that lies aside.
        let has_key = api_key.is_some();
        let builder = world.builder().ahead_of_time(false);
        let builder = if let Some(key) = api_key { builder.api_key(key) } else { builder };
        let process = builder.build().await;
        assert_value(&handle.render(), unsaved, 1.0);
        if has_key {
            // It is of no use any more, and the API key stands in.
            world.expire().await;
            world.server.fault(Fault::Reject(Rejection::InvalidGrant));
            assert_eq!(process.token().await.unwrap().secret.expose(), "key");
        } else {
            // It is removed by hand, with all there is.
            world.store.kept.lock().unwrap().take();
            world.store.aside.lock().unwrap().take();
            process.info().await.unwrap();
            assert!(process.bearer_now().is_none());
        }
        assert_value(&handle.render(), unsaved, 0.0);
    }
}

#[tokio::test(start_paused = true)]
async fn r13_r7_late_401s_doubts_and_waits_are_counted() {
    let (handle, _guard) = recorder();
    let world = World::new(Reuse::Stable);
    let process = world.log_in().await;
    for _ in 0..50 {
        process.reject(1).await.unwrap();
    }
    world.server.fault(Fault::ReplyLost);
    process.force_refresh().await.unwrap();
    let text = handle.render();
    assert_value(&text, "unlapse_unauthorized_total{server=\"acme\",late=\"false\"}", 1.0);
    assert_value(&text, "unlapse_unauthorized_total{server=\"acme\",late=\"true\"}", 49.0);
    assert_value(&text, "unlapse_doubts_total{server=\"acme\"}", 1.0);
    assert_value(&text, "unlapse_lease_wait_seconds_count{server=\"acme\"}", 2.0);
}

#[tokio::test(start_paused = true)]
async fn r18_no_account_and_no_secret_is_a_label() {
    let (handle, _guard) = recorder();
    let world = World::new(Reuse::Strict);
    let process = world.builder().api_key(Secret::new("canary-api-key")).build().await;
    let grant = world.server.open();
    process.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
    world.expire().await;
    process.token().await.unwrap();
    let _ = process.reject(2).await;
    assert_eq!(world.server.requests.load(Ordering::SeqCst), 2);
    let text = handle.render();
    assert!(text.contains("unlapse_renewals_total"));
    for canary in ["canary", "rt-", "at-2", "at-3"] {
        assert!(!text.contains(canary), "{canary} in {text}");
    }
}

/// The names of metrics in a text, without what a histogram adds to its own.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    let words = text.split(|c: char| !is_name(c)).filter(|word| word.starts_with("unlapse_"));
    let endings = ["_bucket", "_sum", "_count"];
    let whole =
        words.map(|word| endings.iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word));
    whole.map(str::to_owned).collect()
}

/// Everything that is counted, by everything that can happen.
#[tokio::test(start_paused = true)]
async fn i7_docs_and_dashboard_name_what_is_counted_and_nothing_else() {
    let (handle, _guard) = recorder();
    let mut world = World::new(Reuse::Strict);
    world.policy.stale = secs(3600);
    drop(world.log_in().await);
    let process = world.builder().build().await;
    world.pass(secs(3400)).await;
    process.reject(2).await.unwrap();
    world.store.fail_saves(1, full(), true);
    process.force_refresh().await.unwrap();
    world.store.heal();
    process.settle().await.unwrap();
    world.server.fault(Fault::ReplyLost);
    assert!(process.force_refresh().await.is_err());
    // Its successor is lost, and the server ends the login at the next sight of it.
    world.expire().await;
    assert!(process.token().await.unwrap_err().needs_login());
    drop(process);
    let other = world.log_in().await;
    world.expire().await;
    for _ in 0..3 {
        world.server.fault(Fault::Unsent);
    }
    assert!(other.token().await.unwrap().is_stale);
    let counted = metrics_in(&handle.render());
    let docs = include_str!("../../../../docs/observability.md");
    // The broker counts by itself.
    let is_ours =
        |line: &&str| line.starts_with("| `unlapse_") && !line.starts_with("| `unlapse_broker_");
    let rows = docs.lines().filter(is_ours);
    assert_eq!(metrics_in(&rows.collect::<Vec<_>>().join("\n")), counted);
    let dashboard = include_str!("../../../../docs/grafana/unlapse.json");
    let dashboard: serde_json::Value = serde_json::from_str(dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let asked: Vec<_> =
        panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap()).collect();
    let asked = asked.iter().map(|target| target["expr"].as_str().unwrap());
    assert_eq!(metrics_in(&asked.collect::<Vec<_>>().join("\n")), counted);
}
