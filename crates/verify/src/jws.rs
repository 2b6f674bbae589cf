//! The compact form of something signed (RFC 7515 §7.1), read strictly.

use serde_json::{Map, Value};

use crate::base64url;
use crate::header::Header;
use crate::json::{self, BadJson};
use crate::verifying_key::VerifyingKey;

/// A JWT in its parts. Nothing of it is verified yet.
#[derive(Clone, Debug)]
pub struct Jws<'a> {
    /// What it says of its signature.
    pub header: Header,
    /// The members of its claims (RFC 7519 §4).
    pub claims: Map<String, Value>,
    /// What was signed: header and claims as they were written.
    message: &'a str,
    signature: Vec<u8>,
}

/// Why a text is no JWT that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadJws {
    /// Longer than [`Jws::MAX`].
    #[error("it is longer than 8 KiB")]
    TooLong,
    /// Not three parts of unpadded base64url, of which two are JSON objects.
    #[error("it is no JWT in compact form (RFC 7515 section 7.1)")]
    Malformed,
    /// A name occurs twice in one object, at whatever depth (RFC 7519 §4).
    #[error("a name occurs twice in one of its objects")]
    Duplicate,
    /// Its JSON is nested deeper than eight levels.
    #[error("its JSON is nested too deep")]
    TooDeep,
}

impl<'a> Jws<'a> {
    /// Longest text that is looked at: 8 KiB, which is what servers take as one header.
    pub const MAX: usize = 8 * 1024;

    /// Takes `text` apart.
    pub fn parse(text: &'a str) -> Result<Self, BadJws> {
        let Compact { header, claims, message, signature } = Compact::parse(text)?;
        let header = Header::parse(header)?;
        let claims = json::object(&decode(claims)?)?;
        Ok(Self { header, claims, message, signature: decode(signature)? })
    }

    /// Whether `key` signed it. Which key that is, and whether it is one for the header's `alg`, is
    /// the caller's question.
    #[must_use]
    pub fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        key.verifies(self.message.as_bytes(), &self.signature)
    }
}

/// The three parts, still in base64url.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compact<'a> {
    pub(crate) header: &'a str,
    pub(crate) claims: &'a str,
    /// Both, as they were signed.
    pub(crate) message: &'a str,
    pub(crate) signature: &'a str,
}

impl<'a> Compact<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, BadJws> {
        if text.len() > Jws::MAX {
            return Err(BadJws::TooLong);
        }
        let (message, signature) = text.rsplit_once('.').ok_or(BadJws::Malformed)?;
        // A fourth part leaves a dot in the claims, which is no base64url.
        let (header, claims) = message.split_once('.').ok_or(BadJws::Malformed)?;
        Ok(Self { header, claims, message, signature })
    }
}

/// The bytes of a part.
pub(crate) fn decode(part: &str) -> Result<Vec<u8>, BadJws> {
    base64url::decode(part).ok_or(BadJws::Malformed)
}

impl From<BadJson> for BadJws {
    fn from(why: BadJson) -> Self {
        match why {
            BadJson::Syntax => Self::Malformed,
            BadJson::Duplicate => Self::Duplicate,
            BadJson::TooDeep => Self::TooDeep,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwk::Jwk;
    use proptest::prelude::*;

    fn jwt(header: &str, claims: &str) -> String {
        format!("{}.{}.c2ln", base64url::encode(header), base64url::encode(claims))
    }

    #[test]
    fn rfc7515_a_3_the_example_holds() {
        let jwk = br#"{"kty":"EC","crv":"P-256",
            "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
        let jwk = Jwk::parse(jwk).expect("a key");
        let token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6L\
                     y9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4Gawx\
                     aepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
        let jws = Jws::parse(token).expect("a JWT");
        assert_eq!(jws.header.algorithm, Some(jwk.algorithm()));
        assert_eq!(jws.claims["iss"], "joe");
        assert!(jws.is_signed_by(jwk.key()));
        let changed = token.replace("eyJpc3MiOiJqb2Ui", "eyJpc3MiOiJ0b2Ui");
        assert!(!Jws::parse(&changed).expect("a JWT").is_signed_by(jwk.key()));
    }

    #[test]
    fn rfc8037_a_4_the_example_holds() {
        let jwk =
            br#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        let jwk = Jwk::parse(jwk).expect("a key");
        let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt\
                         9g7sVvpAr_MuM0KAg";
        let signature = base64url::decode(signature).expect("base64url");
        let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        assert!(jwk.key().verifies(message, &signature));
    }

    #[test]
    fn j6_a_row_for_each_text_that_is_no_jwt() {
        use BadJws::{Duplicate, Malformed, TooDeep, TooLong};
        let good = jwt(r#"{"alg":"EdDSA"}"#, "{}");
        assert!(Jws::parse(&good).is_ok());
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(50), "]".repeat(50));
        for (text, bad) in [
            (String::new(), Malformed),
            ("a".to_owned(), Malformed),
            ("a.b".to_owned(), Malformed),
            ("..".to_owned(), Malformed),
            (format!("{good}.c2ln"), Malformed),
            (format!(".{good}"), Malformed),
            (format!("{good}="), Malformed),
            (format!("{good} "), Malformed),
            (format!("{good}\n"), Malformed),
            (good.replace("c2ln", "c2l"), Malformed), // bits that are left over
            (good.replace("c2ln", "+2ln"), Malformed),
            (jwt("[]", "{}"), Malformed),
            (jwt("{}", "{}"), Malformed),
            (jwt(r#"{"alg":"EdDSA"}"#, "[]"), Malformed),
            (jwt(r#"{"alg":"EdDSA"}"#, "{}{}"), Malformed),
            (jwt("{\"alg\":\"EdDSA\"}", "\u{feff}{}"), Malformed),
            (jwt(r#"{"alg":"EdDSA","alg":"none"}"#, "{}"), Duplicate),
            (jwt(r#"{"alg":"EdDSA"}"#, r#"{"sub":"a","sub":"b"}"#), Duplicate),
            (jwt(r#"{"alg":"EdDSA"}"#, r#"{"x":{"a":1,"a":2}}"#), Duplicate),
            (jwt(r#"{"alg":"EdDSA"}"#, &deep), TooDeep),
            (jwt(r#"{"alg":"EdDSA"}"#, &" ".repeat(8 * 1024)), TooLong),
        ] {
            assert_eq!(Jws::parse(&text).err(), Some(bad), "{text}");
        }
    }

    proptest! {
        #[test]
        fn j6_no_text_panics(text in "\\PC*", header in "\\PC*", claims in "\\PC*") {
            let _ = Jws::parse(&text);
            let _ = Jws::parse(&jwt(&header, &claims));
        }
    }
}
