//! A catalogue of providers, as somebody wrote it.

use std::collections::BTreeMap;

use http::Request;
use unlapse_core::Secret;
use unlapse_oauth::provider::{
    Authorization, Body, Caller, Catalogue, Claims, CodeExchange, Metadata, NotSigned, Provider,
    Signer, Step, StepFields, Unbuildable, Verb,
};

use crate::CANARY;
use crate::answer::NOW;

/// A catalogue is the same whenever it is read, and after it was printed; an error is one line that
/// repeats no value (R18). Whatever a provider says, the requests that can be built of it go to an
/// endpoint, with their secrets in the body or in headers that are marked, or in the URL where it
/// says so; and whatever it makes of a reply, that is no grant where no token may come back.
pub fn providers(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    match Catalogue::parse(text) {
        Err(error) => {
            let said = error.to_string();
            assert!(!said.contains(char::is_control), "{said:?}");
            assert!(said.len() < 4096, "{} bytes", said.len());
            assert!(is_key(text) || !said.contains(CANARY), "{said}");
        }
        Ok(catalogue) => {
            let printed = catalogue.to_toml();
            let again = Catalogue::parse(&printed).expect("printed by ourselves");
            assert_eq!(again.to_toml(), printed, "another catalogue after printing");
            for provider in &catalogue {
                let same = again.provider(provider.id()).expect("the same providers");
                assert_eq!(same.descriptor(), provider.descriptor());
                requests(provider);
                replies(provider);
            }
        }
    }
}

/// Whether the canary may stand where the name of a field does.
fn is_key(text: &str) -> bool {
    let key = |line: &str| {
        let (before, _) = line.split_once('=').unwrap_or((line, ""));
        before.contains(CANARY)
    };
    // Inline tables and templates have names further on in a line.
    text.lines().any(key) || text.contains('{')
}

struct Key;

impl Signer for Key {
    fn sign(&self, _: Claims<'_>) -> Result<Secret, NotSigned> {
        Ok(Secret::new("hidden-jwt"))
    }
}

fn requests(provider: &Provider) {
    let secret = Secret::new("hidden");
    let params: BTreeMap<_, _> =
        provider.variables().keys().map(|name| (name.clone(), "a.example".to_owned())).collect();
    let metadata = Metadata::new();
    let caller = Caller {
        client_id: "cid",
        client_secret: Some(&secret),
        signer: Some(&Key),
        params: &params,
        metadata: &metadata,
        scope: Some("a b"),
    };
    let authorization =
        Authorization { redirect_uri: "https://app.example/", state: "s", code_challenge: None };
    if let Ok(url) = provider.authorize_url(&caller, authorization) {
        assert!(is_allowed(provider, "hidden") || !url.as_str().contains("hidden"), "{url}");
    }
    let code =
        CodeExchange { code: &secret, redirect_uri: "https://a/", code_verifier: Some(&secret) };
    let descriptor = provider.descriptor();
    let held = provider.check_issuer(&caller, Some("https://evil.example/"));
    assert!(held.is_err() || descriptor.issuer.as_deref().is_none_or(|own| own.contains("evil")));
    check(provider, descriptor.token.as_ref(), provider.exchange_code(&caller, code));
    check(provider, descriptor.exchange.as_ref(), provider.exchange(&caller, &secret));
    check(provider, descriptor.refresh.as_ref(), provider.refresh(&caller, &secret));
    let app = provider.client_credentials(&caller);
    check(provider, descriptor.client_credentials.as_ref(), app);
    check(provider, descriptor.device.as_ref(), provider.device(&caller));
    let ended = provider.revoke(&caller, Some(&secret), Some(&secret));
    check(provider, descriptor.revocation.as_ref(), ended);
    check(provider, descriptor.introspection.as_ref(), provider.introspect(&caller, &secret));
}

/// Whether the text stands in the descriptor itself, so that it tells nothing.
fn is_allowed(provider: &Provider, text: &str) -> bool {
    format!("{:?}", provider.descriptor()).contains(text)
}

fn check<T>(
    provider: &Provider,
    fields: Option<&StepFields>,
    built: Result<Request<T>, Unbuildable>,
) {
    let Ok(request) = built else { return };
    if is_allowed(provider, "hidden") {
        return;
    }
    let query = fields
        .is_some_and(|fields| fields.body == Some(Body::Query) || fields.method == Some(Verb::Get));
    let url = request.uri();
    assert!(query || !url.to_string().contains("hidden"), "a secret in {url}");
    assert!(url.scheme_str() == Some("https") || url.scheme_str() == Some("http"));
    assert!(url.host().is_some_and(|host| !host.is_empty()), "{url}");
    for (name, value) in request.headers() {
        let seen = String::from_utf8_lossy(value.as_bytes()).contains("hidden");
        assert!(!seen || value.is_sensitive(), "{name} shows a secret");
    }
}

fn replies(provider: &Provider) {
    let headers = http::HeaderMap::new();
    for body in [
        r#"{"access_token":"at","refresh_token":"rt","expires_in":3600}"#,
        r#"{"data":{"access_token":"at","expires_in":1e400},"ok":false,"code":7}"#,
        r#"{"error":{"code":190},"error_description":"AADSTS1"}"#,
        "<html>",
        "",
    ] {
        for status in [200, 201, 400, 503] {
            let status = http::StatusCode::from_u16(status).expect("a status");
            for step in Step::ALL {
                let (reply, _) = provider.read(*step, status, &headers, body.as_bytes(), NOW);
                let granted = matches!(reply.body, unlapse_core::Body::Grant(_));
                assert!(!granted || !matches!(step, Step::Revocation | Step::Introspection));
            }
            let _ = provider.revoked(status, &headers, body.as_bytes(), NOW);
            let _ = provider.introspected(status, &headers, body.as_bytes(), NOW);
        }
    }
}
