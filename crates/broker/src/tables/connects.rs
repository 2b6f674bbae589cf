//! Consents under way: what has to be remembered between sending a user away and their coming back.

use core::time::Duration;

use unlapse_store::sql::{Sealed, Statement};
use zeroize::Zeroizing;

use super::{Tables, unreadable};
use crate::code::Code;
use crate::millis::millis;
use crate::name::Name;
use crate::problem::Problem;
use crate::seal::Purpose;

/// A consent under way.
#[derive(Clone, PartialEq, Eq)]
pub struct Connect {
    /// Whose.
    pub tenant: Name,
    /// What was to be remembered.
    pub remembered: Zeroizing<Vec<u8>>,
}

impl core::fmt::Debug for Connect {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Connect").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// Longest that is remembered.
const MOST: usize = 16 * 1024;

const PUT: Statement = Statement::both(
    "INSERT INTO connects (state_hash, tenant, key_id, sealed, expires_at)
     VALUES ($1, $2, $3, $4, now_ms() + $5)",
);
const LOOK: Statement = Statement::both(
    "SELECT tenant, key_id, sealed FROM connects WHERE state_hash = $1 AND expires_at > now_ms()",
);
/// Single use: two callbacks that come at once are one.
const TAKE: Statement = Statement::both(
    "DELETE FROM connects WHERE state_hash = $1 AND expires_at > now_ms()
     RETURNING tenant, key_id, sealed",
);

impl Tables {
    /// Remembers a consent for so long, sealed. `state_hash` is a hash of the `state` that the user
    /// brings back (RFC 6749 §10.12), 32 bytes.
    pub async fn put_connect(
        &self,
        state_hash: &[u8; 32],
        connect: &Connect,
        lives_for: Duration,
    ) -> Result<(), Problem> {
        if connect.remembered.len() > MOST {
            return Err(Problem::new(Code::TooLarge, "more than can be remembered of a consent"));
        }
        let Connect { tenant, remembered } = connect;
        let envelope = self.envelope();
        let sealed = envelope.seal_secret(tenant, Purpose::Connect, state_hash, remembered).await?;
        let params = vec![
            state_hash[..].into(),
            tenant.as_str().into(),
            sealed.key_id.into(),
            sealed.bytes.into(),
            millis(lives_for).min(1 << 40).into(),
        ];
        self.database.execute(PUT, params).await?;
        Ok(())
    }

    /// What was remembered, before a person has pressed the button: it can still be taken. `None` when
    /// there is none, its time is over or it was taken.
    pub async fn look_at_connect(&self, state_hash: &[u8; 32]) -> Result<Option<Connect>, Problem> {
        self.remembered(LOOK, state_hash).await
    }

    /// What was remembered, once; `None` when there is none, its time is over or it was taken.
    pub async fn take_connect(&self, state_hash: &[u8; 32]) -> Result<Option<Connect>, Problem> {
        self.remembered(TAKE, state_hash).await
    }

    async fn remembered(
        &self,
        statement: Statement,
        state_hash: &[u8; 32],
    ) -> Result<Option<Connect>, Problem> {
        let rows = self.database.query(statement, vec![state_hash[..].into()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let tenant: Name = row.text(0)?.parse().map_err(|_| unreadable("a consent"))?;
        let sealed = Sealed { key_id: row.text(1)?.to_owned(), bytes: row.bytes(2)?.to_vec() };
        let envelope = self.envelope();
        let remembered =
            envelope.open_secret(&tenant, Purpose::Connect, state_hash, &sealed).await?;
        Ok(Some(Connect { tenant, remembered }))
    }
}
