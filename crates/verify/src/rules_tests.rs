use serde_json::{Map, Value, json};

use super::*;
use crate::json;

const NOW: UnixTime = UnixTime::from_secs(1000);

fn rules() -> Rules {
    Rules::new("https://id.example", "https://api.example")
}

fn header(change: &Value) -> Header {
    let header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "k" });
    Header::from_members(changed(header, change)).expect("a header")
}

fn claims(change: &Value) -> AccessClaims {
    let claims = json!({
        "iss": "https://id.example", "sub": "ada", "aud": "https://api.example",
        "client_id": "app", "scope": "read write", "exp": 1900, "iat": 1000, "jti": "j",
    });
    AccessClaims::from_members(changed(claims, change)).expect("claims")
}

/// The members of `base`, with those of `change` in their place.
fn changed(mut base: Value, change: &Value) -> Map<String, Value> {
    for (name, value) in change.as_object().expect("an object") {
        base[name] = value.clone();
    }
    json::object(base.to_string().as_bytes()).expect("an object")
}

#[test]
fn j3_a_row_for_each_header() {
    for (change, expected) in [
        (json!({}), Ok(())),
        (json!({ "typ": "application/AT+JWT" }), Ok(())),
        (json!({ "alg": "ES256" }), Ok(())),
        (json!({ "alg": "none" }), Err(Refusal::Algorithm)),
        (json!({ "alg": "HS256" }), Err(Refusal::Algorithm)),
        (json!({ "alg": "eddsa" }), Err(Refusal::Algorithm)),
        (json!({ "typ": "JWT" }), Err(Refusal::Type)),
        (json!({ "typ": "dpop+jwt" }), Err(Refusal::Type)),
        (json!({ "typ": "at+jwt " }), Err(Refusal::Type)),
        (json!({ "crit": ["b64"], "b64": false }), Err(Refusal::Critical)),
        (json!({ "crit": [] }), Err(Refusal::Critical)),
        (json!({ "jwk": { "kty": "OKP" } }), Err(Refusal::BringsKey)),
        (json!({ "jku": "https://evil.example" }), Err(Refusal::BringsKey)),
        (json!({ "x5u": "https://evil.example" }), Err(Refusal::BringsKey)),
        (json!({ "x5c": [] }), Err(Refusal::BringsKey)),
    ] {
        let judged = judge(&header(&change), &claims(&json!({})), &rules(), NOW);
        assert_eq!(judged, expected, "{change}");
    }
    let untyped = Header { typ: None, ..header(&json!({})) };
    assert_eq!(judge(&untyped, &claims(&json!({})), &rules(), NOW), Err(Refusal::Type));
    let only = Rules { algorithms: vec![Algorithm::Es256], ..rules() };
    let judged = judge(&header(&json!({})), &claims(&json!({})), &only, NOW);
    assert_eq!(judged, Err(Refusal::Algorithm));
}

#[test]
fn j3_a_row_for_each_claim() {
    let day = 24 * 60 * 60;
    for (change, expected) in [
        (json!({}), Ok(())),
        (json!({ "aud": ["b", "https://api.example"] }), Ok(())),
        (json!({ "exp": 971, "iat": 900 }), Ok(())),
        (json!({ "exp": 970, "iat": 900 }), Err(Refusal::Expired)),
        (json!({ "exp": 0 }), Err(Refusal::Expired)),
        (json!({ "nbf": 1030 }), Ok(())),
        (json!({ "nbf": 1031 }), Err(Refusal::NotYetValid)),
        (json!({ "nbf": u64::MAX }), Err(Refusal::NotYetValid)),
        (json!({ "iat": 1030 }), Ok(())),
        (json!({ "iat": 1031 }), Err(Refusal::FromTheFuture)),
        (json!({ "exp": 1000 + day }), Ok(())),
        (json!({ "exp": 1001 + day }), Err(Refusal::LivesTooLong)),
        (json!({ "exp": u64::MAX }), Err(Refusal::LivesTooLong)),
        (json!({ "iss": "https://id.example/" }), Err(Refusal::Issuer)),
        (json!({ "iss": "https://ID.example" }), Err(Refusal::Issuer)),
        (json!({ "iss": "" }), Err(Refusal::Issuer)),
        (json!({ "aud": "https://other.example" }), Err(Refusal::Audience)),
        (json!({ "aud": "https://api.example.evil" }), Err(Refusal::Audience)),
        (json!({ "aud": [] }), Err(Refusal::Audience)),
        (json!({ "cnf": { "x5t#S256": "x" } }), Err(Refusal::BindingUnknown)),
    ] {
        let judged = judge(&header(&json!({})), &claims(&change), &rules(), NOW);
        assert_eq!(judged, expected, "{change}");
    }
}

#[test]
fn rfc6750_3_1_scopes_are_whole_words() {
    for (scopes, expected) in [
        (&["read"][..], Ok(())),
        (&["write", "read"], Ok(())),
        (&["read", "admin"], Err(Refusal::Scope)),
        (&["rea"], Err(Refusal::Scope)),
        (&["read write"], Err(Refusal::Scope)),
    ] {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let rules = Rules { scopes, ..rules() };
        let judged = judge(&header(&json!({})), &claims(&json!({})), &rules, NOW);
        assert_eq!(judged, expected, "{:?}", rules.scopes);
    }
}

#[test]
fn j3_nobody_is_nobodys_audience() {
    let rules = Rules { audiences: Vec::new(), ..rules() };
    let judged = judge(&header(&json!({})), &claims(&json!({ "aud": [] })), &rules, NOW);
    assert_eq!(judged, Err(Refusal::Audience));
}
