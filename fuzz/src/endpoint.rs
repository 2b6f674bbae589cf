//! A URL that secrets are sent to.

use unlapse_oauth::Endpoint;
use unlapse_oauth::discovery::Issuer;

/// Only `https`, or `http` to this very machine; no one's password in it; and whatever path is put
/// below it, it stays the same server. The first line is the URL, the rest a path.
pub fn endpoint(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let (first, path) = text.split_once('\n').unwrap_or((text, "/api/auth/login"));
    match Endpoint::parse(first) {
        Ok(endpoint) => {
            check(&endpoint);
            if let Ok(joined) = endpoint.join_path(path) {
                check(&joined);
                assert_eq!(origin(&joined), origin(&endpoint), "led away from its server");
            }
        }
        Err(error) => assert!(!error.to_string().contains(crate::CANARY), "{error}"),
    }
    if let Ok(issuer) = Issuer::parse(first) {
        assert_eq!(issuer.as_str(), first);
        for url in issuer.metadata_urls().into_iter().flatten() {
            check(&url);
            assert_eq!(origin(&url), origin(issuer.endpoint()), "led away from its server");
            assert!(url.url().query().is_none());
        }
    }
}

pub(crate) fn check(endpoint: &Endpoint) {
    let url = endpoint.url();
    let host = url.host_str().expect("a server");
    let here = host == "localhost" || host == "[::1]" || host.starts_with("127.");
    assert!(url.scheme() == "https" || url.scheme() == "http" && here, "{endpoint}");
    assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none());
    assert_eq!(Endpoint::parse(url.as_str()).as_ref(), Ok(endpoint), "not what it says");
    assert_eq!(endpoint.uri().host(), Some(host));
    assert_eq!(endpoint.uri().port_u16(), url.port());
    // Providers put keys into queries.
    assert!(!endpoint.to_string().contains('?') && !format!("{endpoint:?}").contains('?'));
}

fn origin(endpoint: &Endpoint) -> (&str, Option<&str>, Option<u16>) {
    let url = endpoint.url();
    (url.scheme(), url.host_str(), url.port())
}
