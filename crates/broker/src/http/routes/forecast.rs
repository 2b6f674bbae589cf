//! `GET /v1/forecast`: what comes due and what ends, in the numbers that the dashboard shows.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Serialize;

use super::stats::{Of, overview};
use crate::dashboard::facts::{Ends, Overview};
use crate::http::api::{Answer, Api, json};

#[derive(Serialize)]
struct Forecast<'a> {
    overdue: u64,
    /// In each of the hours that follow.
    due: &'a [u64],
    ends: Vec<Within<'a>>,
}

/// Refresh tokens that end, and with them the consent of their users.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the words of the API")]
struct Within<'a> {
    #[serde(flatten)]
    of: Of<'a>,
    within_7_days: u64,
    within_14_days: u64,
    within_30_days: u64,
}

impl<'a> Forecast<'a> {
    fn new(facts: &'a Overview) -> Self {
        let ends = facts.ends.iter().map(within).collect();
        Self { overdue: facts.overdue, due: &facts.due, ends }
    }
}

fn within(it: &Ends) -> Within<'_> {
    Within {
        of: Of::app(&it.app),
        within_7_days: it.week,
        within_14_days: it.fortnight,
        within_30_days: it.month,
    }
}

pub(in crate::http) async fn show(State(api): State<Api>, request: Parts) -> Answer {
    let facts = overview(&api, &request).await?;
    Ok(json(StatusCode::OK, Forecast::new(&facts)))
}
