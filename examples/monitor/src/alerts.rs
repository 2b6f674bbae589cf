//! Raises alerts.

use serde::{Deserialize, Serialize};

use crate::api::Api;
use crate::failure::Failure;

#[derive(Serialize)]
struct Raise<'a> {
    text: &'a str,
}

#[derive(Deserialize)]
struct Raised {
    id: u64,
}

/// Raises an alert; its number.
pub(crate) async fn raise(api: &Api, text: &str) -> Result<u64, Failure> {
    let Raised { id } = api.post("alerts", &Raise { text }).await?;
    Ok(id)
}
