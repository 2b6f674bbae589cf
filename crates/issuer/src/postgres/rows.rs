//! What the server's rows say.

use tokio_postgres::Row;
use unlapse_store::sql::postgres::AWAY;

use crate::session::{Session, SessionId};
use crate::sql::{BadRow, SessionRow};
use crate::store::Unavailable;

/// A row is not as any of ours: no verdict can rest on it.
pub(super) struct Misread;

impl From<tokio_postgres::Error> for Misread {
    fn from(_: tokio_postgres::Error) -> Self {
        Self
    }
}

impl From<BadRow> for Misread {
    fn from(_: BadRow) -> Self {
        Self
    }
}

impl From<Misread> for Unavailable {
    fn from(_: Misread) -> Self {
        tracing::error!("PostgreSQL: a row that no store of ours has written");
        AWAY.into()
    }
}

/// The first row, where there is one.
pub(super) fn one<T>(
    rows: &[Row],
    read: impl Fn(&Row) -> Result<T, Misread>,
) -> Result<Option<T>, Unavailable> {
    Ok(rows.first().map(read).transpose()?)
}

/// Every row.
pub(super) fn all<T>(
    rows: &[Row],
    read: impl Fn(&Row) -> Result<T, Misread>,
) -> Result<Vec<T>, Unavailable> {
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

/// The session in the first columns.
pub(super) fn session(row: &Row) -> Result<Session, Misread> {
    let row = SessionRow {
        id: row.try_get(0)?,
        subject: row.try_get(1)?,
        client: row.try_get(2)?,
        scopes: row.try_get(3)?,
        jkt: row.try_get(4)?,
        label: row.try_get(5)?,
        opened_at: row.try_get(6)?,
        seen_at: row.try_get(7)?,
        generation: row.try_get(8)?,
        kid: row.try_get(9)?,
        rotated_at: row.try_get(10)?,
        replays: row.try_get(11)?,
        idle_ends_at: row.try_get(12)?,
        ends_at: row.try_get(13)?,
        revoked_at: row.try_get(14)?,
        revoked_because: row.try_get(15)?,
        salt: row.try_get(16)?,
    };
    Ok(Session::try_from(row)?)
}

/// The id of a session in the first column.
pub(super) fn id(row: &Row) -> Result<SessionId, Misread> {
    let id: &[u8] = row.try_get(0)?;
    Ok(SessionId::from_bytes(id.try_into().map_err(|_| BadRow)?))
}
