//! `GET /connections`: a list, by state, app and user.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use unlapse::unlapse_core::UnixTime;

use super::desk::Desk;
use super::form::Form;
use super::overview::{chosen_tenant, tenants};
use super::page::{Here, Shell, address, page};
use super::visitor::Visitor;
use super::words::Moment;
use crate::broker::{Filter, Page};
use crate::code::Code;
use crate::connection;
use crate::connection_id::ConnectionId;
use crate::cursor;
use crate::name::Name;
use crate::problem::Problem;

/// How many a page lists.
const LIMIT: usize = 50;

#[derive(Template)]
#[template(path = "dashboard/connections.html")]
struct ConnectionsPage {
    shell: Shell,
    tenants: Vec<String>,
    chosen: String,
    apps: Vec<String>,
    state: String,
    provider: String,
    user: String,
    rows: Vec<Row>,
    is_part: bool,
    first: String,
    next: Option<String>,
}

/// A connection in a list.
pub(super) struct Row {
    user: String,
    provider: Name,
    account: String,
    link: String,
    state: StateWords,
    due: Option<Moment>,
    expires: Option<Moment>,
    failing: Option<(Code, u32)>,
}

/// A state, in words and as a badge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StateWords {
    pub(super) word: &'static str,
    pub(super) tone: &'static str,
    pub(super) code: Option<Code>,
}

impl StateWords {
    /// Of a connection: it may be active and fail all the same.
    pub(super) fn of(it: &connection::Connection) -> Self {
        match (it.state, it.failing) {
            (connection::State::NeedsUser(code), _) => {
                Self { word: "needs its user", tone: "bad", code: Some(code) }
            }
            (connection::State::Active, Some(failing)) => {
                Self { word: "active, failing", tone: "warn", code: Some(failing.code) }
            }
            (connection::State::Active, None) => Self { word: "active", tone: "good", code: None },
        }
    }
}

impl Row {
    fn new(it: connection::Connection, now: UnixTime) -> Self {
        Self {
            link: link("/connection", &it.id),
            state: StateWords::of(&it),
            due: it.due_at.map(|at| Moment::new(at, now)),
            expires: it.access_expires_at.map(|at| Moment::new(at, now)),
            failing: it.failing.map(|failing| (failing.code, failing.count)),
            user: it.id.user,
            provider: it.id.provider,
            account: it.id.account,
        }
    }
}

/// The address of a page about a connection. Its names are parameters, as a path would lose a user
/// who is called `..`.
pub(super) fn link(path: &str, id: &ConnectionId) -> String {
    let parameters = [
        ("tenant", id.tenant.as_str()),
        ("user", &id.user),
        ("provider", id.provider.as_str()),
        ("account", &id.account),
    ];
    address(path, &parameters)
}

/// `GET /connections`
pub(super) async fn shown(State(desk): State<Desk>, visitor: Visitor, request: Parts) -> Response {
    let page = show(&desk, &visitor, request.uri.query().unwrap_or_default()).await;
    visitor.answer(&desk, Here::Connections, page, Some("/connections"))
}

async fn show(desk: &Desk, visitor: &Visitor, query: &str) -> Result<Response, Problem> {
    let form = Form::parse(query.as_bytes())?;
    let tenants = tenants(desk, visitor).await?;
    let named = chosen_tenant(visitor, &form)?;
    let first = tenants.first().and_then(|name| name.parse().ok());
    let chosen: Option<Name> = named.or(first);
    let filter = filter(&form)?;
    let mut listed = Page { connections: Vec::new(), next: None };
    let mut apps = Vec::new();
    if let Some(tenant) = &chosen {
        let after = form.value("after").map(|after| cursor::read(after.expose(), tenant));
        let after = after.transpose()?;
        listed = desk.look().connections(tenant, &filter, after.as_ref(), LIMIT).await?;
        apps = desk
            .look()
            .apps(Some(tenant))
            .await?
            .into_iter()
            .map(|it| it.name.to_string())
            .collect();
    }
    let chosen = chosen.as_ref().map(Name::to_string).unwrap_or_default();
    let at = |after: &str| {
        let tenant = if tenants.is_empty() { "" } else { &chosen };
        let (state, provider) = (form.text("state"), form.text("provider"));
        let user = form.text("user");
        let parameters = [
            ("tenant", tenant),
            ("state", state),
            ("provider", provider),
            ("user", user),
            ("after", after),
        ];
        address("/connections", &parameters)
    };
    let template = ConnectionsPage {
        shell: visitor.shell(Here::Connections, "Connections"),
        apps,
        state: form.text("state").to_owned(),
        provider: form.text("provider").to_owned(),
        user: form.text("user").to_owned(),
        is_part: form.value("after").is_some(),
        first: at(""),
        next: listed.next.as_ref().map(|id| at(&cursor::after(id))),
        rows: listed.connections.into_iter().map(|it| Row::new(it, visitor.now)).collect(),
        chosen,
        tenants,
    };
    Ok(page(StatusCode::OK, &template))
}

/// What a query asks for.
fn filter(form: &Form) -> Result<Filter, Problem> {
    let needs_user = match form.text("state") {
        "" => None,
        "active" => Some(false),
        "needs_user" => Some(true),
        _ => return Err(Problem::new(Code::BadRequest, "a state is `active` or `needs_user`")),
    };
    let provider = match form.text("provider") {
        "" => None,
        name => Some(name.parse().map_err(|bad: crate::name::BadName| {
            Problem::new(Code::BadRequest, bad.to_string())
        })?),
    };
    let user = form.text("user");
    if user.len() > ConnectionId::MAX || user.contains(char::is_control) {
        return Err(Problem::new(Code::BadRequest, "nobody's user has such a name"));
    }
    let user = (!user.is_empty()).then(|| user.to_owned());
    Ok(Filter { needs_user, provider, user })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Result<Filter, Code> {
        filter(&Form::parse(query.as_bytes()).expect("a query")).map_err(|problem| problem.code)
    }

    #[test]
    fn a_row_for_each_filter() {
        assert_eq!(asked(""), Ok(Filter::default()));
        assert_eq!(asked("state=&provider=&user="), Ok(Filter::default()));
        let filter = asked("state=needs_user&provider=google&user=%3Cb%3E").expect("a filter");
        assert_eq!(filter.needs_user, Some(true));
        assert_eq!(filter.provider.expect("an app").as_str(), "google");
        assert_eq!(filter.user.as_deref(), Some("<b>"));
        let long = format!("user={}", "a".repeat(257));
        for bad in ["state=dead", "provider=Google", "user=%00", &long] {
            assert_eq!(asked(bad), Err(Code::BadRequest), "{bad}");
        }
    }

    #[test]
    fn a_link_leads_to_any_name() {
        let name = |text: &str| text.parse::<Name>().expect("a name");
        let id = ConnectionId::new(name("t"), "a/../b", name("p"), "a/b?c#d").expect("valid");
        assert_eq!(
            link("/connection", &id),
            "/connection?tenant=t&user=a%2F..%2Fb&provider=p&account=a%2Fb%3Fc%23d"
        );
    }
}
