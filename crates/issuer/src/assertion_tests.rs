//! What an assertion has to be, a row for each way that it is not.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::*;

const NOW: u64 = 1_700_000_000;
const MINUTE: u64 = 60;

struct Signer(Ed25519KeyPair);

impl Signer {
    fn new() -> Self {
        Self(Ed25519KeyPair::generate().expect("drawn"))
    }

    fn jwk(&self) -> Jwk {
        Jwk::ed25519(self.0.public_key().as_ref().try_into().expect("32 bytes")).expect("a key")
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let encode = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.0.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

fn claims() -> Value {
    json!({"iss": "app", "sub": "app", "aud": "https://id.example", "jti": "j", "exp": NOW + 60})
}

fn with(mut json: Value, name: &str, value: Value) -> Value {
    json[name] = value;
    json
}

fn judge(keys: &[&Signer], text: &str) -> Result<Once, BadAssertion> {
    let keys = JwkSet::new(keys.iter().map(|key| key.jwk()));
    Assertion::parse(text)?.holds(&Expected {
        keys: &keys,
        audiences: &["https://id.example", "https://id.example/token"],
        types: &["jwt"],
        longest: Duration::from_secs(5 * MINUTE),
        now: UnixTime::from_secs(NOW),
    })
}

#[test]
fn rfc7523_3_a_row_for_each_claim() {
    use BadAssertion::{Audience, Expired, Malformed, Name, NotYet, TooLong};
    let key = Signer::new();
    let header = json!({"alg": "EdDSA"});
    for (name, value, bad) in [
        ("aud", json!("https://id.example/token"), None),
        ("aud", json!(["https://id.example"]), None),
        ("aud", json!(["https://id.example", "https://id.example/token"]), None),
        ("aud", json!("https://id.example/"), Some(Audience)),
        ("aud", json!("https://other.example"), Some(Audience)),
        ("aud", json!(["https://id.example", "https://other.example"]), Some(Audience)),
        ("aud", json!([]), Some(Audience)),
        ("aud", json!(null), Some(Audience)),
        ("exp", json!(NOW - 29), None),
        ("exp", json!(NOW - 30), Some(Expired)),
        ("exp", json!(NOW + 5 * MINUTE + 30), None),
        ("exp", json!(NOW + 5 * MINUTE + 31), Some(TooLong)),
        ("exp", json!(u64::MAX), Some(TooLong)),
        ("exp", json!("soon"), Some(Expired)),
        ("exp", json!(null), Some(Expired)),
        ("iat", json!(NOW + 30), None),
        ("iat", json!(NOW + 31), Some(NotYet)),
        ("iat", json!("now"), Some(NotYet)),
        ("nbf", json!(NOW + 31), Some(NotYet)),
        ("jti", json!(""), Some(Name)),
        ("jti", json!(7), Some(Name)),
        ("jti", json!("x".repeat(257)), Some(Name)),
        ("iss", json!(7), Some(Malformed)),
        ("iss", json!(""), Some(Malformed)),
        ("sub", json!(null), Some(Malformed)),
        ("sub", json!("x".repeat(257)), Some(Malformed)),
    ] {
        let text = key.sign(&header, &with(claims(), name, value.clone()));
        assert_eq!(judge(&[&key], &text).err(), bad, "{name} {value}");
    }
    let once = judge(&[&key], &key.sign(&header, &claims())).expect("it holds");
    assert_eq!((once.jti.as_deref(), once.exp), (Some("j"), NOW + 60));
    assert_eq!(once.until, UnixTime::from_secs(NOW + 90));
    for text in ["", "x", "a.b.c"] {
        assert_eq!(judge(&[&key], text), Err(Malformed), "{text}");
    }
}

#[test]
fn rfc8725_3_a_row_for_each_header() {
    use BadAssertion::{Header, Key, Signature, Type};
    let (key, other) = (Signer::new(), Signer::new());
    let jwk = serde_json::to_value(key.jwk()).expect("JSON");
    let kid = key.jwk().kid().to_owned();
    for (header, bad) in [
        (json!({"alg": "EdDSA"}), None),
        (json!({"alg": "EdDSA", "typ": "JWT"}), None),
        (json!({"alg": "EdDSA", "kid": kid}), None),
        (json!({"alg": "EdDSA", "kid": "other"}), Some(Key)),
        (json!({"alg": "ES256"}), Some(Key)),
        (json!({"alg": "none"}), Some(Key)),
        (json!({"alg": "HS256", "kid": kid}), Some(Key)),
        (json!({"alg": "EdDSA", "typ": "at+jwt"}), Some(Type)),
        (json!({"alg": "EdDSA", "typ": "dpop+jwt"}), Some(Type)),
        (json!({"alg": "EdDSA", "crit": ["x"]}), Some(Header)),
        (json!({"alg": "EdDSA", "jwk": jwk}), Some(Header)),
        (json!({"alg": "EdDSA", "jku": "https://app.example/jwks"}), Some(Header)),
    ] {
        let text = key.sign(&header, &claims());
        assert_eq!(judge(&[&other, &key], &text).err(), bad, "{header}");
    }
    let text = other.sign(&json!({"alg": "EdDSA"}), &claims());
    assert_eq!(judge(&[&key], &text), Err(Signature));
    assert_eq!(judge(&[], &text), Err(Key));
    let tampered = text.replacen('.', ".e", 1);
    assert!(judge(&[&other], &tampered).is_err());
}
