//! Sizes as people write them: `1MiB`.

use core::fmt;

use super::reader::{Raw, Reads};

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bytes(pub(crate) u64);

const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl Bytes {
    fn parse(text: &str) -> Option<Self> {
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
        let (_, size) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        number.parse::<u64>().ok()?.checked_mul(size).map(Self)
    }
}

impl fmt::Display for Bytes {
    /// The shortest text that reads back the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |size: u64| self.0 != 0 && self.0.is_multiple_of(size);
        let (unit, size) = UNITS.into_iter().find(|(_, size)| fits(*size)).unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / size)
    }
}

/// A number of bytes in a range.
pub(crate) struct Size(pub(crate) &'static str, pub(crate) &'static str);

impl Reads for Size {
    type Value = Bytes;

    fn read(&self, raw: &Raw<'_>) -> Option<Bytes> {
        let bytes = Bytes::parse(raw.text()?)?;
        (Bytes::parse(self.0)?..=Bytes::parse(self.1)?).contains(&bytes).then_some(bytes)
    }

    fn allowed(&self) -> String {
        format!("a size from {} to {}, like `\"1MiB\"`", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k12_sizes_need_a_unit_and_keep_their_range() {
        let reader = Size("1KiB", "16MiB");
        for (text, bytes) in [("1KiB", 1024), ("2000B", 2000), ("16MiB", 16 << 20)] {
            let read = reader.read(&Raw::Text(text)).expect(text);
            assert_eq!((read, read.to_string()), (Bytes(bytes), text.to_owned()));
        }
        for bad in ["1023B", "17MiB", "1", "1mb", "-1KiB", "KiB", "99999999999999999999GiB"] {
            assert_eq!(reader.read(&Raw::Text(bad)), None, "{bad}");
        }
        assert_eq!(reader.read(&Raw::Integer(4096)), None);
    }
}
