//! What an access token says (RFC 9068 §2.2).

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use unlapse_core::UnixTime;

use crate::audience::Audience;
use crate::json;
use crate::jws::BadJws;
use crate::refusal::Refusal;
use crate::thumbprint::Thumbprint;

/// The claims of an access token. Times are seconds since 1970; fractions are cut off.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AccessClaims {
    /// Who issued it: the issuer's URL.
    pub iss: String,
    /// Who it speaks for: the user, or the client itself.
    pub sub: String,
    /// Who it is meant for.
    pub aud: Audience,
    /// The client it was given to (RFC 8693 §4.3).
    pub client_id: String,
    /// What it may be used for, apart by spaces; absent when nothing was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Not to be used from here on.
    pub exp: u64,
    /// Not to be used before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// When it was issued.
    pub iat: u64,
    /// Its own name: two tokens are never the same.
    pub jti: String,
    /// Its session; absent when it belongs to none (`client_credentials`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// When the user last proved who they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<u64>,
    /// How well they proved it (OpenID Connect Core §2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// By which means (RFC 8176).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The key that whoever uses it must prove to have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// Every other claim, by its name; at most [`Self::MAX_FURTHER`]. None may have the name of a
    /// field above: written, it would stand there twice.
    #[serde(flatten)]
    pub further: Map<String, Value>,
}

/// A token that is good only together with a key (RFC 7800 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Confirmation {
    /// The DPoP key with this thumbprint (RFC 9449 §6.1).
    Jkt {
        /// The thumbprint.
        jkt: Thumbprint,
    },
    /// A key that is named in a way that is not known here, such as a certificate's (RFC 8705).
    /// Nobody can prove to have it here, so that the token is refused.
    Unknown {},
}

/// Why claims are not those of an access token. Each names the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadClaims {
    /// A claim that RFC 9068 §2.2 demands is not there.
    #[error("`{0}` is missing (RFC 9068 section 2.2)")]
    Missing(&'static str),
    /// A claim has another type than it must have.
    #[error("`{0}` has the wrong type")]
    Type(&'static str),
    /// More further claims than [`AccessClaims::MAX_FURTHER`].
    #[error("there are more than 64 further claims")]
    TooMany,
}

impl AccessClaims {
    /// Most claims beside those that have a field.
    pub const MAX_FURTHER: usize = 64;

    /// Reads them from the members of a JWT's claims.
    pub fn from_members(members: Map<String, Value>) -> Result<Self, BadClaims> {
        let mut claims = Claims { known: [const { None }; PLACES], others: Map::new() };
        for (name, value) in members {
            match place(&name) {
                Some(place) => claims.known[place] = Some(value),
                None => drop(claims.others.insert(name, value)),
            }
        }
        Self::from_claims(claims)
    }

    /// Reads them from their JSON.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, Refusal> {
        let claims = json::sorted(json, place).map_err(BadJws::from)?;
        Ok(Self::from_claims(claims)?)
    }

    fn from_claims(mut claims: Claims) -> Result<Self, BadClaims> {
        let known = &mut claims.known;
        let read = Self {
            iss: required(text(known, "iss")?, "iss")?,
            sub: required(text(known, "sub")?, "sub")?,
            aud: audience(known)?,
            client_id: required(text(known, "client_id")?, "client_id")?,
            scope: text(known, "scope")?,
            exp: required(date(known, "exp")?, "exp")?,
            nbf: date(known, "nbf")?,
            iat: required(date(known, "iat")?, "iat")?,
            jti: required(text(known, "jti")?, "jti")?,
            sid: text(known, "sid")?,
            auth_time: date(known, "auth_time")?,
            acr: text(known, "acr")?,
            amr: take(known, "amr").map(|amr| texts(amr, "amr")).transpose()?.unwrap_or_default(),
            cnf: confirmation(known)?,
            further: claims.others,
        };
        if read.further.len() > Self::MAX_FURTHER {
            return Err(BadClaims::TooMany);
        }
        Ok(read)
    }

    /// Whether it may be used for `scope`.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scope.as_deref().is_some_and(|all| all.split(' ').any(|one| one == scope))
    }

    /// The DPoP key that it is bound to.
    pub fn jkt(&self) -> Option<Thumbprint> {
        match self.cnf {
            Some(Confirmation::Jkt { jkt }) => Some(jkt),
            _ => None,
        }
    }

    /// When it ends.
    pub fn expires_at(&self) -> UnixTime {
        UnixTime::from_secs(self.exp)
    }
}

impl<'de> Deserialize<'de> for AccessClaims {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        Self::from_members(Map::deserialize(reader)?).map_err(D::Error::custom)
    }
}

/// Claims that have a place of their own here.
const PLACES: usize = 14;

type Claims = json::Sorted<PLACES>;
type Known = [Option<Value>; PLACES];

fn place(name: &str) -> Option<usize> {
    Some(match name {
        "iss" => 0,
        "sub" => 1,
        "aud" => 2,
        "client_id" => 3,
        "scope" => 4,
        "exp" => 5,
        "nbf" => 6,
        "iat" => 7,
        "jti" => 8,
        "sid" => 9,
        "auth_time" => 10,
        "acr" => 11,
        "amr" => 12,
        "cnf" => 13,
        _ => return None,
    })
}

fn take(known: &mut Known, name: &str) -> Option<Value> {
    known[place(name)?].take()
}

fn required<T>(claim: Option<T>, name: &'static str) -> Result<T, BadClaims> {
    claim.ok_or(BadClaims::Missing(name))
}

fn text(known: &mut Known, name: &'static str) -> Result<Option<String>, BadClaims> {
    match take(known, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(BadClaims::Type(name)),
    }
}

fn texts(claim: Value, name: &'static str) -> Result<Vec<String>, BadClaims> {
    let Value::Array(all) = claim else { return Err(BadClaims::Type(name)) };
    let text = |one| match one {
        Value::String(text) => Ok(text),
        _ => Err(BadClaims::Type(name)),
    };
    all.into_iter().map(text).collect()
}

fn audience(known: &mut Known) -> Result<Audience, BadClaims> {
    match required(take(known, "aud"), "aud")? {
        Value::String(one) => Ok(Audience::One(one)),
        many => texts(many, "aud").map(Audience::Many),
    }
}

/// A `NumericDate` (RFC 7519 §2): seconds, possibly with a fraction.
fn date(known: &mut Known, name: &'static str) -> Result<Option<u64>, BadClaims> {
    let Some(claim) = take(known, name) else { return Ok(None) };
    if let Some(secs) = claim.as_u64() {
        return Ok(Some(secs));
    }
    let secs = claim.as_f64().filter(|secs| *secs >= 0.0).ok_or(BadClaims::Type(name))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, and the number is not negative"
    )]
    Ok(Some(secs as u64))
}

fn confirmation(known: &mut Known) -> Result<Option<Confirmation>, BadClaims> {
    match take(known, "cnf") {
        None => Ok(None),
        Some(Value::Object(members)) => match members.get("jkt") {
            None => Ok(Some(Confirmation::Unknown {})),
            Some(jkt) => {
                let jkt = jkt.as_str().and_then(|jkt| jkt.parse().ok());
                let jkt = jkt.ok_or(BadClaims::Type("cnf"))?;
                Ok(Some(Confirmation::Jkt { jkt }))
            }
        },
        Some(_) => Err(BadClaims::Type("cnf")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn full() -> Value {
        json!({
            "iss": "https://id.example", "sub": "ada", "aud": ["https://api.example", "b"],
            "client_id": "app", "scope": "read write", "exp": 1900, "nbf": 1000, "iat": 1000,
            "jti": "j", "sid": "s", "auth_time": 990, "acr": "2", "amr": ["pwd", "otp"],
            "cnf": { "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" },
            "tenant": { "id": 7 },
        })
    }

    fn read(claims: &Value) -> Result<AccessClaims, BadClaims> {
        AccessClaims::from_members(claims.as_object().expect("an object").clone())
    }

    #[test]
    fn rfc9068_2_2_every_claim_is_read_and_written() {
        let claims = read(&full()).expect("claims");
        assert_eq!(serde_json::to_value(&claims).expect("JSON"), full());
        assert!(claims.aud.has("b") && claims.has_scope("write") && !claims.has_scope("rea"));
        assert_eq!(claims.further["tenant"]["id"], 7);
        assert!(claims.jkt().is_some());
        let again: AccessClaims = serde_json::from_value(full()).expect("claims");
        assert_eq!(again, claims);
    }

    #[test]
    fn rfc9068_2_2_a_row_for_each_bad_claim() {
        for name in ["iss", "sub", "aud", "client_id", "exp", "iat", "jti"] {
            let mut claims = full();
            claims.as_object_mut().expect("an object").remove(name);
            assert_eq!(read(&claims), Err(BadClaims::Missing(name)));
            assert!(serde_json::from_value::<AccessClaims>(claims).is_err());
        }
        for (name, value) in [
            ("iss", json!(7)),
            ("aud", json!(7)),
            ("aud", json!(["a", 7])),
            ("aud", json!(null)),
            ("exp", json!("1900")),
            ("exp", json!(-1)),
            ("nbf", json!(null)),
            ("iat", json!({})),
            ("amr", json!("pwd")),
            ("scope", json!(["read"])),
            ("cnf", json!("x")),
            ("cnf", json!({ "jkt": "short" })),
            ("cnf", json!({ "jkt": 7 })),
        ] {
            let mut claims = full();
            claims[name] = value.clone();
            assert_eq!(read(&claims), Err(BadClaims::Type(name)), "{value}");
        }
        let mut claims = full();
        for at in 0..64 {
            claims[format!("c{at}")] = json!(at);
        }
        assert_eq!(read(&claims), Err(BadClaims::TooMany));
    }

    #[test]
    fn rfc7519_2_fractions_are_cut_off_and_giants_are_the_end_of_time() {
        let mut claims = full();
        claims["exp"] = json!(1900.9);
        claims["iat"] = json!(1e300);
        let claims = read(&claims).expect("claims");
        assert_eq!((claims.exp, claims.iat), (1900, u64::MAX));
    }

    #[test]
    fn rfc8705_3_1_another_binding_is_not_no_binding() {
        let mut claims = full();
        claims["cnf"] = json!({ "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" });
        assert_eq!(read(&claims).expect("claims").cnf, Some(Confirmation::Unknown {}));
    }
}
