//! Every attack on a verifier that is known, by name, and the answer to it.

mod support;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Uri};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{AUDIENCE, HandClock, ISSUER, NOW, Signer, builder, changed, claims, set};
use unlapse_core::UnixTime;
use unlapse_verify::{Algorithm, BadClaims, BadJws, Denylist, Refusal, SharedKeys, Verifier};

fn rig() -> (Signer, Verifier, HandClock) {
    let (signer, clock) = (Signer::new(Algorithm::EdDsa), HandClock::new());
    let verifier = builder(&[&signer], &clock).build().expect("a verifier");
    (signer, verifier, clock)
}

fn verify(verifier: &Verifier, token: &str) -> Result<(), Refusal> {
    verifier.verify_at_once(token).map(|_| ())
}

#[test]
fn j3_a_good_token_of_each_algorithm_passes_twice() {
    for algorithm in Algorithm::ALL {
        let (signer, clock) = (Signer::new(algorithm), HandClock::new());
        let verifier = builder(&[&signer], &clock).build().expect("a verifier");
        let token = signer.token(&json!({}));
        for _ in 0..2 {
            let verified = verifier.verify_at_once(&token).expect("genuine");
            assert_eq!((verified.sub.as_str(), verified.jti.as_str()), ("ada", "j"));
        }
        let other = Signer::new(algorithm);
        let forged = other.jwt(&signer.header().to_string(), &claims().to_string());
        assert_eq!(verify(&verifier, &forged), Err(Refusal::Signature));
    }
}

#[test]
fn rfc8725_3_1_alg_confusion() {
    let (signer, verifier, _) = rig();
    let body = claims().to_string();
    let kid = signer.jwk().kid().to_owned();
    let header = |alg: &str| json!({ "alg": alg, "typ": "at+jwt", "kid": kid }).to_string();
    let message =
        |alg| format!("{}.{}", URL_SAFE_NO_PAD.encode(header(alg)), URL_SAFE_NO_PAD.encode(&body));
    // alg none, with and without a signature.
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        assert_eq!(verify(&verifier, &format!("{}.", message(alg))), Err(Refusal::Algorithm));
        assert_eq!(verify(&verifier, &signer.jwt(&header(alg), &body)), Err(Refusal::Algorithm));
    }
    // A MAC under the public key, in each form in which a library may have it at hand.
    let jwk = serde_json::to_vec(&signer.jwk()).expect("JSON");
    let x = serde_json::to_value(signer.jwk()).expect("JSON")["x"].as_str().map(str::to_owned);
    let x = x.expect("a text");
    let raw = URL_SAFE_NO_PAD.decode(&x).expect("base64url");
    for secret in [&jwk[..], x.as_bytes(), &raw] {
        let message = message("HS256");
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac));
        assert_eq!(verify(&verifier, &token), Err(Refusal::Algorithm));
    }
    // Another algorithm than the key's, though it is one that is accepted.
    for alg in ["ES256", "RS256"] {
        assert_eq!(verify(&verifier, &signer.jwt(&header(alg), &body)), Err(Refusal::Algorithm));
    }
}

#[test]
fn rfc8725_3_11_another_kind_of_jwt_is_no_access_token() {
    let (signer, verifier, _) = rig();
    for typ in [json!("JWT"), json!("logout+jwt"), json!("dpop+jwt"), json!(""), Value::Null] {
        let header = changed(signer.header(), &json!({ "typ": typ })).to_string();
        assert_eq!(
            verify(&verifier, &signer.jwt(&header, &claims().to_string())),
            Err(Refusal::Type)
        );
    }
}

#[test]
fn rfc8725_3_10_a_key_in_the_header_is_never_used() {
    let (signer, verifier, _) = rig();
    let thief = Signer::new(Algorithm::EdDsa);
    let jwk = serde_json::to_value(thief.jwk()).expect("JSON");
    for brings in [
        json!({ "jwk": jwk, "kid": thief.jwk().kid() }),
        json!({ "jwk": jwk }),
        json!({ "jwk": null }),
        json!({ "jku": "https://evil.example/jwks" }),
        json!({ "x5u": "https://evil.example/cert" }),
        json!({ "x5c": ["MIIB"] }),
    ] {
        let mut header = signer.header();
        for (name, value) in brings.as_object().expect("an object") {
            header[name] = value.clone();
        }
        let forged = thief.jwt(&header.to_string(), &claims().to_string());
        assert_eq!(verify(&verifier, &forged), Err(Refusal::BringsKey), "{brings}");
        // Nor is it let through when it is rightly signed.
        let signed = signer.jwt(&header.to_string(), &claims().to_string());
        assert_eq!(verify(&verifier, &signed), Err(Refusal::BringsKey), "{brings}");
    }
}

#[test]
fn j3_kid_injection_finds_no_key() {
    let (signer, verifier, _) = rig();
    let real = signer.jwk().kid().to_owned();
    for kid in [
        "../../../../../../dev/null".to_owned(),
        "/etc/passwd".to_owned(),
        "https://evil.example/key".to_owned(),
        "file:///dev/null".to_owned(),
        "' OR '1'='1".to_owned(),
        "x' UNION SELECT 'key' --".to_owned(),
        "key; rm -rf /".to_owned(),
        "$(id)".to_owned(),
        "\u{0}".to_owned(),
        String::new(),
        format!("{real}\u{0}"),
        format!(" {real}"),
        real.to_uppercase(),
        real[..42].to_owned(),
        "k".repeat(5000),
    ] {
        let header = changed(signer.header(), &json!({ "kid": kid })).to_string();
        let token = signer.jwt(&header, &claims().to_string());
        assert_eq!(verify(&verifier, &token), Err(Refusal::KeyUnknown), "{kid}");
    }
    let header = changed(signer.header(), &json!({ "kid": null })).to_string();
    let token = signer.jwt(&header, &claims().to_string());
    assert_eq!(verify(&verifier, &token), Err(Refusal::KeyUnknown));
    let header = changed(signer.header(), &json!({ "kid": [real] })).to_string();
    let token = signer.jwt(&header, &claims().to_string());
    assert_eq!(verify(&verifier, &token), Err(Refusal::Jws(BadJws::Malformed)));
}

#[test]
fn rfc9068_4_wrong_claims() {
    let (signer, verifier, _) = rig();
    for (change, refusal) in [
        (json!({ "iss": "https://evil.example" }), Refusal::Issuer),
        (json!({ "iss": "https://id.example/" }), Refusal::Issuer),
        (json!({ "aud": "https://other.example" }), Refusal::Audience),
        (json!({ "aud": [] }), Refusal::Audience),
        (json!({ "exp": NOW - 30 }), Refusal::Expired),
        (json!({ "nbf": NOW + 31 }), Refusal::NotYetValid),
        (json!({ "iat": NOW + 31 }), Refusal::FromTheFuture),
        (json!({ "exp": NOW + 86_401 }), Refusal::LivesTooLong),
        (json!({ "sub": null }), Refusal::Claims(BadClaims::Missing("sub"))),
        (json!({ "exp": null }), Refusal::Claims(BadClaims::Missing("exp"))),
        (json!({ "exp": "never" }), Refusal::Claims(BadClaims::Type("exp"))),
        (json!({ "exp": -1 }), Refusal::Claims(BadClaims::Type("exp"))),
        (
            json!({ "cnf": { "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" } }),
            Refusal::Bound,
        ),
        (json!({ "cnf": { "x5t#S256": "x" } }), Refusal::BindingUnknown),
    ] {
        assert_eq!(verify(&verifier, &signer.token(&change)), Err(refusal), "{change}");
    }
}

#[test]
fn j6_oversized_nested_and_duplicated() {
    let (signer, verifier, _) = rig();
    let header = signer.header().to_string();
    let body = claims().to_string();
    let deep = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
    let many: Value = (0..65).map(|at| (format!("c{at}"), json!(at))).collect();
    for (claims, refusal) in [
        (body.replacen('{', &format!(r#"{{"x":"{}","#, "x".repeat(8000)), 1), BadJws::TooLong),
        (body.replacen('{', &format!(r#"{{"x":{deep},"#), 1), BadJws::TooDeep),
        (body.replacen('{', r#"{"x":[[[[[[[[]]]]]]]],"#, 1), BadJws::TooDeep),
        (body.replacen('{', r#"{"sub":"root","#, 1), BadJws::Duplicate),
        (body.replacen('{', r#"{"s\u0075b":"root","#, 1), BadJws::Duplicate),
        (body.replacen('{', r#"{"x":{"a":1,"a":2},"#, 1), BadJws::Duplicate),
        (format!("{body}{body}"), BadJws::Malformed),
        (format!("[{body}]"), BadJws::Malformed),
        (body.replace("900", "1e999"), BadJws::Malformed),
    ] {
        let token = signer.jwt(&header, &claims);
        assert_eq!(verify(&verifier, &token), Err(Refusal::Jws(refusal)), "{claims}");
    }
    let twice = header.replacen('{', r#"{"alg":"none","#, 1);
    let token = signer.jwt(&twice, &body);
    assert_eq!(verify(&verifier, &token), Err(Refusal::Jws(BadJws::Duplicate)));
    let token = signer.token(&many);
    assert_eq!(verify(&verifier, &token), Err(Refusal::Claims(BadClaims::TooMany)));
    assert_eq!(verify(&verifier, &"a".repeat(1_000_000)), Err(Refusal::Jws(BadJws::TooLong)));
}

#[test]
fn rfc7515_4_1_11_extensions_that_must_be_understood_are_not() {
    let (signer, verifier, _) = rig();
    let header = changed(signer.header(), &json!({ "crit": ["exp"], "exp": 1 })).to_string();
    let token = signer.jwt(&header, &claims().to_string());
    assert_eq!(verify(&verifier, &token), Err(Refusal::Critical));
}

#[test]
fn j3_a_remembered_token_is_still_judged() {
    let (signer, clock) = (Signer::new(Algorithm::EdDsa), HandClock::new());
    let denylist = Arc::new(Denylist::default());
    let keys = SharedKeys::new(set(&[&signer]));
    let verifier = Verifier::builder(ISSUER, AUDIENCE, keys.clone())
        .clock(clock.clock())
        .denylist(Arc::clone(&denylist))
        .build()
        .expect("a verifier");
    let by_session = signer.token(&json!({ "jti": "1" }));
    let by_token = signer.token(&json!({ "jti": "2", "sid": "other" }));
    let lasting = signer.token(&json!({ "jti": "3", "sid": "third" }));
    let all = [&by_session, &by_token, &lasting];
    for token in all {
        assert_eq!(verify(&verifier, token), Ok(()));
    }
    let until = UnixTime::from_secs(NOW + 900);
    denylist.deny("s", until, clock.now());
    assert_eq!(verify(&verifier, &by_session), Err(Refusal::Revoked));
    assert_eq!(verify(&verifier, &by_token), Ok(()));
    denylist.deny("2", until, clock.now());
    assert_eq!(verify(&verifier, &by_token), Err(Refusal::Revoked));
    assert_eq!(verify(&verifier, &by_token), Err(Refusal::Revoked));
    assert_eq!(verify(&verifier, &lasting), Ok(()));
    // Its key goes, another takes its place under the same name, and it comes back.
    keys.replace(set(&[]));
    assert_eq!(verify(&verifier, &lasting), Err(Refusal::KeyUnknown));
    let mut other = serde_json::to_value(Signer::new(Algorithm::EdDsa).jwk()).expect("JSON");
    other["kid"] = signer.jwk().kid().into();
    let other = unlapse_verify::Jwk::parse(other.to_string().as_bytes()).expect("a key");
    keys.replace(unlapse_verify::JwkSet::new([other]));
    assert!(verify(&verifier, &lasting).is_err());
    keys.replace(set(&[&signer]));
    assert_eq!(verify(&verifier, &lasting), Ok(()));
    clock.advance(Duration::from_secs(929));
    assert_eq!(verify(&verifier, &lasting), Ok(()));
    clock.advance(Duration::from_secs(1));
    assert_eq!(verify(&verifier, &lasting), Err(Refusal::Expired));
}

#[tokio::test]
async fn rfc6750_2_3_a_token_in_the_query_is_never_read() {
    let (signer, verifier, _) = rig();
    let token = signer.token(&json!({}));
    let uri: Uri = format!("/things?access_token={token}").parse().expect("a URI");
    let refused = verifier.verify_request(&Method::GET, &uri, &HeaderMap::new()).await;
    assert_eq!(refused.expect_err("refused"), Refusal::NoToken);
}

#[tokio::test]
async fn rfc6750_2_two_tokens_are_no_token() {
    let (signer, verifier, _) = rig();
    let value = format!("Bearer {}", signer.token(&json!({})));
    let mut headers = HeaderMap::new();
    headers.append(AUTHORIZATION, value.parse().expect("a value"));
    let uri = Uri::from_static("/");
    assert!(verifier.verify_request(&Method::GET, &uri, &headers).await.is_ok());
    headers.append(AUTHORIZATION, value.parse().expect("a value"));
    let refused = verifier.verify_request(&Method::GET, &uri, &headers).await.expect_err("refused");
    assert_eq!(
        (refused.status().as_u16(), refused.refusal()),
        (400, Refusal::AuthorizationRepeated)
    );
}

#[test]
fn c13_no_error_and_no_debug_shows_the_token() {
    let (signer, verifier, _) = rig();
    let token = signer.token(&json!({ "iss": "canary-4711" }));
    let refusal = verify(&verifier, &token).expect_err("refused");
    assert!(!format!("{refusal} {refusal:?}").contains("canary"));
    let good = signer.token(&json!({}));
    let verified = verifier.verify_at_once(&good).expect("genuine");
    assert!(!format!("{verified:?}").contains(&good[good.len() - 20..]));
}

#[test]
fn j6_any_bit_flipped_is_refused_remembered_or_not() {
    for algorithm in Algorithm::ALL {
        let (signer, clock) = (Signer::new(algorithm), HandClock::new());
        let verifier = builder(&[&signer], &clock).build().expect("a verifier");
        let token = signer.token(&json!({}));
        assert_eq!(verify(&verifier, &token), Ok(()));
        for at in 0..token.len() {
            for bit in 0..7 {
                let mut bytes = token.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let flipped = String::from_utf8(bytes).expect("ASCII");
                assert!(verify(&verifier, &flipped).is_err(), "{algorithm} {at} {bit}");
            }
        }
    }
}

/// One for all cases: what is hostile leaves nothing behind in it.
static RIG: LazyLock<(Signer, Verifier, HandClock)> = LazyLock::new(rig);

proptest! {
    #[test]
    fn j6_no_text_panics_or_passes(text in "\\PC*", header in "\\PC*", body in "\\PC*") {
        let (signer, verifier, _) = &*RIG;
        prop_assert!(verify(verifier, &text).is_err());
        prop_assert!(verify(verifier, &signer.jwt(&header, &body)).is_err());
    }

    #[test]
    fn j6_no_header_line_panics(value in proptest::collection::vec(any::<u8>(), 0..100)) {
        let (_, verifier, _) = &*RIG;
        if let Ok(value) = http::HeaderValue::from_bytes(&value) {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.clone());
            headers.insert("dpop", value);
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let refused = runtime
                .block_on(verifier.verify_request(&Method::GET, &Uri::from_static("/"), &headers))
                .expect_err("refused");
            prop_assert!(matches!(refused.status().as_u16(), 400 | 401));
        }
    }
}
