//! `GET /`: how it is doing, at a glance.

pub(super) mod circuits;
mod due;
mod forecast;
mod health;
mod rates;
mod states;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use unlapse::unlapse_core::UnixTime;

use self::circuits::CircuitRow;
use self::due::DueChart;
use self::health::{Tone, health};
use self::rates::{ErrorRow, LatencyRow, RateChart};
use self::states::{StateBar, Waiting};
use super::desk::Desk;
use super::facts::Overview;
use super::form::Form;
use super::page::{Here, Shell, page};
use super::visitor::Visitor;
use super::words::{Moment, clock, count, span};
use crate::code::Code;
use crate::name::Name;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "dashboard/overview.html")]
struct OverviewPage {
    shell: Shell,
    tenants: Vec<String>,
    chosen: String,
    view: View,
}

/// Everything on the page, in words.
pub(super) struct View {
    clock: String,
    tone: Tone,
    headline: String,
    total: String,
    bar: StateBar,
    waiting: Vec<Waiting>,
    lag: Option<String>,
    overdue: String,
    unsaved: u64,
    due: DueChart,
    rates: RateChart,
    latencies: Vec<LatencyRow>,
    errors: Vec<ErrorRow>,
    circuits: Vec<CircuitRow>,
    forecast: Vec<String>,
    nodes: Vec<NodeRow>,
    alive: usize,
}

struct NodeRow {
    name: String,
    is_alive: bool,
    until: Moment,
}

impl View {
    /// The words for what is the case at `now`. Apps are named without `tenant` where that is whose
    /// page it is.
    pub(super) fn new(facts: &Overview, tenant: Option<&Name>, now: UnixTime) -> Self {
        let row = |node: &super::facts::Node| NodeRow {
            name: node.name.clone(),
            is_alive: now < node.alive_until,
            until: Moment::new(node.alive_until, now),
        };
        let nodes: Vec<_> = facts.nodes.iter().map(row).collect();
        let alive = nodes.iter().filter(|node| node.is_alive).count();
        let (tone, headline) = health(facts, now);
        let total = facts.counts.iter().fold(0_u64, |sum, it| sum.saturating_add(it.count));
        Self {
            clock: clock(now),
            tone,
            headline,
            total: count(total),
            bar: StateBar::new(&facts.counts),
            waiting: states::waiting(&facts.counts, tenant),
            lag: facts.oldest_due.filter(|due| *due < now).map(|due| span(now.since(due))),
            overdue: count(facts.overdue),
            unsaved: facts.unsaved,
            due: DueChart::new(facts.overdue, &facts.due, now),
            rates: RateChart::new(&facts.minutes),
            latencies: rates::latencies(&facts.latencies, tenant),
            errors: rates::errors(&facts.errors, tenant),
            circuits: circuits::circuits(&facts.circuits, tenant, now),
            forecast: forecast::forecast(facts, tenant, now),
            nodes,
            alive,
        }
    }
}

/// `GET /`
pub(super) async fn shown(State(desk): State<Desk>, visitor: Visitor, request: Parts) -> Response {
    let page = show(&desk, &visitor, request.uri.query().unwrap_or_default()).await;
    visitor.answer(&desk, Here::Overview, page, None)
}

async fn show(desk: &Desk, visitor: &Visitor, query: &str) -> Result<Response, Problem> {
    let form = Form::parse(query.as_bytes())?;
    let chosen = chosen_tenant(visitor, &form)?;
    let facts = desk.look().overview(chosen.as_ref()).await?;
    let template = OverviewPage {
        shell: visitor.shell(Here::Overview, "Overview"),
        tenants: tenants(desk, visitor).await?,
        chosen: chosen.as_ref().map(Name::to_string).unwrap_or_default(),
        view: View::new(&facts, chosen.as_ref(), visitor.now),
    };
    Ok(page(StatusCode::OK, &template))
}

/// Whose part is shown: a tenant's visitor sees their own, an operator whichever they name.
pub(super) fn chosen_tenant(visitor: &Visitor, form: &Form) -> Result<Option<Name>, Problem> {
    let named = form.value("tenant").map(|_| form.text("tenant").parse::<Name>()).transpose();
    let named = named.map_err(|bad| Problem::new(Code::BadRequest, bad.to_string()))?;
    match named {
        Some(named) if !visitor.actor.may_touch(&named) => {
            Err(Problem::new(Code::Forbidden, "this key is another tenant's"))
        }
        Some(named) => Ok(Some(named)),
        None => Ok(visitor.tenant().cloned()),
    }
}

/// The tenants that a visitor may choose from: none where they belong to one.
pub(super) async fn tenants(desk: &Desk, visitor: &Visitor) -> Result<Vec<String>, Problem> {
    if visitor.tenant().is_some() {
        return Ok(Vec::new());
    }
    let tenants = desk.look().tenants().await?;
    Ok(tenants.into_iter().map(|tenant| tenant.name.to_string()).collect())
}

/// An app as a page names it: without the tenant whose page it is.
fn app_name(app: &str, tenant: Option<&Name>) -> String {
    let own = tenant.and_then(|tenant| app.strip_prefix(tenant.as_str())?.strip_prefix('/'));
    own.unwrap_or(app).to_owned()
}
