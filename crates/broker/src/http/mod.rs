//! The API: JSON over HTTP. `openapi.json` beside this file says all that it takes and answers.

mod api;
mod around;
mod asked;
mod body;
mod caller;
pub(crate) mod connect;
mod keys;
mod lately;
mod options;
mod params;
mod path;
mod refusal;
mod routes;
mod scopes;
mod shown;
mod stay;

use axum::Router;
use axum::middleware;

use self::api::Api;
pub use self::options::{ApiOptions, Draining};
use crate::broker::Broker;

/// The API over `broker`, all of its routes from the root on: `/v1/…`, `/oauth/token`, `/connect`,
/// `/callback/{tenant}/{app}`, `/openapi.json`, `/healthz`, `/readyz` and `/metrics`.
///
/// Listening, TLS and the time that a request's head may take are the caller's business. Limits by
/// address need the address: serve it by `into_make_service_with_connect_info::<SocketAddr>()`.
pub fn router(broker: Broker, options: ApiOptions) -> Router {
    let api = Api::new(broker, options);
    routes::router()
        .fallback(absent)
        .layer(middleware::from_fn_with_state(api.clone(), around::around))
        .with_state(api)
}

async fn absent() -> refusal::Refusal {
    refusal::Refusal::not_found("there is no such path")
}
