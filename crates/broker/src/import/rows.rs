//! The row of a connection that is imported.

use core::time::Duration;

use serde::Serialize;
use unlapse::unlapse_core::{Now, Record, UnixTime};
use unlapse_store::sql::{RecordId, Seal as _, Timetable};

use super::line::ReadLine;
use crate::seal::Envelope;
use crate::tables::hex;

/// What one connection adds to a batch, in JSON: names are the columns.
#[derive(Serialize)]
pub(super) struct Row {
    pub(super) id: String,
    tenant: String,
    user_name: String,
    provider: String,
    account: String,
    scope: Option<String>,
    metadata: String,
    server: String,
    record_account: String,
    shard: u16,
    due_at: Option<u64>,
    access_expires_at: Option<u64>,
    refresh_ends_at: Option<u64>,
    generation: u64,
    revision: u64,
    code: Option<&'static str>,
    key_id: String,
    sealed: String,
}

/// Those whose access token has ended are renewed within this time.
const ENDED: Duration = Duration::from_secs(600);

impl Row {
    /// The row of what was brought at `now`; the reason why there can be none.
    pub(super) fn of(
        line: ReadLine,
        now: UnixTime,
        envelope: &Envelope,
        timetable: &dyn Timetable,
    ) -> Result<Self, Refused> {
        let ReadLine { id, mut brought } = line;
        let metadata = core::mem::take(&mut brought.metadata);
        let grant = brought.grant();
        let key = id.key();
        let row = RecordId::of(&key);
        let scope = grant.scope.clone();
        let granted = Now { wall: now, ..Now::default() };
        let record = Record { stored_at: now, ..Record::default().logged_in(grant, granted) };
        let sealed = envelope.seal(&key, &record).map_err(|error| match error {
            unlapse::unlapse_core::StoreError::TooLarge => Refused::TooLarge,
            _ => Refused::NoKey,
        })?;
        let token = record.token.as_ref();
        let next = timetable.next(&key, &record);
        let is_renewed = token.is_some_and(|token| token.refresh_token.is_some());
        let due = next.unused.or(next.due);
        let due = due.map(|due| first(now, due, is_renewed, fraction(row)));
        let idle_end = token.and_then(|token| Some(token.obtained.wall.plus(token.refresh_idle?)));
        let metadata = serde_json::to_string(&metadata).map_err(|_| Refused::TooLarge)?;
        Ok(Self {
            id: hex(row.as_bytes()),
            tenant: id.tenant.to_string(),
            // As the store of records writes the parts of a key.
            server: key.server.replace('\\', "\\\\"),
            record_account: key.account.replace('\\', "\\\\"),
            user_name: id.user,
            provider: id.provider.to_string(),
            account: id.account,
            scope,
            metadata,
            shard: row.shard(),
            due_at: due.map(number),
            access_expires_at: token.and_then(unlapse::unlapse_core::Token::expires_at).map(number),
            refresh_ends_at: idle_end.map(number),
            generation: record.generation,
            revision: record.revision,
            code: next.code,
            key_id: sealed.key_id,
            sealed: hex(&sealed.bytes),
        })
    }

    /// Bytes that it takes in memory, about.
    pub(super) fn len(&self) -> usize {
        self.sealed.len() + self.metadata.len() + 1024
    }
}

/// Why there is no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Its record is larger than a record may be.
    TooLarge,
    /// The tenant's data key is away: no line's fault.
    NoKey,
}

/// A number in 0..1 that belongs to a connection, the same whenever it is asked.
fn fraction(row: RecordId) -> f64 {
    let [a, b, c, d, ..] = *row.as_bytes();
    f64::from(u32::from_be_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
}

/// Between now and when it is due: what was imported at once does not come due at once. What cannot be
/// renewed is looked at when its token has ended, and not before.
fn first(now: UnixTime, due: UnixTime, is_renewed: bool, fraction: f64) -> UnixTime {
    if !is_renewed && due > now {
        return due;
    }
    let within = due.since(now);
    let within = if within.is_zero() { ENDED } else { within };
    now.plus(within.mul_f64(fraction.clamp(0.0, 1.0)))
}

/// The largest number of a database.
const MOST: u64 = i64::MAX as u64;

fn number(at: UnixTime) -> u64 {
    at.as_millis().min(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn i8_a_row_for_each_case() {
        let at = UnixTime::from_secs;
        for (due, is_renewed, fraction, expected) in [
            (1000, true, 0.0, 100),
            (1000, true, 0.5, 550),
            (1000, true, 0.999, 999),
            (1000, false, 0.5, 1000),
            // Ended long ago: soon, and not all at once.
            (50, true, 0.5, 400),
            (50, false, 0.5, 400),
            (100, true, 0.0, 100),
        ] {
            let looked_at = first(at(100), at(due), is_renewed, fraction);
            assert_eq!(looked_at.as_secs(), expected, "{due} {is_renewed} {fraction}");
        }
    }

    proptest! {
        #[test]
        fn i10_what_is_imported_is_never_due_later_than_it_is(now in 0..u64::MAX / 2, life in 1..1_u64 << 50, fraction in 0.0..1.0) {
            let (now, due) = (UnixTime::from_millis(now), UnixTime::from_millis(now + life));
            let at = first(now, due, true, fraction);
            prop_assert!(at >= now && at <= due);
        }
    }
}
