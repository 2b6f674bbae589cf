//! One login of one subject at one client: the row that everything about it is decided from.

use core::fmt;
use core::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use unlapse_core::UnixTime;

use crate::pepper::Kid;
use crate::policy::Policy;
use crate::random;
use crate::scopes::Scopes;
use unlapse_verify::Thumbprint;

/// Names a session: 128 random bits. Appears as `sid` in access tokens, so it is no secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId([u8; 16]);

impl SessionId {
    /// A new one.
    pub(crate) fn random() -> Self {
        Self(random::bytes())
    }

    /// From its bytes, as a store keeps them.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl serde::Serialize for SessionId {
    fn serialize<S: serde::Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        writer.collect_str(self)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

/// The text is no session id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a session id is 22 characters of base64url")]
pub struct BadSessionId;

impl FromStr for SessionId {
    type Err = BadSessionId;

    fn from_str(text: &str) -> Result<Self, BadSessionId> {
        let mut bytes = [0; 16];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).map_err(|_| BadSessionId)?;
        if length == bytes.len() { Ok(Self(bytes)) } else { Err(BadSessionId) }
    }
}

/// What a refresh token's key is derived with, besides the pepper: a leaked pepper alone forges
/// nothing either.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt([u8; 16]);

impl Salt {
    /// From its bytes, as a store keeps them.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(redacted)")
    }
}

/// A session as a store keeps it. It holds no token, and none can be made from it without the
/// pepper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its name.
    pub id: SessionId,
    /// Who logged in; `sub` of the access tokens.
    pub subject: String,
    /// The client that it was opened for, and that alone may refresh it.
    pub client: String,
    /// What was granted; never grows.
    pub scopes: Scopes,
    /// The key that its refresh tokens are bound to (RFC 9449 §5), where they are.
    pub jkt: Option<Thumbprint>,
    /// What its owner knows the device by: 128 bytes at most.
    pub label: Option<String>,
    /// When it began.
    pub opened_at: UnixTime,
    /// When it was last refreshed, counted replays among it.
    pub seen_at: UnixTime,
    /// The generation of the refresh token that is current. Starts at 1, grows by one a rotation.
    pub generation: u64,
    /// The pepper that the current refresh token was made under: a replay must make the same one,
    /// even when the pepper has been rotated since.
    pub kid: Kid,
    /// When the current generation began.
    pub rotated_at: UnixTime,
    /// How often the generation before the current one was replayed, up to
    /// [`Policy::replay_cap`].
    pub replays: u32,
    /// The end, unless it is refreshed before. Never later than `ends_at`.
    pub idle_ends_at: UnixTime,
    /// The end, whatever happens.
    pub ends_at: UnixTime,
    /// Set when it was ended before its time; never unset.
    pub revoked: Option<Revoked>,
    /// See [`Salt`].
    pub salt: Salt,
}

impl Session {
    /// A session that begins at `now`.
    pub(crate) fn begin(opening: Opening<'_>, kid: Kid, now: UnixTime, policy: &Policy) -> Self {
        let ends_at = now.plus(policy.absolute_lifetime);
        Self {
            id: SessionId::random(),
            subject: opening.subject.to_owned(),
            client: opening.client.to_owned(),
            scopes: opening.scopes,
            jkt: opening.jkt,
            label: opening.label.map(short),
            opened_at: now,
            seen_at: now,
            generation: 1,
            kid,
            rotated_at: now,
            replays: 0,
            idle_ends_at: now.plus(policy.idle_lifetime).min(ends_at),
            ends_at,
            revoked: None,
            salt: Salt(random::bytes()),
        }
    }

    /// Whether it goes on at `now`.
    pub fn is_live(&self, now: UnixTime) -> bool {
        self.revoked.is_none() && now < self.ends_at && now < self.idle_ends_at
    }
}

/// What a session is opened with.
#[derive(Clone, Debug, Default)]
pub struct Opening<'a> {
    /// Who logged in.
    pub subject: &'a str,
    /// At which client.
    pub client: &'a str,
    /// For what.
    pub scopes: Scopes,
    /// The key that refresh tokens are bound to (RFC 9449 §5), where they are.
    pub jkt: Option<Thumbprint>,
    /// What the owner will know the device by; cut at 128 bytes.
    pub label: Option<&'a str>,
}

/// Longest label, in bytes.
const LABEL: usize = 128;

/// A label that fits a line: no control characters, and not too long.
fn short(label: &str) -> String {
    let mut short = String::new();
    for char in label.chars().filter(|char| !char.is_control()) {
        if short.len() + char.len_utf8() > LABEL {
            break;
        }
        short.push(char);
    }
    short
}

/// When and why a session was ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// When.
    pub at: UnixTime,
    /// Why.
    pub because: RevokedBecause,
}

/// Why a session was ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevokedBecause {
    /// A refresh token was used after its successor was surely in use (RFC 9700 §4.14.2).
    Reuse,
    /// Its client asked (RFC 7009): a logout.
    Client,
    /// Its owner ended it, perhaps from another device.
    Owner,
    /// Whoever runs the issuer asked.
    Operator,
    /// A token passed the pepper but not the session: the pepper is in the wrong hands.
    Forgery,
    /// Its authorization code was used twice (RFC 6749 §4.1.2).
    CodeReuse,
}

impl RevokedBecause {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Reuse, Self::Client, Self::Owner, Self::Operator, Self::Forgery, Self::CodeReuse];

    /// A stable name, for stores and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reuse => "reuse",
            Self::Client => "client",
            Self::Owner => "owner",
            Self::Operator => "operator",
            Self::Forgery => "forgery",
            Self::CodeReuse => "code_reuse",
        }
    }

    /// From its stable name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|because| because.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_fits_a_line() {
        assert_eq!(short("ada's\nlaptop\u{0}"), "ada'slaptop");
        assert_eq!(short(&"ä".repeat(100)), "ä".repeat(64));
        assert_eq!(short(&format!("a{}", "ä".repeat(100))).len(), 127);
    }

    #[test]
    fn a_session_id_reads_back_and_nothing_else_does() {
        let id = SessionId::random();
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAB", "AAAAAAAAAAAAAAAAAAAAAA==", "ä"] {
            assert_eq!(bad.parse::<SessionId>(), Err(BadSessionId), "{bad}");
        }
    }
}
