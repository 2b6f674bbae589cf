//! `POST /v1/connect`: a ticket for a user, and what it is good for.

use core::time::Duration;
use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use unlapse::unlapse_core::Secret;
use unlapse::unlapse_oauth::provider::Metadata;
use unlapse_verify::sha256;
use zeroize::Zeroizing;

use crate::broker::{Actor, Wanted};
use crate::code::Code;
use crate::connection_id::ConnectionId;
use crate::http::api::{Answer, Api, secret_json};
use crate::http::path::connection;
use crate::http::refusal::Refusal;
use crate::http::scopes::check_words;
use crate::problem::Problem;
use crate::random;
use crate::redirect_uri::below;
use crate::tables::Connect;
use crate::timestamp::Timestamp;
use crate::verb::Verb;

/// How long a ticket is good.
const LIFE: Duration = Duration::from_secs(600);
/// Longest ticket that is looked at.
const LONGEST: usize = 128;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    user: String,
    provider: String,
    account: String,
    #[serde(default)]
    scopes: Vec<String>,
    return_to: Option<String>,
    #[serde(default)]
    params: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Issued {
    /// Where to send the user.
    url: String,
    expires_at: Timestamp,
}

/// What a ticket is good for.
#[derive(Serialize, Deserialize)]
pub(super) struct Ticket {
    pub(super) id: ConnectionId,
    pub(super) scopes: Vec<String>,
    pub(super) return_to: Option<String>,
    actor: String,
    #[serde(default)]
    params: BTreeMap<String, String>,
}

impl Ticket {
    pub(super) fn actor(&self) -> Actor {
        Actor { tenant: Some(self.id.tenant.clone()), name: self.actor.clone() }
    }

    pub(super) fn wanted(self) -> Wanted {
        let Self { id, scopes, return_to, params, .. } = self;
        Wanted { id, scopes, return_to, params }
    }
}

pub(in crate::http) async fn issue(State(api): State<Api>, request: Parts, sent: Body) -> Answer {
    let (caller, tenant) = api.asked_of_tenant(&request, Verb::Write).await?;
    let sent: Sent = api.json(&request, sent).await?;
    let Sent { user, provider, account, scopes, return_to, params } = sent;
    let id = connection(tenant, (user, provider, account))?;
    check_words(&scopes)?;
    if let Err(error) = Metadata::try_from(params.clone()) {
        return Err(Refusal::bad_request(format!("`params`: {error}")));
    }
    // Said here, where a program reads it, and not to its user.
    let app = api.broker.tables().app(&id.tenant, &id.provider).await?;
    let app = app.ok_or_else(|| Refusal::no_such("app", &id.provider))?;
    if return_to.as_ref().is_some_and(|place| !app.return_to.contains(place)) {
        return Err(Refusal::bad_request("`return_to` is none of the app's"));
    }
    let ticket = random::token();
    let remembered = Ticket { id, scopes, return_to, actor: caller.actor.name, params };
    let connect = Connect {
        tenant: remembered.id.tenant.clone(),
        remembered: Zeroizing::new(
            serde_json::to_vec(&remembered).expect("names and lists of text have a JSON form"),
        ),
    };
    api.broker.tables().put_connect(&place(&ticket), &connect, LIFE).await?;
    let mut url = below(&api.options.public_url, "connect");
    url.query_pairs_mut().append_pair("ticket", ticket.expose());
    let expires_at = Timestamp(api.now().plus(LIFE));
    Ok(secret_json(StatusCode::OK, Issued { url: url.into(), expires_at }))
}

/// What a ticket is kept under; never what a `state` is.
fn place(ticket: &Secret) -> [u8; 32] {
    sha256(format!("unlapse ticket\0{}", ticket.expose()).as_bytes())
}

/// What a ticket is good for, without using it up.
pub(super) async fn look(api: &Api, ticket: &Secret) -> Result<Option<Ticket>, Problem> {
    if ticket.len() > LONGEST {
        return Ok(None);
    }
    read(api.broker.tables().look_at_connect(&place(ticket)).await?)
}

/// What a ticket is good for, once.
pub(super) async fn take(api: &Api, ticket: &Secret) -> Result<Option<Ticket>, Problem> {
    if ticket.len() > LONGEST {
        return Ok(None);
    }
    read(api.broker.tables().take_connect(&place(ticket)).await?)
}

fn read(found: Option<Connect>) -> Result<Option<Ticket>, Problem> {
    let Some(connect) = found else { return Ok(None) };
    let ticket = serde_json::from_slice(&connect.remembered);
    ticket.map(Some).map_err(|_| Problem::new(Code::RecordDamaged, "a ticket cannot be read"))
}
