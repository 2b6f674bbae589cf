//! A consent under way, looked at without taking it: before a person has pressed the button.

use unlapse_store::sql::{Sealed, Statement};

use super::connects::Connect;
use super::{Tables, unreadable};
use crate::name::Name;
use crate::problem::Problem;
use crate::seal::Purpose;

const LOOK: Statement = Statement::both(
    "SELECT tenant, key_id, sealed FROM connects WHERE state_hash = $1 AND expires_at > now_ms()",
);

impl Tables {
    /// What was remembered; it can still be taken. `None` when there is none, its time is over or it
    /// was taken.
    pub async fn look_at_connect(&self, state_hash: &[u8; 32]) -> Result<Option<Connect>, Problem> {
        let rows = self.database.query(LOOK, vec![state_hash[..].into()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let tenant: Name = row.text(0)?.parse().map_err(|_| unreadable("a consent"))?;
        let sealed = Sealed { key_id: row.text(1)?.to_owned(), bytes: row.bytes(2)?.to_vec() };
        let envelope = self.envelope();
        let remembered =
            envelope.open_secret(&tenant, Purpose::Connect, state_hash, &sealed).await?;
        Ok(Some(Connect { tenant, remembered }))
    }
}
