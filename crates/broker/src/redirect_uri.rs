//! Addresses below the broker's own, and which of them an app is registered with.

use url::Url;

use crate::name::Name;

/// The redirect URI that `app` of `tenant` is registered with at its provider, where browsers reach
/// the broker at `public_url`.
///
/// It is no other app's: an authorization server that is hostile can have its users come back with
/// another one's codes, or have its own codes answered elsewhere, only where two servers share it
/// (RFC 9700 §4.4.2.2).
pub fn redirect_uri(public_url: &Url, tenant: &Name, app: &Name) -> Url {
    // Names are safe in a path, and none is `.` or `..`.
    below(public_url, &format!("callback/{tenant}/{app}"))
}

/// `path` below `public_url`.
pub(crate) fn below(public_url: &Url, path: &str) -> Url {
    let mut url = public_url.clone();
    let before = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{before}/{path}"));
    url
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn rfc9700_4_4_no_two_apps_share_a_redirect_uri() {
        let name = |text: &str| text.parse().expect("a name");
        for (public, expected) in [
            ("https://broker.example", "https://broker.example/callback/shop/acme"),
            ("https://a.example/broker/", "https://a.example/broker/callback/shop/acme"),
            ("http://127.0.0.1:8480", "http://127.0.0.1:8480/callback/shop/acme"),
        ] {
            let public = public.parse().expect("a URL");
            assert_eq!(redirect_uri(&public, &name("shop"), &name("acme")).as_str(), expected);
        }
        let public = "https://broker.example".parse().expect("a URL");
        let names = ["a", "b", "a.b", "a-b", "a_b", "0"].map(name);
        let pairs = names.iter().flat_map(|tenant| names.iter().map(move |app| (tenant, app)));
        let all: Vec<_> = pairs.map(|(tenant, app)| redirect_uri(&public, tenant, app)).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }
}
