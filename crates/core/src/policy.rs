//! The numbers and rules that a profile may set.

use core::ops::RangeInclusive;
use core::time::Duration;

use crate::error::RuleBroken;
use crate::jwt::JwtLook;
use crate::reuse::Reuse;
use crate::time::UnixTime;
use crate::token::Grant;
use crate::without_store::WithoutStore;

/// Everything about a renewal that is a matter of choice. The defaults are those of the
/// requirements (C6–C11, R12, R15–R17).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Renewal starts so long before expiry, or at half the lifetime if that is later (R12).
    pub refresh_ahead: Duration,
    /// How far the clocks of client and server may be apart (C7).
    pub skew: Duration,
    /// How long a process trusts its memory before it looks at the store again (C7).
    pub trust: Duration,
    /// Longest wait for a lease (C6).
    pub lease_wait: Duration,
    /// Longest wait for one answer of the server (R17).
    pub exchange_deadline: Duration,
    /// Longest that a caller without a valid token waits (R15).
    pub caller_deadline: Duration,
    /// Requests in one renewal, retries included (R15).
    pub attempts: u32,
    /// Delay before the first retry; doubles with each (R15).
    pub base_delay: Duration,
    /// Longest delay between attempts, and the cap on `Retry-After` (R15).
    pub max_delay: Duration,
    /// Time between rounds in the background while renewal fails (K4, R15).
    pub round: Duration,
    /// What using a refresh token twice does (R7); a record may have learned better.
    pub reuse: Reuse,
    /// What an access token must be (C8).
    pub rules: Rules,
    /// Whether the API key may also stand in while the server is away (R14).
    pub api_key_while_away: bool,
    /// How long beyond its end a token may be served while its server cannot be reached (K12). Zero,
    /// the default: never.
    pub stale: Duration,
    /// Whether a refresh token may be spent although its successor can be written nowhere (C16).
    pub without_store: WithoutStore,
    /// The breaker of the token endpoint (R16).
    pub breaker: BreakerPolicy,
}

impl Policy {
    /// What [`Policy::attempts`] may be set to by people.
    pub const ATTEMPTS: RangeInclusive<u32> = 1..=10;
    /// What [`Policy::base_delay`] may be set to by people.
    pub const BASE_DELAY: RangeInclusive<Duration> =
        Duration::from_millis(1)..=Duration::from_secs(60);
    /// What [`Policy::max_delay`] may be set to by people.
    pub const MAX_DELAY: RangeInclusive<Duration> =
        Duration::from_millis(1)..=Duration::from_secs(3600);
    /// What [`Policy::exchange_deadline`] may be set to by people.
    pub const EXCHANGE_DEADLINE: RangeInclusive<Duration> =
        Duration::from_millis(100)..=Duration::from_secs(300);
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            refresh_ahead: Duration::from_secs(300),
            skew: Duration::from_secs(30),
            trust: Duration::from_secs(60),
            lease_wait: Duration::from_secs(5),
            exchange_deadline: Duration::from_secs(30),
            caller_deadline: Duration::from_secs(60),
            attempts: 3,
            base_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(60),
            round: Duration::from_secs(30),
            reuse: Reuse::Unknown,
            rules: Rules::default(),
            api_key_while_away: false,
            stale: Duration::ZERO,
            without_store: WithoutStore::Wait,
            breaker: BreakerPolicy::default(),
        }
    }
}

/// When a breaker opens and for how long (C11, R16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Consecutive failures that open it.
    pub failures: u32,
    /// How long it stays open the first time; doubles with each failed trial.
    pub open_for: Duration,
    /// The longest that it stays open.
    pub open_at_most: Duration,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self {
            failures: 5,
            open_for: Duration::from_secs(300),
            open_at_most: Duration::from_secs(3600),
        }
    }
}

/// What a profile demands of an access token (C8). The default demands nothing but a token that can be
/// sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Only a JWT with one of these `alg`s; empty: any token.
    pub algorithms: Vec<String>,
    /// Only a token that ends within so long.
    pub max_lifetime: Option<Duration>,
    /// Only a token that is bound to a key: of the type `DPoP` (RFC 9449 §5). A server that knows no
    /// DPoP grants another.
    pub sender_constrained: bool,
}

impl Rules {
    /// Whether the access token of `grant`, received at `now`, keeps every rule. A clock that is
    /// off by `skew` breaks none.
    pub fn check(&self, grant: &Grant, now: UnixTime, skew: Duration) -> Result<(), RuleBroken> {
        if grant.access_token.is_empty() {
            return Err(RuleBroken::NoAccessToken);
        }
        if !grant.access_token.is_sendable() {
            return Err(RuleBroken::Unsendable);
        }
        if self.sender_constrained && !grant.is_dpop() {
            return Err(RuleBroken::NotSenderConstrained);
        }
        let look = JwtLook::at(grant.access_token.expose());
        if !self.algorithms.is_empty() {
            let look = look.as_ref().ok_or(RuleBroken::NotAJwt)?;
            if !self.algorithms.contains(&look.algorithm) {
                return Err(RuleBroken::Algorithm);
            }
            if look.issued_at.is_some_and(|issued| issued > now.plus(skew)) {
                return Err(RuleBroken::IssuedInTheFuture);
            }
            if look.expires_at.is_some_and(|end| end.plus(skew) <= now) {
                return Err(RuleBroken::AlreadyExpired);
            }
        }
        if let Some(most) = self.max_lifetime {
            let by_jwt = look.and_then(|look| look.lifetime(now));
            let longest = grant.expires_in.max(by_jwt).ok_or(RuleBroken::NoExpiry)?;
            if longest > most {
                return Err(RuleBroken::Lifetime);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    fn jwt(alg: &str, claims: &str) -> String {
        let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{alg}"}}"#));
        format!("{header}.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn c8_a_row_for_each_rule() {
        let day = Duration::from_secs(86_400);
        let rules = Rules {
            algorithms: vec!["RS256".to_owned()],
            max_lifetime: Some(day),
            ..Rules::default()
        };
        let rows = [
            (jwt("RS256", r#"{"iat":1000,"exp":4600}"#), None, Ok(())),
            (jwt("RS256", r#"{"iat":1020,"exp":4600}"#), None, Ok(())),
            (jwt("RS256", "{}"), Some(60), Ok(())),
            ("opaque".to_owned(), Some(60), Err(RuleBroken::NotAJwt)),
            ("a.b".to_owned(), Some(60), Err(RuleBroken::NotAJwt)),
            (jwt("none", r#"{"exp":4600}"#), None, Err(RuleBroken::Algorithm)),
            (jwt("HS256", r#"{"exp":4600}"#), None, Err(RuleBroken::Algorithm)),
            (jwt("RS256", r#"{"iat":1031,"exp":4600}"#), None, Err(RuleBroken::IssuedInTheFuture)),
            (jwt("RS256", r#"{"iat":1,"exp":970}"#), None, Err(RuleBroken::AlreadyExpired)),
            (jwt("RS256", r#"{"iat":1000,"exp":87401}"#), None, Err(RuleBroken::Lifetime)),
            (jwt("RS256", r#"{"iat":1000,"exp":1060}"#), Some(86_401), Err(RuleBroken::Lifetime)),
            (jwt("RS256", "{}"), None, Err(RuleBroken::NoExpiry)),
        ];
        for (token, expires_in, expected) in rows {
            let mut grant = Grant::bearer(Secret::new(token.as_str()));
            grant.expires_in = expires_in.map(Duration::from_secs);
            let found = rules.check(&grant, UnixTime::from_secs(1000), Duration::from_secs(30));
            assert_eq!(found, expected, "{token} {expires_in:?}");
        }
    }

    #[test]
    fn rfc9449_5_a_token_that_should_be_bound_and_is_not_is_refused() {
        let rules = Rules { sender_constrained: true, ..Rules::default() };
        for (token_type, expected) in [
            (Some("DPoP"), Ok(())),
            (Some("dpop"), Ok(())),
            (Some("Bearer"), Err(RuleBroken::NotSenderConstrained)),
            (None, Err(RuleBroken::NotSenderConstrained)),
        ] {
            let mut grant = Grant::bearer(Secret::new("at"));
            grant.token_type = token_type.map(str::to_owned);
            let found = rules.check(&grant, UnixTime::default(), Duration::ZERO);
            assert_eq!(found, expected, "{token_type:?}");
        }
    }

    #[test]
    fn c8_no_rules_refuse_nothing_that_can_be_sent() {
        for (token, expected) in [
            ("opaque", Ok(())),
            ("a.b-c~d+e/f=,\"", Ok(())),
            ("", Err(RuleBroken::NoAccessToken)),
            ("a b", Err(RuleBroken::Unsendable)),
            ("a\r\nX: y", Err(RuleBroken::Unsendable)),
            ("ü", Err(RuleBroken::Unsendable)),
        ] {
            let grant = Grant::bearer(Secret::new(token));
            let found = Rules::default().check(&grant, UnixTime::default(), Duration::ZERO);
            assert_eq!(found, expected, "{token:?}");
        }
    }
}
