//! What others state and sign: who a client is (RFC 7523 §2.2), or whom a token is for (§2.1).

use core::time::Duration;

use serde_json::{Map, Value};
use unlapse_core::UnixTime;
use unlapse_verify::{Header, Jwk, JwkSet, Jws};

/// An assertion as it came: whose it claims to be is known, and nothing of it is true yet.
pub(crate) struct Assertion<'a> {
    jws: Jws<'a>,
    /// `iss`: who states it.
    pub(crate) issuer: String,
    /// `sub`: whom it is about.
    pub(crate) subject: String,
}

/// What an assertion has to be.
pub(crate) struct Expected<'a> {
    /// The keys of whoever may state it.
    pub(crate) keys: &'a JwkSet,
    /// Whom it may be meant for: it must be for one of them, and for nobody else.
    pub(crate) audiences: &'a [&'a str],
    /// What its `typ` may be, in lower case; it may also have none.
    pub(crate) types: &'a [&'a str],
    /// It ends this soon, so that there is an end to remembering that it was used.
    pub(crate) longest: Duration,
    /// What time it is.
    pub(crate) now: UnixTime,
}

/// An assertion that holds, if it is the first of its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Once {
    /// `jti`, where it has a name.
    pub(crate) jti: Option<String>,
    /// Until when it must be remembered.
    pub(crate) until: UnixTime,
    /// `exp`: seconds since 1970.
    pub(crate) exp: u64,
}

/// Why an assertion does not hold (RFC 7523 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadAssertion {
    /// No JWT, or without `iss` or `sub`.
    Malformed,
    /// Another kind of JWT: what was made for one purpose is not good for another (RFC 8725 §3.11).
    Type,
    /// It brings its own key, or wants something understood that is not.
    Header,
    /// No key of that name and algorithm.
    Key,
    /// The signature does not hold.
    Signature,
    /// Not for us, or not for us alone.
    Audience,
    /// Its time is over, or it has no end.
    Expired,
    /// It lives longer than anybody has to remember it.
    TooLong,
    /// It is from the future.
    NotYet,
    /// It has no name, or a very long one; or was used before.
    Name,
}

/// How far the clock of whoever states it may be from ours.
const LEEWAY: Duration = Duration::from_secs(30);
/// Longest `iss` and `sub`, in bytes.
const LONGEST_NAME: usize = 256;
/// Longest `jti`, in bytes.
const LONGEST_JTI: usize = 256;
/// So many keys are tried for an assertion that names none: strangers make us try them.
const MOST_TRIED: usize = 4;

impl<'a> Assertion<'a> {
    /// Reads one as anybody may send it.
    pub(crate) fn parse(text: &'a str) -> Result<Self, BadAssertion> {
        let jws = Jws::parse(text).map_err(|_| BadAssertion::Malformed)?;
        let name = |name: &str| {
            let name = jws.claims.get(name).and_then(Value::as_str);
            let name = name.filter(|name| (1..=LONGEST_NAME).contains(&name.len()));
            name.map(str::to_owned).ok_or(BadAssertion::Malformed)
        };
        let (issuer, subject) = (name("iss")?, name("sub")?);
        Ok(Self { jws, issuer, subject })
    }

    /// Its claims: true once it [holds](Self::holds).
    pub(crate) fn claims(&self) -> &Map<String, Value> {
        &self.jws.claims
    }

    /// Whether it holds, but for that it may have been used before. Pure: the whole table.
    pub(crate) fn holds(&self, expected: &Expected<'_>) -> Result<Once, BadAssertion> {
        let Header { typ, critical, .. } = &self.jws.header;
        if typ.as_deref().is_some_and(|typ| !expected.types.contains(&typ)) {
            return Err(BadAssertion::Type);
        }
        if *critical || self.jws.header.brings_key() {
            return Err(BadAssertion::Header);
        }
        self.is_signed(expected.keys)?;
        self.is_for(expected.audiences)?;
        self.is_in_time(expected.now, expected.longest)
    }

    fn is_signed(&self, keys: &JwkSet) -> Result<(), BadAssertion> {
        let Header { algorithm, kid, .. } = &self.jws.header;
        let algorithm = algorithm.ok_or(BadAssertion::Key)?;
        let fit = |key: &&Jwk| key.algorithm() == algorithm;
        let named: Vec<&Jwk> = kid.as_ref().map_or_else(
            || keys.keys().iter().filter(fit).take(MOST_TRIED).collect(),
            |kid| keys.find(kid, algorithm).into_iter().collect(),
        );
        if named.is_empty() {
            return Err(BadAssertion::Key);
        }
        let signed = named.iter().any(|key| self.jws.is_signed_by(key.key()));
        signed.then_some(()).ok_or(BadAssertion::Signature)
    }

    fn is_for(&self, audiences: &[&str]) -> Result<(), BadAssertion> {
        let ours = |value: &Value| value.as_str().is_some_and(|one| audiences.contains(&one));
        let meant = match self.jws.claims.get("aud") {
            Some(Value::Array(all)) => !all.is_empty() && all.iter().all(ours),
            Some(one) => ours(one),
            None => false,
        };
        meant.then_some(()).ok_or(BadAssertion::Audience)
    }

    fn is_in_time(&self, now: UnixTime, longest: Duration) -> Result<Once, BadAssertion> {
        let date = |name: &str| self.jws.claims.get(name).map(Value::as_u64);
        let exp = date("exp").flatten().ok_or(BadAssertion::Expired)?;
        let until = UnixTime::from_secs(exp).plus(LEEWAY);
        if until <= now {
            return Err(BadAssertion::Expired);
        }
        if UnixTime::from_secs(exp) > now.plus(longest).plus(LEEWAY) {
            return Err(BadAssertion::TooLong);
        }
        for name in ["nbf", "iat"] {
            match date(name) {
                None => {}
                Some(Some(date)) if UnixTime::from_secs(date) <= now.plus(LEEWAY) => {}
                Some(_) => return Err(BadAssertion::NotYet),
            }
        }
        let jti = match self.jws.claims.get("jti") {
            None => None,
            Some(Value::String(jti)) if (1..=LONGEST_JTI).contains(&jti.len()) => Some(jti.clone()),
            Some(_) => return Err(BadAssertion::Name),
        };
        Ok(Once { jti, until, exp })
    }
}

#[cfg(test)]
#[path = "assertion_tests.rs"]
mod tests;
