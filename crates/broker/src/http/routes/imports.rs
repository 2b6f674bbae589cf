//! `/v1/imports`: many connections at once, as they come in: never the whole body in memory.

use core::future::poll_fn;
use core::pin::Pin;
use core::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use http_body::Body as _;
use serde::Serialize;
use unlapse::Clock as _;

use super::tenants::existing;
use crate::http::api::{Answer, Api, json};
use crate::http::body;
use crate::http::path::Path;
use crate::http::refusal::Refusal;
use crate::name::Name;
use crate::tables::{Fault, ImportProgress};
use crate::timestamp::Timestamp;
use crate::verb::Verb;

/// A client that sends nothing for so long is given up; what is done stays done.
const SILENCE: Duration = Duration::from_secs(30);
/// Refused lines that are shown.
const FAULTS: usize = 100;

#[derive(Serialize)]
struct Shown<'a> {
    tenant: &'a str,
    id: &'a str,
    started_at: Timestamp,
    changed_at: Timestamp,
    /// Null: it goes on, or was broken off.
    finished_at: Option<Timestamp>,
    lines: u64,
    brought: u64,
    left_alone: u64,
    refused: u64,
    /// The first of the lines that were refused.
    faults: &'a [Fault],
}

impl<'a> Shown<'a> {
    fn of(progress: &'a ImportProgress, faults: &'a [Fault]) -> Self {
        Self {
            tenant: progress.tenant.as_str(),
            id: progress.id.as_str(),
            started_at: Timestamp(progress.started_at),
            changed_at: Timestamp(progress.changed_at),
            finished_at: progress.finished_at.map(Timestamp),
            lines: progress.lines,
            brought: progress.brought,
            left_alone: progress.left_alone,
            refused: progress.refused,
            faults,
        }
    }
}

async fn shown(api: &Api, tenant: &Name, id: &Name) -> Answer {
    let tables = api.broker.tables();
    let progress = tables.import(tenant, id).await?;
    let progress = progress.ok_or_else(|| Refusal::no_such("import", id))?;
    let faults = tables.import_faults(tenant, id, 0, FAULTS).await?;
    Ok(json(StatusCode::OK, Shown::of(&progress, &faults)))
}

pub(in crate::http) async fn show(
    State(api): State<Api>,
    request: Parts,
    Path(text): Path<String>,
) -> Answer {
    let (_, tenant, id) = api.asked_of_named(&request, Verb::Import, &text).await?;
    shown(&api, &tenant, &id).await
}

/// Brings what the body has, and goes on behind what an earlier upload of the same name has done.
pub(in crate::http) async fn bring(State(api): State<Api>, request: Parts, sent: Body) -> Answer {
    let (caller, params) = api.asked(&request, Verb::Import, &["tenant", "id"]).await?;
    let tenant = caller.tenant(&params, &request.headers)?;
    let id: Option<Name> = params.parsed("id")?;
    let id = id.ok_or_else(|| Refusal::bad_request("`id` is missing: it names the import"))?;
    body::demand(&request.headers, body::NDJSON)?;
    existing(&api, &tenant).await?;
    api.lengthen(&request)?;
    let mut import = api.broker.import(&tenant, &id, &caller.actor).await?;
    let mut sent = sent;
    loop {
        let chunk = tokio::select! {
            chunk = next(&mut sent) => chunk?,
            () = api.timer.sleep(SILENCE) => {
                let slow = Refusal::bad_request("nothing came for 30 s; send it again, to go on");
                return Err(slow.status(StatusCode::REQUEST_TIMEOUT));
            }
        };
        match chunk {
            Some(chunk) => import.feed(&chunk).await?,
            None => break,
        }
    }
    import.finish().await?;
    shown(&api, &tenant, &id).await
}

/// The next piece of a body.
async fn next(body: &mut Body) -> Result<Option<Bytes>, Refusal> {
    loop {
        let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
        match frame {
            None => return Ok(None),
            Some(Ok(frame)) => {
                // Trailers say nothing here.
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            Some(Err(_)) => {
                return Err(Refusal::bad_request(
                    "the body was broken off; send it again, to go on",
                ));
            }
        }
    }
}
