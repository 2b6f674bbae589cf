use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};
use http::Method;
use serde_json::{Value, json};
use unlapse_core::UnixTime;

use super::super::Target;
use super::*;

const BOTH: [Algorithm; 2] = [Algorithm::Es256, Algorithm::EdDsa];

fn key(algorithm: Algorithm) -> SenderKey {
    SenderKey::from_seed(algorithm, &[7; 32]).expect("in range")
}

/// Header, claims, and whether the key in the header has signed them.
fn opened(proof: &HeaderValue) -> (Value, Value, bool) {
    let jwt = proof.to_str().expect("ASCII");
    let (signed, signature) = jwt.rsplit_once('.').expect("a signature");
    let (header, claims) = signed.split_once('.').expect("two parts");
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64url");
    let [header, claims]: [Value; 2] =
        [header, claims].map(|part| serde_json::from_slice(&bytes(part)).expect("JSON"));
    let member = |name: &str| bytes(header["jwk"][name].as_str().expect("a member"));
    let signature = bytes(signature);
    let good = match header["alg"].as_str() {
        Some("ES256") => {
            let point = [vec![4], member("x"), member("y")].concat();
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(signed.as_bytes(), &signature)
        }
        _ => UnparsedPublicKey::new(&ED25519, member("x")).verify(signed.as_bytes(), &signature),
    };
    (header, claims, good.is_ok())
}

fn target() -> Target {
    Target::parse("https://server.example.com/token?x=1#y").expect("a URL")
}

fn proof(target: &Target) -> Proof<'_> {
    Proof {
        method: &Method::POST,
        target,
        access_token: None,
        nonce: None,
        jti: [9; 16],
        issued_at: UnixTime::from_millis(1_562_262_616_900),
    }
}

#[test]
fn rfc9449_4_2_a_proof_at_the_token_endpoint() {
    for algorithm in BOTH {
        let key = key(algorithm);
        let value = key.prove(&proof(&target())).expect("signed");
        assert!(value.is_sensitive());
        let (header, claims, is_signed) = opened(&value);
        assert!(is_signed, "{algorithm:?}");
        assert_eq!(
            (&header["typ"], &header["alg"]),
            (&json!("dpop+jwt"), &json!(algorithm.as_str()))
        );
        assert_eq!(header["jwk"], serde_json::to_value(&key.jwk).expect("JSON"));
        assert_eq!(header["jwk"].get("d"), None, "no private key");
        let expected = json!({
            "jti": URL_SAFE_NO_PAD.encode([9; 16]),
            "htm": "POST",
            "htu": "https://server.example.com/token",
            "iat": 1_562_262_616,
        });
        assert_eq!(claims, expected);
    }
}

#[test]
fn rfc9449_7_1_a_proof_beside_an_access_token() {
    // The token of the RFC's example, and the hash that it has there.
    let access_token = Secret::new("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU");
    let (target, method) = (target(), Method::GET);
    let proof = Proof {
        method: &method,
        access_token: Some(&access_token),
        nonce: Some("eyJ7S_zG.eyJH0-Z.HX4w-7v"),
        ..proof(&target)
    };
    let (_, claims, is_signed) = opened(&key(Algorithm::Es256).prove(&proof).expect("signed"));
    assert!(is_signed);
    assert_eq!(claims["ath"], "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
    assert_eq!(
        (&claims["nonce"], &claims["htm"]),
        (&json!("eyJ7S_zG.eyJH0-Z.HX4w-7v"), &json!("GET"))
    );
}

#[test]
fn rfc9449_8_1_no_proof_with_a_nonce_that_is_none() {
    let target = target();
    for nonce in ["", "a b", "a\"b", "a\nb"] {
        let proof = Proof { nonce: Some(nonce), ..proof(&target) };
        assert_eq!(
            key(Algorithm::Es256).prove(&proof).err(),
            Some(BadSenderKey::Nonce),
            "{nonce:?}"
        );
    }
}

#[test]
fn rfc7638_thumbprints_of_the_rfcs_examples() {
    let p256 = Jwk {
        crv: "P-256",
        kty: "EC",
        x: "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs".to_owned(),
        y: Some("9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA".to_owned()),
    };
    // RFC 9449 §6.1
    assert_eq!(p256.thumbprint(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    // RFC 8037 §A.1 and §A.3
    let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
    let seed = seed.expect("base64url").try_into().expect("32 bytes");
    let ed25519 = SenderKey::from_seed(Algorithm::EdDsa, &seed).expect("any seed is one");
    assert_eq!(ed25519.jwk.x, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    assert_eq!(ed25519.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn rfc9449_5_a_key_that_was_kept_is_the_same_key() {
    for algorithm in BOTH {
        let key = key(algorithm);
        let kept = key.to_document().expect("a document");
        let again = SenderKey::parse(&kept).expect("a key");
        assert_eq!((again.algorithm(), again.thumbprint()), (algorithm, key.thumbprint()));
        assert!(opened(&again.prove(&proof(&target())).expect("signed")).2);
        assert!(kept.len() < 300, "{} characters", kept.len());
    }
}

#[test]
fn a_seed_out_of_range_is_told_and_not_bent() {
    for seed in [[0; 32], [0xff; 32]] {
        let found = SenderKey::from_seed(Algorithm::Es256, &seed).err();
        assert_eq!(found, Some(BadSenderKey::Seed));
    }
}

#[test]
fn hostile_documents_are_refused() {
    let good = key(Algorithm::Es256).to_document().expect("a document");
    let good = good.expose();
    let cut = &good[..good.len() / 2 / 4 * 4];
    for bad in ["", "x", "====", "AAAA", cut, &"A".repeat(1 << 20)] {
        let found = SenderKey::parse(&Secret::new(bad)).err();
        assert_eq!(found, Some(BadSenderKey::Document), "{} characters", bad.len());
    }
}

#[test]
fn c13_debug_shows_the_public_key_alone() {
    let key = key(Algorithm::Es256);
    assert_eq!(format!("{key:?}"), format!("SenderKey({})", key.thumbprint()));
}
