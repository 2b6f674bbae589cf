//! What a database answers.

use core::fmt;

use unlapse_core::UnixTime;

use super::{Away, Value};

/// A row of an answer. Columns are counted from 0; one that is not there, or of another type, is
/// logged as a mistake of the program, and as [`Away`] to its caller.
#[derive(Clone, PartialEq, Eq)]
pub struct Row(pub(super) Vec<Value>);

impl Row {
    /// So many columns it has.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// A column as a parameter; `NULL` for one that is not there.
    #[cfg(feature = "sqlite")]
    pub(crate) fn value(&self, column: usize) -> Value {
        self.0.get(column).cloned().unwrap_or(Value::Null)
    }

    /// A number.
    pub fn int(&self, column: usize) -> Result<i64, Away> {
        self.maybe_int(column)?.ok_or_else(null)
    }

    /// A text.
    pub fn text(&self, column: usize) -> Result<&str, Away> {
        self.maybe_text(column)?.ok_or_else(null)
    }

    /// Bytes.
    pub fn bytes(&self, column: usize) -> Result<&[u8], Away> {
        self.maybe_bytes(column)?.ok_or_else(null)
    }

    /// A point in time; one before 1970 is read as 1970.
    pub fn time(&self, column: usize) -> Result<UnixTime, Away> {
        self.maybe_time(column)?.ok_or_else(null)
    }

    /// A number, or `NULL`.
    pub fn maybe_int(&self, column: usize) -> Result<Option<i64>, Away> {
        match self.0.get(column) {
            Some(Value::Int(number)) => Ok(Some(*number)),
            other => none(other),
        }
    }

    /// A text, or `NULL`.
    pub fn maybe_text(&self, column: usize) -> Result<Option<&str>, Away> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Ok(Some(text)),
            other => none(other),
        }
    }

    /// Bytes, or `NULL`.
    pub fn maybe_bytes(&self, column: usize) -> Result<Option<&[u8]>, Away> {
        match self.0.get(column) {
            Some(Value::Bytes(bytes)) => Ok(Some(bytes)),
            other => none(other),
        }
    }

    /// A point in time, or `NULL`.
    pub fn maybe_time(&self, column: usize) -> Result<Option<UnixTime>, Away> {
        let millis = self.maybe_int(column)?;
        Ok(millis.map(|millis| UnixTime::from_millis(millis.try_into().unwrap_or_default())))
    }
}

fn none<T>(value: Option<&Value>) -> Result<Option<T>, Away> {
    match value {
        Some(Value::Null) => Ok(None),
        Some(_) => Err(Away::misread("a column of another type")),
        None => Err(Away::misread("no such column")),
    }
}

fn null() -> Away {
    Away::misread("a column without a value")
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Row").field(&self.0).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_read_as_what_it_is_and_as_nothing_else() {
        let row = Row(vec![
            Value::Int(-5),
            Value::from("a"),
            Value::from(&b"b"[..]),
            Value::Null,
            Value::Int(7),
        ]);
        assert_eq!((row.int(0), row.text(1), row.bytes(2)), (Ok(-5), Ok("a"), Ok(&b"b"[..])));
        assert_eq!(row.time(0), Ok(UnixTime::default()));
        assert_eq!(row.maybe_time(4), Ok(Some(UnixTime::from_millis(7))));
        assert_eq!(row.maybe_int(3), Ok(None));
        assert!(row.int(3).is_err() && row.int(1).is_err() && row.int(5).is_err());
        assert!(row.maybe_text(0).is_err() && row.maybe_bytes(1).is_err());
    }
}
