//! `GET …/attempts`: what was tried to renew a connection, the newest first (I6).

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Serialize;

use crate::code::Code;
use crate::http::api::{Answer, Api, json};
use crate::http::path::{Names, Path, connection};
use crate::millis::millis;
use crate::tables::Attempt;
use crate::timestamp::Timestamp;
use crate::verb::Verb;

/// Attempts in an answer, where nothing is said.
const PART: u16 = 50;
/// The most.
const MOST: u16 = 500;

#[derive(Serialize)]
struct List<'a> {
    attempts: Vec<Shown<'a>>,
}

#[derive(Serialize)]
struct Shown<'a> {
    at: Timestamp,
    number: u32,
    automatic: bool,
    /// Why it failed; null: there is a new token.
    code: Option<Code>,
    /// The provider's.
    status: Option<u16>,
    delay_ms: u64,
    duration_ms: u64,
    node: &'a str,
}

impl<'a> Shown<'a> {
    fn of(attempt: &'a Attempt) -> Self {
        let Attempt { at, tried, .. } = attempt;
        Self {
            at: Timestamp(*at),
            number: tried.number,
            automatic: tried.automatic,
            code: tried.code,
            status: tried.status,
            delay_ms: millis(tried.delay),
            duration_ms: millis(tried.duration),
            node: &tried.node,
        }
    }
}

pub(in crate::http) async fn list(
    State(api): State<Api>,
    request: Parts,
    Path(names): Path<Names>,
) -> Answer {
    let (caller, params) = api.asked(&request, Verb::Read, &["tenant", "limit"]).await?;
    let limit = params.limit(PART, MOST)?;
    let id = connection(caller.tenant(&params, &request.headers)?, names)?;
    // One that is not there has no history either.
    api.broker.connection(&id).await?;
    let attempts = api.broker.tables().attempts(&id, limit).await?;
    Ok(json(StatusCode::OK, List { attempts: attempts.iter().map(Shown::of).collect() }))
}
