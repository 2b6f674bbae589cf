//! `GET /events` and `GET /audit`: what happened, and who did it, the newest first.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;

use super::desk::Desk;
use super::facts::Entry;
use super::form::Form;
use super::page::{Here, Shell, address, page};
use super::visitor::Visitor;
use super::words::{Moment, clock};
use crate::code::Code;
use crate::name::Name;
use crate::problem::Problem;

/// How many a page lists.
const LIMIT: usize = 50;

#[derive(Template)]
#[template(path = "dashboard/log.html")]
struct LogPage {
    shell: Shell,
    clock: String,
    intro: &'static str,
    path: &'static str,
    has_actors: bool,
    is_part: bool,
    rows: Vec<Row>,
    next: Option<String>,
}

struct Row {
    number: u64,
    at: Moment,
    tenant: Option<String>,
    by: String,
    what: String,
    subject: String,
    detail: String,
}

impl From<Entry> for Row {
    fn from(it: Entry) -> Self {
        Self {
            number: it.number,
            at: Moment::dated(it.at),
            tenant: it.tenant.as_ref().map(Name::to_string),
            by: it.by.unwrap_or_default(),
            what: it.what,
            subject: it.subject,
            detail: it.detail,
        }
    }
}

/// `GET /events`
pub(super) async fn events(State(desk): State<Desk>, visitor: Visitor, request: Parts) -> Response {
    shown(&desk, &visitor, &request, Here::Events).await
}

/// `GET /audit`
pub(super) async fn audit(State(desk): State<Desk>, visitor: Visitor, request: Parts) -> Response {
    shown(&desk, &visitor, &request, Here::Audit).await
}

async fn shown(desk: &Desk, visitor: &Visitor, request: &Parts, here: Here) -> Response {
    let page = show(desk, visitor, here, request.uri.query().unwrap_or_default()).await;
    visitor.answer(desk, here, page, None)
}

async fn show(
    desk: &Desk,
    visitor: &Visitor,
    here: Here,
    query: &str,
) -> Result<Response, Problem> {
    let form = Form::parse(query.as_bytes())?;
    let before = before(&form)?;
    let is_audit = here == Here::Audit;
    // One more than is shown tells whether there are more.
    let asked = if is_audit {
        desk.look().audits(visitor.tenant(), before, LIMIT + 1)
    } else {
        desk.look().events(visitor.tenant(), before, LIMIT + 1)
    };
    let mut entries = asked.await?;
    let has_more = entries.len() > LIMIT;
    entries.truncate(LIMIT);
    let (title, intro, path) = if is_audit {
        ("Audit log", "Who did what. Nobody can change it.", "/audit")
    } else {
        ("Events", "What happened to connections, for the last 7 days.", "/events")
    };
    let last = entries.last().filter(|_| has_more).map(|entry| entry.number.to_string());
    let template = LogPage {
        shell: visitor.shell(here, title),
        clock: clock(visitor.now),
        intro,
        path,
        has_actors: is_audit,
        is_part: before.is_some(),
        next: last.map(|number| address(path, &[("before", &number)])),
        rows: entries.into_iter().map(Row::from).collect(),
    };
    Ok(page(StatusCode::OK, &template))
}

/// Before which entry the part ends that is asked for; `None`: it is the newest part.
fn before(form: &Form) -> Result<Option<u64>, Problem> {
    let wrong = |_| Problem::new(Code::BadRequest, "`before` is the number of an entry");
    form.value("before").map(|text| text.expose().parse().map_err(wrong)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_ends_before_a_number() {
        let asked = |query: &str| before(&Form::parse(query.as_bytes()).expect("a query"));
        assert_eq!(asked(""), Ok(None));
        assert_eq!(asked("before="), Ok(None));
        assert_eq!(asked("before=7"), Ok(Some(7)));
        for bad in ["before=-1", "before=x", "before=18446744073709551616"] {
            assert_eq!(asked(bad).expect_err(bad).code, Code::BadRequest);
        }
    }
}
