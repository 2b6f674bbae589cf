//! The service. It knows no users of its own: it belongs behind whatever does, on an address that only
//! that can reach.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;

use crate::api::Api;
use crate::connection::Connection;
use crate::connection_id::ConnectionId;
use crate::connections::Connections;
use crate::problem::{Problem, of_api, of_connect};
use crate::profile::{Profile, profile};
use crate::refresh_options::RefreshOptions;

/// Largest body that is read: that of a token reply.
const LARGEST: usize = 32 * 1024;

#[derive(Clone)]
struct Front {
    connections: Connections,
    api: Api,
}

type Names = Path<(String, String, String)>;

/// The routes of the service: `PUT` and `GET /connections/{user}/{provider}/{account}`,
/// `POST …/refresh`, `GET …/profile`.
pub fn front(connections: Connections) -> Router {
    let api = Api::new(connections.clone());
    let one = "/connections/{user}/{provider}/{account}";
    Router::new()
        .route(one, get(connection).put(connect))
        .route(&format!("{one}/refresh"), post(refresh))
        .route(&format!("{one}/profile"), get(profile_of))
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(Front { connections, api })
}

impl Front {
    fn now(&self) -> u64 {
        self.connections.now().wall.as_secs()
    }
}

fn parse(Path((user, provider, account)): &Names) -> Result<ConnectionId, Problem> {
    Ok(ConnectionId::parse(user, provider, account)?)
}

async fn connect(
    State(front): State<Front>,
    names: Names,
    reply: Bytes,
) -> Result<Json<Connection>, Problem> {
    let connected = front.connections.connect(&parse(&names)?, &reply).await;
    connected.map(Json).map_err(|error| of_connect(&error, front.now()))
}

async fn connection(State(front): State<Front>, names: Names) -> Result<Json<Connection>, Problem> {
    let found = front.connections.connection(&parse(&names)?).await;
    found.map(Json).map_err(|error| Problem::of(&error, front.now()))
}

async fn profile_of(State(front): State<Front>, names: Names) -> Result<Json<Profile>, Problem> {
    let found = profile(&front.api, &parse(&names)?).await;
    found.map(Json).map_err(|error| of_api(&error, front.now()))
}

/// The body of a refresh; an empty one is all defaults.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    max_retries: Option<u32>,
    initial_delay_ms: Option<u64>,
    max_delay_ms: Option<u64>,
}

impl Asked {
    fn parse(body: &[u8]) -> Result<RefreshOptions, Problem> {
        if body.is_empty() {
            return Ok(RefreshOptions::default());
        }
        let bad =
            |error: &serde_json::Error| Problem::new(StatusCode::BAD_REQUEST, "BAD_OPTIONS", error);
        let asked: Self = serde_json::from_slice(body).map_err(|error| bad(&error))?;
        Ok(RefreshOptions::new(
            asked.max_retries.unwrap_or(3),
            Duration::from_millis(asked.initial_delay_ms.unwrap_or(1000)),
            Duration::from_millis(asked.max_delay_ms.unwrap_or(10_000)),
        )?)
    }
}

async fn refresh(
    State(front): State<Front>,
    names: Names,
    body: Bytes,
) -> Result<Json<Connection>, Problem> {
    let options = Asked::parse(&body)?;
    let refreshed = front.connections.refresh(&parse(&names)?, options).await;
    refreshed.map(Json).map_err(|error| Problem::of(&error, front.now()))
}
