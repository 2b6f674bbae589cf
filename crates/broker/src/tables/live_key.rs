//! API keys by their ids, for whoever has proven once that they have the secret.

use unlapse_store::sql::Statement;

use super::api_keys::read;
use super::{ApiKey, Tables};
use crate::problem::Problem;

const LIVE: Statement = Statement::both(
    "SELECT id, tenant, label, verbs, created_at, expires_at, revoked_at FROM api_keys
     WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now_ms())",
);

impl Tables {
    /// The key of this id, if it lives. It proves nothing: the id is no secret.
    pub(crate) async fn live_api_key(&self, id: &str) -> Result<Option<ApiKey>, Problem> {
        let rows = self.database.query(LIVE, vec![id.into()]).await?;
        rows.first().map(read).transpose()
    }
}
