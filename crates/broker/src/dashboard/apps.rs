//! `GET /apps`: registrations at providers, and their circuits.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use url::Url;

use super::desk::Desk;
use super::facts::AppFacts;
use super::overview::circuits::{CircuitState, until, why};
use super::page::{Here, Shell, address, page};
use super::visitor::Visitor;
use super::words::{Moment, clock};
use crate::problem::Problem;
use crate::redirect_uri;

#[derive(Template)]
#[template(path = "dashboard/apps.html")]
struct AppsPage {
    shell: Shell,
    clock: String,
    rows: Vec<Row>,
}

struct Row {
    id: String,
    name: String,
    provider: String,
    client_id: String,
    redirect_uri: String,
    scopes: String,
    changed: Moment,
    state: CircuitState,
    until: Option<Moment>,
    why: String,
    link: String,
}

impl Row {
    fn new(it: &AppFacts, visitor: &Visitor, public_url: &Url) -> Self {
        let now = visitor.now;
        let whole = format!("{}/{}", it.tenant, it.name);
        let parameters = [("tenant", it.tenant.as_str()), ("provider", it.name.as_str())];
        Self {
            name: if visitor.tenant().is_some() { it.name.to_string() } else { whole.clone() },
            id: whole,
            provider: it.provider.to_string(),
            client_id: it.client_id.clone(),
            redirect_uri: redirect_uri(public_url, &it.tenant, &it.name).into(),
            scopes: it.scopes.join(" "),
            changed: Moment::new(it.changed_at, now),
            state: CircuitState::of(&it.breaker, now),
            until: until(&it.breaker, now),
            why: why(&it.breaker),
            link: address("/connections", &parameters),
        }
    }
}

/// `GET /apps`
pub(super) async fn shown(State(desk): State<Desk>, visitor: Visitor) -> Response {
    visitor.answer(&desk, Here::Apps, show(&desk, &visitor).await, None)
}

async fn show(desk: &Desk, visitor: &Visitor) -> Result<Response, Problem> {
    let apps = desk.look().apps(visitor.tenant()).await?;
    let template = AppsPage {
        shell: visitor.shell(Here::Apps, "Apps and circuits"),
        clock: clock(visitor.now),
        rows: apps.iter().map(|it| Row::new(it, visitor, desk.public_url())).collect(),
    };
    Ok(page(StatusCode::OK, &template))
}
