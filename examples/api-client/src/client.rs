//! The API, as a program calls it.

use serde::{Deserialize, Serialize};

use crate::api::Api;
use crate::error::AcmeError;
use crate::tokens::Tokens;

/// A client of the Acme API. Cheap to clone; one for the whole program.
#[derive(Clone)]
pub struct Acme {
    pub(crate) api: Api,
    pub(crate) tokens: Tokens,
}

/// What somebody has ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its number.
    pub id: u64,
    /// What.
    pub item: String,
}

impl Acme {
    /// Every order.
    pub async fn orders(&self) -> Result<Vec<Order>, AcmeError> {
        self.api.get("/orders").await
    }

    /// Orders something.
    pub async fn order(&self, item: &str) -> Result<Order, AcmeError> {
        self.api.post("/orders", &serde_json::json!({ "item": item })).await
    }
}
