//! A session as columns.

use super::{millis, number, time};
use crate::pepper::Kid;
use crate::scopes::Scopes;
use crate::session::{Revoked, RevokedBecause, Salt, Session, SessionId};
use unlapse_verify::Thumbprint;

/// The columns of a session, in the order of [`SessionRow`]'s fields.
pub(crate) const COLUMNS: &str = "id, subject, client, scopes, jkt, label, opened_at, seen_at, \
     generation, kid, rotated_at, replays, idle_ends_at, ends_at, revoked_at, revoked_because, salt";

/// A session as a database keeps it.
pub(crate) struct SessionRow {
    pub(crate) id: Vec<u8>,
    pub(crate) subject: String,
    pub(crate) client: String,
    pub(crate) scopes: String,
    pub(crate) jkt: Option<Vec<u8>>,
    pub(crate) label: Option<String>,
    pub(crate) opened_at: i64,
    pub(crate) seen_at: i64,
    pub(crate) generation: i64,
    pub(crate) kid: String,
    pub(crate) rotated_at: i64,
    pub(crate) replays: i64,
    pub(crate) idle_ends_at: i64,
    pub(crate) ends_at: i64,
    pub(crate) revoked_at: Option<i64>,
    pub(crate) revoked_because: Option<String>,
    pub(crate) salt: Vec<u8>,
}

/// A row that no store of ours has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a row that no store of ours has written")]
pub(crate) struct BadRow;

impl From<&Session> for SessionRow {
    fn from(session: &Session) -> Self {
        Self {
            id: session.id.as_bytes().to_vec(),
            subject: session.subject.clone(),
            client: session.client.clone(),
            scopes: session.scopes.to_string(),
            jkt: session.jkt.map(|jkt| jkt.as_bytes().to_vec()),
            label: session.label.clone(),
            opened_at: millis(session.opened_at),
            seen_at: millis(session.seen_at),
            generation: number(session.generation),
            kid: session.kid.as_str().to_owned(),
            rotated_at: millis(session.rotated_at),
            replays: session.replays.into(),
            idle_ends_at: millis(session.idle_ends_at),
            ends_at: millis(session.ends_at),
            revoked_at: session.revoked.map(|revoked| millis(revoked.at)),
            revoked_because: session.revoked.map(|revoked| revoked.because.as_str().to_owned()),
            salt: session.salt.as_bytes().to_vec(),
        }
    }
}

impl TryFrom<SessionRow> for Session {
    type Error = BadRow;

    fn try_from(row: SessionRow) -> Result<Self, BadRow> {
        let revoked = match (row.revoked_at, row.revoked_because) {
            (None, None) => None,
            (Some(at), Some(because)) => {
                let because = RevokedBecause::parse(&because).ok_or(BadRow)?;
                Some(Revoked { at: time(at), because })
            }
            _ => return Err(BadRow),
        };
        let jkt = row.jkt.map(array).transpose()?;
        Ok(Self {
            id: SessionId::from_bytes(array(row.id)?),
            subject: row.subject,
            client: row.client,
            scopes: Scopes::parse(&row.scopes).map_err(|_| BadRow)?,
            jkt: jkt.map(Thumbprint::from_bytes),
            label: row.label,
            opened_at: time(row.opened_at),
            seen_at: time(row.seen_at),
            generation: row.generation.try_into().map_err(|_| BadRow)?,
            kid: Kid::new(&row.kid).map_err(|_| BadRow)?,
            rotated_at: time(row.rotated_at),
            replays: row.replays.try_into().map_err(|_| BadRow)?,
            idle_ends_at: time(row.idle_ends_at),
            ends_at: time(row.ends_at),
            revoked,
            salt: Salt::from_bytes(array(row.salt)?),
        })
    }
}

fn array<const N: usize>(bytes: Vec<u8>) -> Result<[u8; N], BadRow> {
    bytes.try_into().map_err(|_| BadRow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Opening, Policy};
    use unlapse_core::UnixTime;

    fn row() -> SessionRow {
        let kid = Kid::new("a").expect("valid");
        let opening = Opening { subject: "ada", client: "app", ..Opening::default() };
        let now = UnixTime::from_secs(1000);
        SessionRow::from(&Session::begin(opening, kid, now, &Policy::default()))
    }

    #[test]
    fn what_nobody_of_us_has_written_is_no_session() {
        assert!(Session::try_from(row()).is_ok());
        let bad = |change: fn(&mut SessionRow)| {
            let mut row = row();
            change(&mut row);
            assert_eq!(Session::try_from(row), Err(BadRow));
        };
        bad(|row| row.id.truncate(15));
        bad(|row| row.salt.push(0));
        bad(|row| row.jkt = Some(vec![1; 31]));
        bad(|row| row.scopes = "\"".to_owned());
        bad(|row| row.kid = String::new());
        bad(|row| row.generation = -1);
        bad(|row| row.replays = i64::MAX);
        bad(|row| row.revoked_at = Some(1));
        bad(|row| row.revoked_because = Some("reuse".to_owned()));
        bad(|row| {
            row.revoked_at = Some(1);
            row.revoked_because = Some("no reason".to_owned());
        });
    }
}
