//! What an authorization server granted.

use core::time::Duration;

use crate::jwt::JwtLook;
use crate::secret::Secret;
use crate::time::{Now, UnixTime};

/// A granted token, with what is needed to renew it and to know when (RFC 6749 §5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Goes on requests.
    pub access_token: Secret,
    /// Buys the next token; single-use unless its server's [`Reuse`](crate::Reuse) class says more.
    pub refresh_token: Option<Secret>,
    /// How the access token is put on a request: `Bearer` (RFC 6750) or `DPoP` (RFC 9449).
    pub token_type: String,
    /// The scope granted, as the server wrote it.
    pub scope: Option<String>,
    /// OpenID Connect's `id_token`, kept aside; never put on requests.
    pub id_token: Option<Secret>,
    /// Both clocks when the request that bought it was *sent* (R11).
    pub obtained: Now,
    /// Life of the access token from then on; `None` when the server names no end.
    pub lifetime: Option<Duration>,
    /// Life of the refresh token, counted from `obtained`, if it stays unused.
    pub refresh_idle: Option<Duration>,
    /// When the refresh token and all its successors end.
    pub refresh_ends_at: Option<UnixTime>,
    /// The private key that the token is bound to (RFC 9449), as a PKCS#8 document in base64.
    pub sender_key: Option<Secret>,
}

impl Token {
    /// The token of `grant`, whose request was sent at `sent`. What the reply does not mention is
    /// carried over from the token it succeeds (RFC 6749 §6: the refresh token may stay as it is).
    pub fn from_grant(grant: Grant, sent: Now, previous: Option<&Self>) -> Self {
        let look = JwtLook::at(grant.access_token.expose());
        let by_jwt = look.and_then(|look| look.lifetime(sent.wall));
        let lifetime = match (grant.expires_in, by_jwt) {
            (Some(said), Some(jwt)) => Some(said.min(jwt)),
            (said, jwt) => said.or(jwt),
        };
        Self {
            access_token: grant.access_token,
            refresh_token: grant
                .refresh_token
                .or_else(|| previous.and_then(|token| token.refresh_token.clone())),
            token_type: grant.token_type.unwrap_or_else(|| "Bearer".to_owned()),
            scope: grant.scope.or_else(|| previous.and_then(|token| token.scope.clone())),
            id_token: grant.id_token.or_else(|| previous.and_then(|token| token.id_token.clone())),
            obtained: sent,
            lifetime,
            refresh_idle: grant.refresh_expires_in,
            refresh_ends_at: previous.and_then(|token| token.refresh_ends_at),
            sender_key: grant
                .sender_key
                .or_else(|| previous.and_then(|token| token.sender_key.clone())),
        }
    }

    /// Whether the access token goes on requests with a proof (RFC 9449 §7.1).
    pub fn is_dpop(&self) -> bool {
        is_dpop(&self.token_type)
    }

    /// When the access token ends by the wall clock, for people; decisions ask [`Token::left`].
    pub fn expires_at(&self) -> Option<UnixTime> {
        self.lifetime.map(|lifetime| self.obtained.wall.plus(lifetime))
    }

    /// What is left of the access token's life by the clock that says less (R11): zero when it has
    /// ended, `None` when it has no end.
    pub fn left(&self, now: &Now) -> Option<Duration> {
        self.lifetime.map(|lifetime| lifetime.saturating_sub(now.since(&self.obtained)))
    }

    /// Whether the access token may not be used any more.
    pub fn is_expired(&self, now: &Now) -> bool {
        self.left(now) == Some(Duration::ZERO)
    }

    /// Whether the refresh token is known to have ended.
    pub fn refresh_ended(&self, now: &Now) -> bool {
        self.refresh_idle.is_some_and(|idle| now.since(&self.obtained) >= idle)
            || self.refresh_ends_at.is_some_and(|end| now.wall >= end)
    }
}

/// A token reply as parsed (RFC 6749 §5.1), before it becomes a [`Token`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// `access_token`. It may be one that cannot be sent, or empty where the reply had a refresh token
    /// alone: such a grant breaks a rule ([`Rules::check`](crate::Rules::check)), and its refresh
    /// token is worth keeping.
    pub access_token: Secret,
    /// `refresh_token`, when the server sent one.
    pub refresh_token: Option<Secret>,
    /// `expires_in`.
    pub expires_in: Option<Duration>,
    /// `refresh_token_expires_in`, `refresh_expires_in` and their like.
    pub refresh_expires_in: Option<Duration>,
    /// `token_type`.
    pub token_type: Option<String>,
    /// `scope`.
    pub scope: Option<String>,
    /// `id_token`.
    pub id_token: Option<Secret>,
    /// Not of the reply: the key that its request was proven with, where that key is new (RFC 9449
    /// §5), as [`Token::sender_key`].
    pub sender_key: Option<Secret>,
}

impl Grant {
    /// A bearer grant with nothing but an access token.
    pub fn bearer(access_token: Secret) -> Self {
        Self {
            access_token,
            refresh_token: None,
            expires_in: None,
            refresh_expires_in: None,
            token_type: None,
            scope: None,
            id_token: None,
            sender_key: None,
        }
    }

    /// Whether the access token is bound to a key (RFC 9449 §5).
    pub fn is_dpop(&self) -> bool {
        self.token_type.as_deref().is_some_and(is_dpop)
    }
}

fn is_dpop(token_type: &str) -> bool {
    token_type.eq_ignore_ascii_case("DPoP")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::BootTime;

    const SENT: Now =
        Now { wall: UnixTime::from_secs(1000), boot: BootTime { boot: 1, millis: 0 } };

    fn token(expires_in: Option<u64>) -> Token {
        let mut grant = Grant::bearer(Secret::new("at"));
        grant.expires_in = expires_in.map(Duration::from_secs);
        Token::from_grant(grant, SENT, None)
    }

    #[test]
    fn r11_expiry_counts_from_when_the_request_was_sent() {
        let token = token(Some(60));
        assert_eq!(token.expires_at(), Some(UnixTime::from_secs(1060)));
        assert!(!token.is_expired(&SENT.plus(Duration::from_millis(59_999))));
        assert!(token.is_expired(&SENT.plus(Duration::from_secs(60))));
    }

    #[test]
    fn r11_of_two_ends_the_earlier_one_counts() {
        // {"alg":"RS256"}, {"exp":1060}: a minute from `SENT`.
        let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjEwNjB9.";
        for (expires_in, expected) in [(None, 60), (Some(3600), 60), (Some(5), 5)] {
            let mut grant = Grant::bearer(Secret::new(jwt));
            grant.expires_in = expires_in.map(Duration::from_secs);
            let token = Token::from_grant(grant, SENT, None);
            assert_eq!(token.lifetime, Some(Duration::from_secs(expected)), "{expires_in:?}");
        }
    }

    #[test]
    fn a_token_without_expiry_never_ends_and_zero_is_not_for_ever() {
        assert!(!token(None).is_expired(&SENT.plus(Duration::from_secs(1 << 40))));
        assert!(token(Some(0)).is_expired(&SENT));
    }

    #[test]
    fn rfc9449_5_a_key_stays_until_a_grant_brings_another() {
        let mut grant = Grant::bearer(Secret::new("at-1"));
        grant.sender_key = Some(Secret::new("key-1"));
        let first = Token::from_grant(grant.clone(), SENT, None);
        assert_eq!(first.sender_key, Some(Secret::new("key-1")));
        let refreshed = Token::from_grant(Grant::bearer(Secret::new("at-2")), SENT, Some(&first));
        assert_eq!(refreshed.sender_key, Some(Secret::new("key-1")));
        grant.sender_key = Some(Secret::new("key-2"));
        let other = Token::from_grant(grant, SENT, Some(&refreshed));
        assert_eq!(other.sender_key, Some(Secret::new("key-2")));
    }

    #[test]
    fn r8_a_reply_without_a_refresh_token_keeps_the_old_one() {
        let mut first = token(Some(60));
        first.refresh_token = Some(Secret::new("rt-1"));
        first.scope = Some("api".to_owned());
        let second = Token::from_grant(Grant::bearer(Secret::new("at-2")), SENT, Some(&first));
        assert_eq!(second.refresh_token, Some(Secret::new("rt-1")));
        assert_eq!(second.scope.as_deref(), Some("api"));
    }
}
