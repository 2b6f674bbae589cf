//! What may be written into a column.

use unlapse_store::sql::Statement;

use super::Tables;
use crate::code::Code;
use crate::name::Name;
use crate::problem::Problem;

/// Longest text that people name or describe something with, in bytes.
pub(super) const SHORT: usize = 256;
/// Longest address, id or secret, in bytes.
pub(super) const LONG: usize = 4096;
/// Most entries of a list.
pub(super) const MANY: usize = 256;

/// Says `BAD_REQUEST` unless `text` is 1 to `most` bytes without control characters.
pub(super) fn check(what: &str, text: &str, most: usize) -> Result<(), Problem> {
    if text.is_empty() || text.len() > most || text.contains(char::is_control) {
        let detail = format!("{what} is 1 to {most} bytes, without control characters");
        return Err(Problem::new(Code::BadRequest, detail));
    }
    Ok(())
}

/// The same for each text of a list.
pub(super) fn check_all<'a>(
    what: &str,
    texts: impl ExactSizeIterator<Item = &'a String>,
) -> Result<(), Problem> {
    if texts.len() > MANY {
        let detail = format!("{what}: {MANY} at most");
        return Err(Problem::new(Code::BadRequest, detail));
    }
    texts.into_iter().try_for_each(|text| check(what, text, LONG))
}

/// Most apps of a tenant: every node keeps all of them in memory.
pub(super) const APPS: i64 = 1000;
/// Most webhooks of a tenant: each event is sent to all of them.
pub(super) const WEBHOOKS: i64 = 20;

impl Tables {
    /// Says `BAD_REQUEST` unless a tenant may have one more. `count` counts those of the tenant `$1` but
    /// the one of the name `$2`. Two that come at once may both be let in: the bound is no promise.
    pub(super) async fn check_room(
        &self,
        count: Statement,
        tenant: &Name,
        name: &Name,
        (most, what): (i64, &str),
    ) -> Result<(), Problem> {
        let params = vec![tenant.as_str().into(), name.as_str().into()];
        let rows = self.database.query(count, params).await?;
        let others = rows.first().map(|row| row.int(0)).transpose()?.unwrap_or_default();
        if others < most {
            return Ok(());
        }
        Err(Problem::new(Code::BadRequest, format!("a tenant has {most} {what} at most")))
    }
}

/// `limit`, within what one answer holds.
pub(super) fn page(limit: usize) -> i64 {
    const MOST: usize = 1000;
    i64::try_from(limit.clamp(1, MOST)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_column_takes_is_a_bad_request() {
        for bad in ["", "a\0b", "a\nb", &"x".repeat(5)] {
            assert_eq!(check("it", bad, 4).map_err(|problem| problem.code), Err(Code::BadRequest));
        }
        assert_eq!(check("it", "äb", 4), Ok(()));
        assert_eq!((page(0), page(5), page(usize::MAX)), (1, 5, 1000));
    }
}
