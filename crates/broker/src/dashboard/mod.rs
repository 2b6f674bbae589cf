//! The dashboard: pages for operators and tenants. Plain HTML that works without scripts, stays up
//! to date with one, is usable by keyboard and by screen readers, and shows no secret; every text of
//! others is escaped by its template.

mod apps;
mod assets;
mod chart;
mod connection;
mod connections;
mod desk;
pub(crate) mod facts;
mod form;
mod host;
mod imports;
mod kept;
mod logs;
mod look;
mod opened;
mod options;
mod overview;
mod page;
mod session;
mod sign_in;
#[cfg(test)]
mod tests;
mod visitor;
mod words;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};

use self::desk::Desk;
use self::look::Look;
pub(crate) use self::opened::Opened;
pub use self::options::DashboardOptions;
use crate::broker::Broker;
use crate::code::Code;

/// What the key of sessions is derived for.
const SESSIONS: &str = "unlapse dashboard sessions v1";

/// The pages of `broker`, under `/`. It has no fallback, and stands beside the API in one router; serve
/// it with `into_make_service_with_connect_info::<SocketAddr>()`, as attempts to sign in are limited by
/// where they come from.
pub fn router(broker: Broker, options: &DashboardOptions) -> Router {
    let derived = broker.tables().envelope().derived(SESSIONS);
    let options = options.clone().or_session_key(derived);
    pages(Box::new(Opened::new(broker)), &options)
}

/// The pages over what `look` shows.
fn pages(look: Box<dyn Look>, options: &DashboardOptions) -> Router {
    let desk = Desk::new(look, options);
    Router::new()
        .route("/", get(overview::shown))
        .route("/connections", get(connections::shown))
        .route("/connection", get(connection::shown))
        .route("/connection/renew", post(connection::renewed))
        .route("/connection/remove", get(connection::removing).post(connection::removed))
        .route("/apps", get(apps::shown))
        .route("/imports", get(imports::shown))
        .route("/events", get(logs::events))
        .route("/audit", get(logs::audit))
        .route("/login", get(sign_in::asked).post(sign_in::sent))
        .route("/logout", post(sign_in::left))
        .route("/assets/{file}", get(assets::asset))
        .layer(from_fn_with_state(desk.clone(), admitted))
        .with_state(desk)
}

/// Lets a request through that may reach the pages at all.
async fn admitted(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if desk.admits(&parts) {
        next.run(Request::from_parts(parts, body)).await
    } else {
        page::misdirected()
    }
}

/// What somebody at the dashboard does about a code: where the broker tries again by itself, nothing.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass references")]
fn advice(code: &Code) -> &'static str {
    if code.is_retryable() { "Nothing is lost: it is tried again." } else { code.next() }
}
