use proptest::prelude::*;

use super::*;
use unlapse_verify::Algorithm;

fn claims() -> AccessClaims {
    AccessClaims {
        iss: "https://id.example".to_owned(),
        sub: "ada".to_owned(),
        aud: "https://api.example".to_owned(),
        client_id: "app".to_owned(),
        scope: Some("read write".to_owned()),
        exp: 1900,
        iat: 1000,
        jti: "j".to_owned(),
        sid: Some("s".to_owned()),
        cnf: None,
    }
}

fn key() -> SigningKey {
    SigningKey::generate(Algorithm::EdDsa).expect("drawn")
}

fn open(token: &str, key: &SigningKey) -> Result<AccessClaims, BadAccessToken> {
    let keys = JwkSet::new([key.jwk().clone()]);
    AccessClaims::open(token, &keys, "https://id.example", "https://api.example")
}

/// A token of `header` and `claims`, rightly signed by `key`.
fn signed(header: &str, claims: &str, key: &SigningKey) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()));
    format!("{message}.{signature}")
}

#[test]
fn j3_reads_what_it_signed_with_either_algorithm() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Rs256] {
        let key = SigningKey::generate(algorithm).expect("drawn");
        let token = claims().sign(&key);
        assert_eq!(open(token.expose(), &key), Ok(claims()));
    }
}

#[test]
fn j6_a_row_for_each_thing_that_may_be_wrong() {
    use BadAccessToken as Bad;
    let body = serde_json::to_string(&claims()).expect("JSON");
    let rows = [
        (r#"{"alg":"EdDSA","typ":"at+jwt","kid":"KID"}"#, body.clone(), None),
        (r#"{"alg":"EdDSA","typ":"application/AT+JWT","kid":"KID"}"#, body.clone(), None),
        (r#"{"alg":"none","typ":"at+jwt","kid":"KID"}"#, body.clone(), Some(Bad::Algorithm)),
        (r#"{"alg":"HS256","typ":"at+jwt","kid":"KID"}"#, body.clone(), Some(Bad::Algorithm)),
        (r#"{"alg":"RS256","typ":"at+jwt","kid":"KID"}"#, body.clone(), Some(Bad::Algorithm)),
        (r#"{"alg":"EdDSA","typ":"JWT","kid":"KID"}"#, body.clone(), Some(Bad::Type)),
        (r#"{"alg":"EdDSA","kid":"KID"}"#, body.clone(), Some(Bad::Type)),
        (r#"{"alg":"EdDSA","typ":"at+jwt"}"#, body.clone(), Some(Bad::Key)),
        (r#"{"alg":"EdDSA","typ":"at+jwt","kid":"x"}"#, body.clone(), Some(Bad::Key)),
        (
            r#"{"alg":"EdDSA","typ":"at+jwt","kid":"KID","crit":["b64"]}"#,
            body.clone(),
            Some(Bad::Malformed),
        ),
        ("[]", body.clone(), Some(Bad::Malformed)),
        (
            r#"{"alg":"EdDSA","typ":"at+jwt","kid":"KID"}"#,
            body.replace("id.example", "evil.example"),
            Some(Bad::Issuer),
        ),
        (
            r#"{"alg":"EdDSA","typ":"at+jwt","kid":"KID"}"#,
            body.replace("api.example", "other.example"),
            Some(Bad::Audience),
        ),
        (r#"{"alg":"EdDSA","typ":"at+jwt","kid":"KID"}"#, "{}".to_owned(), Some(Bad::Malformed)),
    ];
    for (header, body, bad) in rows {
        let key = key();
        let header = header.replace("KID", key.jwk().kid());
        let token = signed(&header, &body, &key);
        assert_eq!(open(&token, &key).err(), bad, "{header} {body}");
    }
    // Another's signature under our header.
    let (ours, theirs) = (key(), key());
    let other = claims().sign(&theirs);
    let (_, rest) = other.expose().split_once('.').expect("a JWT");
    let passed_off = format!("{}{rest}", ours.header());
    assert_eq!(open(&passed_off, &ours), Err(Bad::Signature));
}

#[test]
fn j6_one_changed_character_is_enough() {
    let key = key();
    let token = claims().sign(&key);
    for at in 0..token.len() {
        let mut text = token.expose().as_bytes().to_vec();
        text[at] = if text[at] == b'A' { b'B' } else { b'A' };
        let text = String::from_utf8(text).expect("ASCII");
        assert!(open(&text, &key).is_err(), "{at}");
    }
}

#[test]
fn r11_a_token_never_ends_before_its_expires_in() {
    let span = |millis, lifetime| {
        AccessClaims::span(UnixTime::from_millis(millis), Duration::from_millis(lifetime))
    };
    assert_eq!(span(10_000, 2000), (10, 12));
    assert_eq!(span(10_900, 2000), (10, 13));
    assert_eq!(span(u64::MAX, 2000).1, u64::MAX.div_ceil(1000));
}

proptest! {
    #[test]
    fn j6_no_text_panics_or_passes(text in "\\PC*", header in "\\PC*", body in "\\PC*") {
        prop_assert!(open(&text, &key()).is_err());
        let key = key();
        prop_assert!(open(&signed(&header, &body, &key), &key).is_err());
    }
}
