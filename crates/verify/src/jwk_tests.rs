use proptest::prelude::*;
use serde_json::json;

use super::*;

fn parse(value: &Value) -> Result<Jwk, BadJwk> {
    Jwk::parse(value.to_string().as_bytes())
}

/// RFC 8037 appendix A.2.
fn okp() -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" })
}

/// RFC 7515 appendix A.3.1.
fn ec() -> Value {
    json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    })
}

/// RFC 7638 §3.1.
fn rsa() -> Value {
    json!({
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tS\
              oc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65\
              YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyr\
              dkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK\
              nqDKgw",
        "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
    })
}

fn with(mut key: Value, name: &str, value: impl Into<Value>) -> Value {
    key[name] = value.into();
    key
}

fn without(mut key: Value, name: &str) -> Value {
    key.as_object_mut().expect("an object").remove(name);
    key
}

#[test]
fn rfc7638_3_1_and_rfc8037_a_3_thumbprints() {
    let thumbprint = |key| parse(&key).expect("a key").thumbprint().to_string();
    assert_eq!(thumbprint(rsa()), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_eq!(thumbprint(okp()), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    // RFC 9449 §6.1: the key of the RFC's proofs.
    let key = json!({
        "kty": "EC", "crv": "P-256",
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
    });
    assert_eq!(thumbprint(key), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
}

#[test]
fn rfc7517_4_it_is_published_with_use_alg_and_kid() {
    let key = parse(&okp()).expect("a key");
    let published = serde_json::to_string(&key).expect("JSON");
    assert_eq!(
        published,
        r#"{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k","alg":"EdDSA","use":"sig"}"#
    );
    for key in [okp(), ec(), rsa()] {
        let key = parse(&key).expect("a key");
        assert_eq!(Jwk::parse(&serde_json::to_vec(&key).expect("JSON")), Ok(key));
    }
    assert_eq!(parse(&rsa()).expect("a key").kid(), "2011-04-29");
    assert_eq!(parse(&ec()).expect("a key").algorithm(), Algorithm::Es256);
}

#[test]
fn rfc8725_3_4_a_row_for_each_bad_key() {
    use BadJwk::{Malformed, Number, Point, Private, Unsupported};
    let rows = [
        (with(okp(), "d", "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"), Private),
        (with(ec(), "d", Value::Null), Private),
        (with(rsa(), "p", "AQ"), Private),
        (with(rsa(), "oth", json!([])), Private),
        (json!({ "kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMko" }), Private),
        (without(okp(), "kty"), Unsupported),
        (without(okp(), "crv"), Unsupported),
        (with(okp(), "crv", "X25519"), Unsupported),
        (with(okp(), "crv", "Ed448"), Unsupported),
        (with(ec(), "crv", "P-521"), Unsupported),
        (with(ec(), "crv", "Ed25519"), Unsupported),
        (with(ec(), "kty", "ec"), Unsupported),
        (with(rsa(), "crv", "P-256"), Unsupported),
        (with(rsa(), "alg", "PS256"), Unsupported),
        (with(rsa(), "alg", "HS256"), Unsupported),
        (with(rsa(), "alg", "none"), Unsupported),
        (with(ec(), "alg", "EdDSA"), Unsupported),
        (with(ec(), "alg", 7), Unsupported),
        (with(ec(), "use", "enc"), Unsupported),
        (with(ec(), "key_ops", json!(["sign"])), Unsupported),
        (with(ec(), "key_ops", "verify"), Unsupported),
        (without(ec(), "y"), Number),
        (with(ec(), "y", 7), Number),
        (with(ec(), "x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVE"), Number),
        (with(ec(), "x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEUA"), Number),
        (with(ec(), "x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU="), Number),
        (with(ec(), "x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV"), Number),
        (with(ec(), "x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEQ"), Point),
        (with(okp(), "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), Point),
        (with(rsa(), "n", "0vx7"), BadJwk::Weak),
        (with(rsa(), "n", "AA"), Number),
        (with(rsa(), "e", "AQ"), BadJwk::Weak),
        (with(rsa(), "e", ""), Number),
        (with(okp(), "kid", 7), Malformed),
        (with(okp(), "kid", ""), Malformed),
        (with(okp(), "kid", "k".repeat(257)), Malformed),
        (with(okp(), "more", "x".repeat(9000)), Malformed),
        (json!([okp()]), Malformed),
    ];
    for (key, bad) in rows {
        assert_eq!(parse(&key), Err(bad), "{key}");
    }
    let twice = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    assert_eq!(Jwk::parse(twice.as_bytes()), Err(Malformed));
}

proptest! {
    #[test]
    fn j6_no_text_panics(text in "\\PC*", x in "[A-Za-z0-9_-]{43}") {
        let _ = Jwk::parse(text.as_bytes());
        let _ = parse(&with(okp(), "x", x.clone()));
        let _ = parse(&with(ec(), "x", x.clone()));
        let _ = parse(&with(rsa(), "n", x));
    }
}
