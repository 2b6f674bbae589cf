//! Tokens made by another library verify here, and ours there.

mod support;

use aws_lc_rs::encoding::AsDer as _;
use jsonwebtoken::jwk::Jwk as TheirJwk;
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde_json::{Value, json};
use support::{AUDIENCE, HandClock, ISSUER, Signer, builder, claims};
use unlapse_verify::{Algorithm, Refusal};

fn theirs(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
        _ => jsonwebtoken::Algorithm::EdDSA,
    }
}

/// The private key as the other library takes it.
fn encoding_key(signer: &Signer) -> EncodingKey {
    match signer {
        Signer::EdDsa(pair) => EncodingKey::from_ed_der(pair.to_pkcs8v1().expect("DER").as_ref()),
        Signer::Es256(pair) => EncodingKey::from_ec_der(pair.to_pkcs8v1().expect("DER").as_ref()),
        // It takes the key alone (RFC 8017 A.1.2), which stands in PKCS#8 behind 26 bytes.
        Signer::Rs256(pair) => {
            EncodingKey::from_rsa_der(&pair.as_der().expect("DER").as_ref()[26..])
        }
    }
}

#[test]
fn rfc7515_what_another_library_signed_verifies_here() {
    for algorithm in Algorithm::ALL {
        let (signer, clock) = (Signer::new(algorithm), HandClock::new());
        let verifier = builder(&[&signer], &clock).build().expect("a verifier");
        let mut header = Header::new(theirs(algorithm));
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(signer.jwk().kid().to_owned());
        let token = encode(&header, &claims(), &encoding_key(&signer)).expect("signed");
        assert_eq!(verifier.verify_at_once(&token).expect("genuine").sub, "ada");
        let other = encode(&header, &claims(), &encoding_key(&Signer::new(algorithm)));
        let refused = verifier.verify_at_once(&other.expect("signed"));
        assert_eq!(refused.expect_err("refused"), Refusal::Signature);
    }
}

#[test]
fn rfc7517_what_we_sign_and_publish_verifies_in_another_library() {
    for algorithm in Algorithm::ALL {
        let signer = Signer::new(algorithm);
        let published = serde_json::to_string(&signer.jwk()).expect("JSON");
        let jwk: TheirJwk = serde_json::from_str(&published).expect("a JWK");
        let key = DecodingKey::from_jwk(&jwk).expect("a key");
        let mut validation = Validation::new(theirs(algorithm));
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        validation.validate_exp = false;
        let token = signer.token(&json!({}));
        let read = decode::<Value>(&token, &key, &validation).expect("genuine");
        assert_eq!(read.claims, claims());
        let tampered = token.replace(&token[token.len() - 8..], "AAAAAAAA");
        assert!(decode::<Value>(&tampered, &key, &validation).is_err());
    }
}
