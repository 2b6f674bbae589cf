//! Text that wipes itself and never prints.

use core::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// A token, password, key or code: wiped when dropped, redacted in `Debug`, compared in constant
/// time, and neither `Display` nor `Serialize`, so that it cannot reach a log by accident (C13).
#[derive(Clone)]
pub struct Secret(Zeroizing<Box<str>>);

impl Secret {
    /// Takes ownership of `text`; the original is not copied.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. Each call is a place where a secret leaves its type: keep them few.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is one word of visible ASCII, which a header can carry as a credential (RFC 9110
    /// §11.4). RFC 6750 §2.1 allows less, but real tokens have other characters too.
    pub fn is_sendable(&self) -> bool {
        !self.is_empty() && self.0.bytes().all(|byte| byte.is_ascii_graphic())
    }
}

impl From<String> for Secret {
    fn from(mut text: String) -> Self {
        use zeroize::Zeroize as _;
        // `into_boxed_str` may move the text and leave its old buffer unwiped; copying it out
        // exactly lets us wipe the source.
        let secret = Self::new(text.as_str());
        text.zeroize();
        secret
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c13_debug_is_redacted() {
        let secret = Secret::from("canary-4711".to_owned());
        assert_eq!(format!("{secret:?}"), "Secret(redacted)");
        assert_eq!(secret.expose(), "canary-4711");
        assert_eq!(secret, Secret::new("canary-4711"));
        assert_ne!(secret, Secret::new("canary-4712"));
    }
}
