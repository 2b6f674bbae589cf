//! Everything that is answered, and where.

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use unlapse_broker::dashboard::{self, DashboardOptions};
use unlapse_broker::http::{self, ApiOptions, Draining};
use unlapse_broker::{Broker, Health, Places};
use unlapse_oauth::Endpoint;
use unlapse_verify::{JwksCache, ReqwestFetch, TokioRuntime, Verifier};

use super::failure;
use super::settings::Settings;
use crate::config::ConfigError;
use crate::diagnosis::Diagnosis;

/// Prometheus' text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The API and the dashboard.
pub(super) fn all(
    broker: &Broker,
    settings: &Settings,
    url: &Endpoint,
    verifier: Option<Verifier>,
    draining: &Draining,
    metrics: &PrometheusHandle,
) -> Router {
    let keys = &settings.file.keys;
    let mut options = ApiOptions::new(url.url().clone());
    options.draining = draining.clone();
    let requests = keys.requests.as_ref().map_or(Places::REQUESTS, |set| set.value as usize);
    let long_requests = keys.long_requests.as_ref();
    let long_requests = long_requests.map_or(Places::LONG_REQUESTS, |set| set.value as usize);
    options.places = Places::new(requests, long_requests);
    options.listeners = keys.listeners.as_ref().map_or(options.listeners, |set| set.value as usize);
    options.private_webhooks = keys.private_webhooks.as_ref().is_some_and(|set| set.value);
    options.verifier = verifier;
    if keys.metrics_listen.is_none() {
        let metrics = metrics.clone();
        options.metrics = Some(Arc::new(move || metrics.render()));
    }
    let is_open = keys.dashboard_open.as_ref().is_some_and(|set| set.value);
    let look = DashboardOptions::new(url.url()).open(is_open);
    let look = look.strangers(&options.strangers).places(&options.places);
    let pages = dashboard::router(broker.clone(), &look);
    http::router(broker.clone(), options).merge(pages)
}

/// Metrics and health, for those who watch.
pub(super) fn beside(broker: &Broker, draining: &Draining, metrics: &PrometheusHandle) -> Router {
    let (watched, metrics, begun) = (broker.clone(), metrics.clone(), draining.clone());
    let text = move || async move {
        let health = health(&watched, &begun).await.exposition(watched.clock());
        ([(header::CONTENT_TYPE, TEXT)], health + &metrics.render())
    };
    let (broker, draining) = (broker.clone(), draining.clone());
    let ready = move || async move {
        if health(&broker, &draining).await.is_ready() {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    Router::new()
        .route("/metrics", get(text))
        .route("/healthz", get(|| async { StatusCode::OK }))
        .route("/readyz", get(ready))
}

/// A node begins to end with its requests, and says so before its renewals are finished.
async fn health(broker: &Broker, draining: &Draining) -> Health {
    let health = broker.health().await;
    Health { draining: health.draining || draining.has_begun(), ..health }
}

/// Who signs JWTs that are good here, where the configuration says so.
pub(super) fn verifier(settings: &Settings, url: &Endpoint) -> Result<Option<Verifier>, Diagnosis> {
    let Some((jwt, at)) = &settings.file.jwt else { return Ok(None) };
    let Some(issuer) = &jwt.issuer else {
        return Err(Diagnosis::of_config(&ConfigError::BadValue {
            key: "jwt".to_owned(),
            at: at.clone(),
            allowed: "a table with `issuer`".to_owned(),
            nearest: None,
        }));
    };
    let own = url.url().as_str().trim_end_matches('/');
    let audience = jwt.audience.as_ref().map_or(own, |set| set.value.as_str());
    let issuer = issuer.value.as_str();
    let keys = JwksCache::of_issuer(issuer, Arc::new(ReqwestFetch::new()), Arc::new(TokioRuntime));
    let verifier = keys.map_err(|bad| bad.to_string()).and_then(|keys| {
        Verifier::builder(issuer, audience, keys).build().map_err(|bad| bad.to_string())
    });
    verifier.map(Some).map_err(|problem| failure::jwt(&problem))
}
