//! The routes, a file for each thing that they are about.

use axum::Router;
use axum::routing::{MethodRouter, delete, get, post};

use super::api::Api;
use super::connect;

mod api_keys;
mod apps;
mod attempts;
mod connections;
mod events;
mod exchange;
mod forecast;
mod health;
mod imports;
pub(super) mod openapi;
mod stats;
mod tenants;
mod token;
mod webhooks;

/// Every route. `openapi.json` names the same, as a test sees to.
pub(super) fn all() -> Vec<(&'static str, MethodRouter<Api>)> {
    let connection = "/v1/connections/{user}/{provider}/{account}";
    vec![
        ("/v1/connections", get(connections::list)),
        (connection, get(connections::show).put(connections::put).delete(connections::remove)),
        ("/v1/connections/{user}/{provider}/{account}/token", post(token::token)),
        ("/v1/connections/{user}/{provider}/{account}/refresh", post(token::refresh)),
        ("/v1/connections/{user}/{provider}/{account}/attempts", get(attempts::list)),
        ("/v1/connect", post(connect::issue)),
        ("/v1/imports", post(imports::bring)),
        ("/v1/imports/{name}", get(imports::show)),
        ("/v1/events", get(events::listen)),
        ("/v1/stats", get(stats::show)),
        ("/v1/forecast", get(forecast::show)),
        ("/v1/webhooks", get(webhooks::list)),
        ("/v1/webhooks/{name}", get(webhooks::show).put(webhooks::put).delete(webhooks::remove)),
        ("/v1/webhooks/{name}/secret", post(webhooks::draw)),
        ("/v1/webhooks/{name}/test", post(webhooks::test)),
        ("/v1/apps", get(apps::list)),
        ("/v1/apps/{name}", get(apps::show).put(apps::put).delete(apps::remove)),
        ("/v1/tenants", get(tenants::list)),
        ("/v1/tenants/{name}", get(tenants::show).put(tenants::put)),
        ("/v1/api-keys", get(api_keys::list).post(api_keys::make)),
        ("/v1/api-keys/{id}", delete(api_keys::revoke)),
        ("/oauth/token", post(exchange::exchange)),
        ("/connect", get(connect::ask).post(connect::go_on)),
        ("/callback/{tenant}/{app}", get(connect::come_back)),
        ("/openapi.json", get(openapi::openapi)),
        ("/healthz", get(health::lives)),
        ("/readyz", get(health::ready)),
        ("/metrics", get(health::metrics)),
    ]
}

/// As axum wants them.
pub(super) fn router() -> Router<Api> {
    let add = |router: Router<Api>, (path, route)| router.route(path, route);
    all().into_iter().fold(Router::new(), add)
}
