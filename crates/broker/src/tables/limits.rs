//! What may be written into a column.

use crate::code::Code;
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
