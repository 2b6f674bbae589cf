use super::*;
use crate::access_claims::BadClaims;
use crate::dpop::BadProof;
use crate::jws::BadJws;

fn terms(algs: Option<&str>, dpop_alone: bool) -> Arc<Terms> {
    let algs = algs.map(str::to_owned);
    Arc::new(Terms { realm: "api".to_owned(), scope: "read".to_owned(), algs, dpop_alone })
}

#[test]
fn rfc6750_3_a_row_for_each_challenge() {
    let (plain, both, alone) =
        (terms(None, false), terms(Some("EdDSA ES256"), false), terms(Some("ES256"), true));
    let expired = r#"error="invalid_token",error_description="the token has expired""#;
    let rows = [
        (Refusal::NoToken, Scheme::Bearer, &plain, vec![r#"Bearer realm="api",scope="read""#.to_owned()]),
        (
            Refusal::NoToken,
            Scheme::Bearer,
            &both,
            vec![
                r#"Bearer realm="api",scope="read""#.to_owned(),
                r#"DPoP realm="api",scope="read",algs="EdDSA ES256""#.to_owned(),
            ],
        ),
        (
            Refusal::NoToken,
            Scheme::Bearer,
            &alone,
            vec![r#"DPoP realm="api",scope="read",algs="ES256""#.to_owned()],
        ),
        (Refusal::Expired, Scheme::Bearer, &plain, vec![format!(r#"Bearer realm="api",{expired}"#)]),
        (Refusal::Expired, Scheme::Bearer, &both, vec![format!(r#"Bearer realm="api",{expired}"#)]),
        (
            Refusal::Expired,
            Scheme::Dpop,
            &both,
            vec![format!(r#"DPoP realm="api",{expired},algs="EdDSA ES256""#)],
        ),
        (
            Refusal::Bound,
            Scheme::Bearer,
            &both,
            vec![
                r#"Bearer realm="api",error="invalid_token",error_description="the token is bound to a key: send it with the scheme DPoP and a proof""#
                    .to_owned(),
                r#"DPoP realm="api",algs="EdDSA ES256""#.to_owned(),
            ],
        ),
        (
            Refusal::Scope,
            Scheme::Bearer,
            &plain,
            vec![
                r#"Bearer realm="api",error="insufficient_scope",error_description="the token has not the scope that this needs",scope="read""#
                    .to_owned(),
            ],
        ),
        (Refusal::KeysUnavailable, Scheme::Bearer, &both, Vec::new()),
    ];
    for (refusal, scheme, terms, expected) in rows {
        assert_eq!(Refused::new(refusal, scheme, terms).challenges(), expected, "{refusal:?}");
    }
}

#[test]
fn rfc9449_8_the_nonce_is_told() {
    let refused =
        Refused::new(Refusal::Proof(BadProof::Nonce), Scheme::Dpop, &terms(Some("ES256"), false));
    let headers = refused.with_nonce(Some("n-1".to_owned())).headers();
    assert_eq!(headers["dpop-nonce"], "n-1");
    let challenge = headers[WWW_AUTHENTICATE].to_str().expect("ASCII");
    assert!(challenge.contains(r#"error="use_dpop_nonce""#), "{challenge}");
}

#[test]
fn rfc6750_3_every_description_is_one() {
    let refusals = [
        Refusal::NoToken,
        Refusal::AuthorizationMalformed,
        Refusal::AuthorizationRepeated,
        Refusal::Jws(BadJws::Malformed),
        Refusal::Critical,
        Refusal::BringsKey,
        Refusal::Type,
        Refusal::Claims(BadClaims::Missing("sub")),
        Refusal::Claims(BadClaims::TooMany),
        Refusal::Bound,
        Refusal::Scope,
        Refusal::Proof(BadProof::Claim("jti")),
        Refusal::Proof(BadProof::Nonce),
        Refusal::Proof(BadProof::Jws(BadJws::TooDeep)),
        Refusal::KeysUnavailable,
    ];
    for refusal in refusals {
        let text = refusal.to_string();
        let allowed = |byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(text.bytes().all(allowed), "{text}");
        let body: serde_json::Value = serde_json::from_str(
            &Refused::new(refusal, Scheme::Bearer, &terms(None, false)).body(),
        )
        .expect("JSON");
        assert_eq!(body["code"], refusal.code());
    }
}

#[test]
fn rfc9110_5_6_4_what_is_configured_is_quoted() {
    let terms = Terms { realm: r#"a "b" \c"#.to_owned(), ..Terms::default() };
    let refused = Refused::new(Refusal::NoToken, Scheme::Bearer, &Arc::new(terms));
    assert_eq!(refused.challenges(), [r#"Bearer realm="a \"b\" \\c""#]);
}
