//! Sessions of the dashboard that somebody has ended before their time: every node knows of them at
//! once, as it asks for them with the session's key.

use unlapse::unlapse_core::UnixTime;
use unlapse_store::sql::{Statement, Step};

use super::Tables;
use crate::problem::Problem;

/// The table, of a part of its own.
pub(super) const STEPS: &[Step] = &[Step {
    sqlite: "CREATE TABLE sign_outs (
        session BLOB NOT NULL PRIMARY KEY,
        ends_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sign_outs_ended ON sign_outs (ends_at);",
    postgres: "CREATE TABLE sign_outs (
        session bytea NOT NULL PRIMARY KEY,
        ends_at bigint NOT NULL
    );
    CREATE INDEX sign_outs_ended ON sign_outs (ends_at);",
}];

/// Twice is once.
const SIGN_OUT: Statement = Statement::both(
    "INSERT INTO sign_outs (session, ends_at) VALUES ($1, $2) ON CONFLICT (session) DO NOTHING",
);

impl Tables {
    /// Ends the session of this hash, which would have lived until `ends_at`: for so long it is known.
    pub async fn sign_out(&self, session: &[u8; 32], ends_at: UnixTime) -> Result<(), Problem> {
        self.database.execute(SIGN_OUT, vec![session[..].into(), ends_at.into()]).await?;
        Ok(())
    }
}
