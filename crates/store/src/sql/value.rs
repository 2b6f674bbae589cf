//! What a statement is given, and what a row has.

use core::fmt;

use unlapse_core::UnixTime;

/// A value of a parameter or of a column. `Debug` shows no content.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// `NULL`.
    Null,
    /// A number, a point in time as milliseconds since 1970, or a truth as 0 or 1.
    Int(i64),
    /// Text. `PostgreSQL` keeps none with a NUL in it.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u64> for Value {
    /// Databases have no `u64`, and no number of ours comes near the difference.
    fn from(number: u64) -> Self {
        Self::Int(number.try_into().unwrap_or(i64::MAX))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(number.into())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Int(truth.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<UnixTime> for Value {
    fn from(at: UnixTime) -> Self {
        at.as_millis().into()
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, T::into)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Int(_) => "Int(…)",
            Self::Text(_) => "Text(…)",
            Self::Bytes(_) => "Bytes(…)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c13_debug_shows_no_content() {
        let values = [Value::from("hunter2"), Value::from(&b"hunter2"[..]), Value::from(1234_u64)];
        let shown = format!("{values:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("1234"), "{shown}");
    }

    #[test]
    fn a_number_beyond_the_databases_is_their_largest() {
        assert_eq!(Value::from(u64::MAX), Value::Int(i64::MAX));
        assert_eq!(Value::from(None::<u32>), Value::Null);
        assert_eq!(Value::from(Some(true)), Value::Int(1));
    }
}
