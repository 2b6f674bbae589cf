//! `GET /imports`: bulk imports, and how far they are.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use unlapse::unlapse_core::UnixTime;

use super::desk::Desk;
use super::facts::Import;
use super::page::{Here, Shell, page};
use super::visitor::Visitor;
use super::words::{Moment, clock, count, percent};
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "dashboard/imports.html")]
struct ImportsPage {
    shell: Shell,
    clock: String,
    rows: Vec<Row>,
}

struct Row {
    id: String,
    tenant: String,
    state: &'static str,
    tone: &'static str,
    lines: String,
    /// Where it says how many lines it has: how many of a thousand are in, and the same in words.
    progress: Option<(u64, String)>,
    brought: String,
    refused: String,
    has_refused: bool,
    started: Moment,
    touched: Moment,
}

impl Row {
    fn new(it: &Import, now: UnixTime) -> Self {
        let (state, tone) = match (it.is_done, it.refused) {
            (false, _) => ("under way", "warn"),
            (true, 0) => ("done", "good"),
            (true, _) => ("done, some refused", "warn"),
        };
        Self {
            id: it.id.clone(),
            tenant: it.tenant.to_string(),
            state,
            tone,
            lines: count(it.lines),
            progress: it.of.map(|of| (thousandths(it.lines, of), percent(it.lines, of))),
            brought: count(it.brought),
            refused: count(it.refused),
            has_refused: it.refused > 0,
            started: Moment::new(it.started_at, now),
            touched: Moment::new(it.touched_at, now),
        }
    }
}

fn thousandths(part: u64, whole: u64) -> u64 {
    let share = u128::from(part.min(whole)) * 1000 / u128::from(whole.max(1));
    u64::try_from(share).unwrap_or(1000)
}

/// `GET /imports`
pub(super) async fn shown(State(desk): State<Desk>, visitor: Visitor) -> Response {
    visitor.answer(&desk, Here::Imports, show(&desk, &visitor).await, None)
}

async fn show(desk: &Desk, visitor: &Visitor) -> Result<Response, Problem> {
    let imports = desk.look().imports(visitor.tenant()).await?;
    let template = ImportsPage {
        shell: visitor.shell(Here::Imports, "Imports"),
        clock: clock(visitor.now),
        rows: imports.iter().map(|it| Row::new(it, visitor.now)).collect(),
    };
    Ok(page(StatusCode::OK, &template))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_never_more_than_all() {
        for (part, whole, share) in
            [(0, 0, 0), (1, 3, 333), (3, 3, 1000), (9, 3, 1000), (u64::MAX, u64::MAX, 1000)]
        {
            assert_eq!(thousandths(part, whole), share, "{part} of {whole}");
        }
    }
}
