//! A look at a JWT without verifying it.
//!
//! Only to learn when it ends and to hold it against the rules of a profile (C8). Nothing here
//! says that a token is genuine: that is the verifier's work.

use core::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::time::UnixTime;

/// Longest part of a JWT that is looked at: 64 KiB, the largest record there is.
const MAX_PART: usize = 64 * 1024;

/// What an unverified JWT says of itself (RFC 7519).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtLook {
    /// `alg` of the header (RFC 7515 §4.1.1).
    pub algorithm: String,
    /// `exp`: not to be used from here on.
    pub expires_at: Option<UnixTime>,
    /// `iat`: when it was issued.
    pub issued_at: Option<UnixTime>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    exp: Option<serde_json::Number>,
    #[serde(default)]
    iat: Option<serde_json::Number>,
}

impl JwtLook {
    /// Looks at `token`; `None` when it is not a JWT in compact form: three parts, the first two of
    /// them JSON objects in unpadded base64url, the first with an `alg`.
    pub fn at(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (header, claims, _signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let header: Header = decode(header)?;
        let claims: Claims = decode(claims)?;
        Some(Self {
            algorithm: header.alg,
            expires_at: claims.exp.as_ref().and_then(numeric_date),
            issued_at: claims.iat.as_ref().and_then(numeric_date),
        })
    }

    /// How long the token lives by its own word: `exp` less `iat`, or less `now` without an `iat`.
    pub fn lifetime(&self, now: UnixTime) -> Option<Duration> {
        Some(self.expires_at?.since(self.issued_at.unwrap_or(now)))
    }
}

fn decode<T: for<'de> Deserialize<'de>>(part: &str) -> Option<T> {
    if part.len() > MAX_PART {
        return None;
    }
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(part).ok()?);
    serde_json::from_slice(&bytes).ok()
}

/// A `NumericDate` (RFC 7519 §2): seconds, possibly with a fraction, never before the epoch.
fn numeric_date(number: &serde_json::Number) -> Option<UnixTime> {
    if let Some(secs) = number.as_u64() {
        return Some(UnixTime::from_secs(secs));
    }
    let secs = number.as_f64().filter(|secs| secs.is_finite() && *secs >= 0.0)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, and the number is not negative"
    )]
    Some(UnixTime::from_millis((secs * 1000.0) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(header: &str, claims: &str) -> String {
        format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn c8_reads_alg_exp_iat() {
        let look = JwtLook::at(&jwt(r#"{"alg":"RS256"}"#, r#"{"exp":1060,"iat":1000.5}"#));
        let look = look.expect("a JWT");
        assert_eq!(look.algorithm, "RS256");
        assert_eq!(look.expires_at, Some(UnixTime::from_secs(1060)));
        assert_eq!(look.issued_at, Some(UnixTime::from_millis(1_000_500)));
        assert_eq!(look.lifetime(UnixTime::default()), Some(Duration::from_millis(59_500)));
    }

    #[test]
    fn c8_what_is_no_jwt() {
        let good = jwt(r#"{"alg":"RS256"}"#, "{}");
        for bad in [
            "",
            "opaque",
            "a.b",
            "..",
            &format!("{good}.more"),
            &jwt("{}", "{}"),
            &jwt(r#"{"alg":"RS256"}"#, "[]x"),
            &jwt(r#"{"alg":7}"#, "{}"),
            &good.replace('.', "=."),
        ] {
            assert_eq!(JwtLook::at(bad), None, "{bad}");
        }
    }

    #[test]
    fn hostile_dates_do_not_overflow() {
        for (claims, expected) in [
            (r#"{"exp":1e300}"#, Some(UnixTime::from_millis(u64::MAX))),
            (r#"{"exp":-5}"#, None),
            (r#"{"exp":18446744073709551615}"#, Some(UnixTime::from_millis(u64::MAX))),
            (r#"{"exp":null}"#, None),
        ] {
            let look = JwtLook::at(&jwt(r#"{"alg":"x"}"#, claims)).expect("a JWT");
            assert_eq!(look.expires_at, expected, "{claims}");
        }
    }
}
