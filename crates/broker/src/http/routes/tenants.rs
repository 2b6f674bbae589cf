//! `/v1/tenants`: for operators alone.

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};

use crate::http::api::{Answer, Api, json};
use crate::http::caller::Caller;
use crate::http::params::Params;
use crate::http::path::{Path, name};
use crate::http::refusal::Refusal;
use crate::name::Name;
use crate::tenant::{Speed, Tenant};
use crate::timestamp::Timestamp;
use crate::verb::Verb;

#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    speed: &'static str,
    created_at: Timestamp,
}

impl<'a> Shown<'a> {
    fn of(tenant: &'a Tenant) -> Self {
        let Tenant { name, speed, created_at } = tenant;
        Self { name: name.as_str(), speed: speed.as_str(), created_at: Timestamp(*created_at) }
    }
}

#[derive(Serialize)]
struct List<'a> {
    tenants: Vec<Shown<'a>>,
}

async fn operator(api: &Api, request: &Parts) -> Result<Caller, Refusal> {
    let caller = api.caller(request, Verb::Admin).await?;
    caller.require_operator()?;
    Params::parse(request.uri.query(), &[])?;
    Ok(caller)
}

/// The tenant of this name, or a problem.
pub(super) async fn existing(api: &Api, name: &Name) -> Result<Tenant, Refusal> {
    let found = api.broker.tables().tenant(name).await?;
    found.ok_or_else(|| Refusal::no_such("tenant", name))
}

pub(in crate::http) async fn list(State(api): State<Api>, request: Parts) -> Answer {
    operator(&api, &request).await?;
    let tenants = api.broker.tables().tenants().await?;
    Ok(json(StatusCode::OK, List { tenants: tenants.iter().map(Shown::of).collect() }))
}

pub(in crate::http) async fn show(
    State(api): State<Api>,
    request: Parts,
    Path(text): Path<String>,
) -> Answer {
    operator(&api, &request).await?;
    let tenant = existing(&api, &name(&text)?).await?;
    Ok(json(StatusCode::OK, Shown::of(&tenant)))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Sent {
    speed: Speed,
}

pub(in crate::http) async fn put(
    State(api): State<Api>,
    request: Parts,
    Path(text): Path<String>,
    sent: Body,
) -> Answer {
    let caller = operator(&api, &request).await?;
    let name = name(&text)?;
    let Sent { speed } = api.json(&request, sent).await?;
    api.broker.tables().put_tenant(&name, speed).await?;
    api.note(&caller, Some(&name), "tenant.put", name.as_str()).await?;
    let tenant = existing(&api, &name).await?;
    Ok(json(StatusCode::OK, Shown::of(&tenant)))
}
