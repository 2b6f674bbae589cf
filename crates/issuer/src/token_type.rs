//! What kind of token is exchanged (RFC 8693 §3).

/// A kind of token that can be exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenType {
    /// `urn:ietf:params:oauth:token-type:access_token`: one of ours.
    AccessToken,
    /// `urn:ietf:params:oauth:token-type:jwt`: one of ours, or of an issuer that is trusted.
    Jwt,
}

impl TokenType {
    /// What it is called in requests and replies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "urn:ietf:params:oauth:token-type:access_token",
            Self::Jwt => "urn:ietf:params:oauth:token-type:jwt",
        }
    }

    /// From what it is called.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::AccessToken, Self::Jwt].into_iter().find(|known| known.as_str() == text)
    }
}
