//! A buffer that leaves no copy of what was written to it.

use std::io;

use bytes::Bytes;
use zeroize::Zeroizing;

/// Bytes that are wiped when dropped, and also whenever the buffer moves to grow: a plain `Vec`
/// frees its old allocation with the secret still in it (C13).
pub(crate) struct Wiped(Zeroizing<Vec<u8>>);

impl Wiped {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(capacity)))
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let mut larger = Vec::with_capacity(needed.max(2 * self.0.capacity()));
            larger.extend_from_slice(&self.0);
            self.0 = Zeroizing::new(larger);
        }
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same allocation, shared and wiped when its last holder drops it.
    pub(crate) fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self.0)
    }
}

impl io::Write for Wiped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c13_growing_keeps_every_byte_and_sharing_copies_none() {
        let mut buffer = Wiped::with_capacity(3);
        for part in ["abc", "defg", "", &"h".repeat(500)] {
            buffer.push(part.as_bytes());
        }
        let (start, len) = (buffer.as_slice().as_ptr(), buffer.as_slice().len());
        let bytes = buffer.into_bytes();
        assert_eq!((bytes.as_ptr(), bytes.len()), (start, len));
        assert_eq!(bytes.as_ref(), format!("abcdefg{}", "h".repeat(500)).as_bytes());
    }
}
