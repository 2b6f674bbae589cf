//! `GET /connection`: one of them, its times, and what has been done with it.

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use unlapse::unlapse_core::UnixTime;

use super::connections::{StateWords, link};
use super::desk::Desk;
use super::facts::{Attempt, History};
use super::form::Form;
use super::page::{Here, Shell, address, page, problem, see_other};
use super::visitor::Visitor;
use super::words::{Moment, clock, took};
use crate::code::Code;
use crate::connection::State as Life;
use crate::connection_id::ConnectionId;
use crate::name::Name;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "dashboard/connection.html")]
struct ConnectionPage {
    shell: Shell,
    id: ConnectionId,
    clock: String,
    done: Option<&'static str>,
    state: StateWords,
    failures: u32,
    facts: Vec<(&'static str, Moment)>,
    generation: u64,
    scope: Option<String>,
    metadata: Vec<(String, String)>,
    attempts: Vec<AttemptRow>,
    may_write: bool,
    renew: bool,
    remove: String,
}

struct AttemptRow {
    number: u64,
    at: Moment,
    what: String,
    code: Option<Code>,
    took: String,
    node: String,
}

impl AttemptRow {
    fn new(it: Attempt) -> Self {
        Self {
            number: it.at.as_millis(),
            at: Moment::dated(it.at),
            what: it.what,
            code: it.code,
            took: took(it.duration),
            node: it.node,
        }
    }
}

#[derive(Template)]
#[template(path = "dashboard/remove.html")]
struct RemovePage {
    shell: Shell,
    id: ConnectionId,
    back: String,
}

/// The connection that parameters name; another tenant's is forbidden.
fn named(visitor: &Visitor, form: &Form) -> Result<ConnectionId, Problem> {
    let bad = |what: String| Problem::new(Code::BadRequest, what);
    let name = |which: &str| {
        form.text(which).parse::<Name>().map_err(|error| bad(format!("`{which}`: {error}")))
    };
    let (tenant, provider) = (name("tenant")?, name("provider")?);
    if !visitor.actor.may_touch(&tenant) {
        return Err(Problem::new(Code::Forbidden, "this key is another tenant's"));
    }
    ConnectionId::new(tenant, form.text("user"), provider, form.text("account"))
        .map_err(|error| bad(error.to_string()))
}

/// `GET /connection`
pub(super) async fn shown(State(desk): State<Desk>, visitor: Visitor, request: Parts) -> Response {
    let reply = show(&desk, &visitor, request.uri.query().unwrap_or_default()).await;
    let reply = reply.unwrap_or_else(|it| refused(&visitor, &it));
    visitor.remember(&desk, reply)
}

fn refused(visitor: &Visitor, it: &Problem) -> Response {
    let back = it.account.as_ref().filter(|_| it.code != Code::AccountNotFound);
    let back = back.map_or_else(|| "/connections".to_owned(), |id| link("/connection", id));
    problem(visitor.shell(Here::Connections, ""), it, Some(back))
}

async fn show(desk: &Desk, visitor: &Visitor, query: &str) -> Result<Response, Problem> {
    let form = Form::parse(query.as_bytes())?;
    let id = named(visitor, &form)?;
    let History { connection, attempts } = desk.look().history(&id).await?;
    let title = format!("{} at {}", id.user, id.provider);
    let template = ConnectionPage {
        shell: visitor.shell(Here::Connections, title),
        clock: clock(visitor.now),
        done: (form.text("done") == "renewed").then_some("The connection was renewed."),
        state: StateWords::of(&connection),
        failures: connection.failing.map_or(0, |failing| failing.count),
        facts: times(&connection, visitor.now),
        generation: connection.generation,
        renew: visitor.may_write() && connection.state == Life::Active,
        remove: link("/connection/remove", &id),
        scope: connection.scope,
        metadata: connection.metadata.into_iter().collect(),
        attempts: attempts.into_iter().map(AttemptRow::new).collect(),
        may_write: visitor.may_write(),
        id,
    };
    Ok(page(StatusCode::OK, &template))
}

/// Every time that a connection has, with its name.
fn times(it: &crate::connection::Connection, now: UnixTime) -> Vec<(&'static str, Moment)> {
    let named = [
        ("Renewed next", it.due_at),
        ("Access token ends", it.access_expires_at),
        ("Refresh token ends", it.refresh_expires_at),
        ("Last asked for", it.seen_at),
        ("Consent given", Some(it.connected_at)),
        ("First connected", Some(it.created_at)),
    ];
    named.into_iter().filter_map(|(name, at)| Some((name, Moment::new(at?, now)))).collect()
}

/// `POST /connection/renew`
pub(super) async fn renewed(State(desk): State<Desk>, request: Parts, body: Body) -> Response {
    let (visitor, form) = match desk.enter_for_long(&request, body).await {
        Ok(entered) => entered,
        Err(response) => return response,
    };
    renew(&desk, &visitor, &form).await.unwrap_or_else(|it| refused(&visitor, &it))
}

async fn renew(desk: &Desk, visitor: &Visitor, form: &Form) -> Result<Response, Problem> {
    visitor.demand_write()?;
    let id = named(visitor, form)?;
    desk.look().renew(&id, &visitor.actor).await.map_err(|problem| problem.of(&id))?;
    Ok(see_other(&format!("{}&done=renewed", link("/connection", &id))))
}

/// `GET /connection/remove`: asks first.
pub(super) async fn removing(
    State(desk): State<Desk>,
    visitor: Visitor,
    request: Parts,
) -> Response {
    let ask = || {
        visitor.demand_write()?;
        let form = Form::parse(request.uri.query().unwrap_or_default().as_bytes())?;
        let id = named(&visitor, &form)?;
        let shell = visitor.shell(Here::Connections, "Remove this connection?");
        let back = link("/connection", &id);
        Ok(page(StatusCode::OK, &RemovePage { shell, id, back }))
    };
    let reply = ask().unwrap_or_else(|it| refused(&visitor, &it));
    visitor.remember(&desk, reply)
}

/// `POST /connection/remove`
pub(super) async fn removed(State(desk): State<Desk>, request: Parts, body: Body) -> Response {
    let (visitor, form) = match desk.enter_for_long(&request, body).await {
        Ok(entered) => entered,
        Err(response) => return response,
    };
    remove(&desk, &visitor, &form).await.unwrap_or_else(|it| refused(&visitor, &it))
}

async fn remove(desk: &Desk, visitor: &Visitor, form: &Form) -> Result<Response, Problem> {
    visitor.demand_write()?;
    let id = named(visitor, form)?;
    match desk.look().remove(&id, &visitor.actor).await {
        Ok(()) => {}
        // In another window it is gone already: the list shows it.
        Err(problem) if problem.code == Code::AccountNotFound => {}
        Err(problem) => return Err(problem.of(&id)),
    }
    Ok(see_other(&address("/connections", &[("tenant", id.tenant.as_str())])))
}
