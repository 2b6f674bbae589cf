//! Reads metrics.

use std::fmt;

use serde::Deserialize;

use crate::api::Api;
use crate::failure::Failure;

/// A number that was measured.
#[derive(Debug, Deserialize)]
pub(crate) struct Metric {
    name: String,
    value: f64,
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.value)
    }
}

/// Every metric, as it is now.
pub(crate) async fn metrics(api: &Api) -> Result<Vec<Metric>, Failure> {
    api.get("metrics-list").await
}
