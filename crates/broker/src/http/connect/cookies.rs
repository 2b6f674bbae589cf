//! What the browser of a user keeps while they connect an account.

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;
use unlapse::unlapse_core::Secret;
use unlapse_verify::sha256;

use crate::http::api::Api;

/// As long as a consent may take.
const MAX_AGE: u32 = 600;
/// Longest `Cookie` header that is read.
const LONGEST: usize = 16 * 1024;

/// A consent that was begun in this browser.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Begun {
    /// Where the user goes if it comes to nothing.
    pub(super) return_to: Option<String>,
}

/// A browser: its cookies, and how ours are set there.
pub(super) struct Browser {
    /// By `https`: the names of cookies say that nobody else can have set them (`__Host-`).
    secure: bool,
    cookies: Vec<(String, String)>,
    cross_site: bool,
}

/// What a form of ours holds in the browser that has this cookie, and no other page can know.
pub(super) fn token(secret: &Secret) -> String {
    digest("form", secret.expose())
}

/// What the browser shows that a `state` was given to; the state itself is in addresses and logs.
pub(super) fn state_mark(state: &Secret) -> String {
    digest("state", state.expose())
}

fn digest(what: &str, text: &str) -> String {
    URL_SAFE_NO_PAD.encode(sha256(format!("unlapse {what}\0{text}").as_bytes()))
}

impl Browser {
    pub(super) fn of(api: &Api, headers: &HeaderMap) -> Self {
        let secure = api.options.public_url.scheme() == "https";
        Self::read(secure, headers)
    }

    fn read(secure: bool, headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.filter(|line| line.len() <= LONGEST).flat_map(|line| line.split(';'));
        let cookies = pairs
            .filter_map(|pair| pair.trim().split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
        Self { secure, cookies, cross_site: site.is_some_and(|site| site != "same-origin") }
    }

    /// Whether a page of somebody else sends the request.
    pub(super) fn is_cross_site(&self) -> bool {
        self.cross_site
    }

    /// What our pages know it by.
    pub(super) fn secret(&self) -> Option<Secret> {
        let value = self.value(&self.name("connect"))?;
        (value.len() == 43).then(|| Secret::new(value))
    }

    pub(super) fn keep_secret(&self, headers: &mut HeaderMap, secret: &Secret) {
        self.set(headers, &self.name("connect"), secret.expose(), MAX_AGE);
    }

    /// Keeps that a `state` was given to this browser, and where the user goes if it comes to nothing.
    /// Each has a cookie of its own: people connect two accounts in two tabs.
    pub(super) fn keep_state(&self, headers: &mut HeaderMap, state: &Secret, to: Option<&str>) {
        let to = to.map(|to| URL_SAFE_NO_PAD.encode(to)).unwrap_or_default();
        let mark = state_mark(state);
        self.set(headers, &self.state_name(state), &format!("{mark}.{to}"), MAX_AGE);
    }

    /// What is known of this `state`, if it was given to this browser.
    pub(super) fn state(&self, state: &Secret) -> Option<Begun> {
        let (mark, to) = self.value(&self.state_name(state))?.split_once('.')?;
        if !bool::from(mark.as_bytes().ct_eq(state_mark(state).as_bytes())) {
            return None;
        }
        let to = URL_SAFE_NO_PAD.decode(to).ok().and_then(|to| String::from_utf8(to).ok());
        Some(Begun { return_to: to.filter(|to| !to.is_empty()) })
    }

    pub(super) fn forget_state(&self, headers: &mut HeaderMap, state: &Secret) {
        self.set(headers, &self.state_name(state), "", 0);
    }

    fn name(&self, what: &str) -> String {
        format!("{}unlapse-{what}", if self.secure { "__Host-" } else { "" })
    }

    fn state_name(&self, state: &Secret) -> String {
        self.name(&format!("state-{}", &state_mark(state)[..12]))
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// `Lax`: the way back from the provider begins at another site.
    fn set(&self, headers: &mut HeaderMap, name: &str, value: &str, max_age: u32) {
        let secure = if self.secure { "; Secure" } else { "" };
        let cookie =
            format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}");
        let cookie = HeaderValue::from_str(&cookie).expect("names and base64url are visible ASCII");
        headers.append(header::SET_COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    fn kept(secure: bool, keep: impl FnOnce(&Browser, &mut HeaderMap)) -> (String, Browser) {
        let mut set = HeaderMap::new();
        keep(&Browser::read(secure, &HeaderMap::new()), &mut set);
        let set = set[header::SET_COOKIE].to_str().expect("text").to_owned();
        let pair = set.split(';').next().expect("a pair");
        let cookie = HeaderValue::from_str(&format!("a=b; {pair}; c=d")).expect("a header");
        let headers = [(header::COOKIE, cookie)].into_iter().collect();
        (set, Browser::read(secure, &headers))
    }

    #[test]
    fn rfc9700_4_7_a_state_is_known_in_its_browser_alone() {
        let state = Secret::new("state-1");
        let to = "https://a.example/?x=ä";
        let (set, browser) = kept(true, |browser, headers| {
            browser.keep_state(headers, &state, Some(to));
        });
        assert!(set.starts_with("__Host-unlapse-state-") && set.ends_with("; Secure"), "{set}");
        assert!(set.contains("HttpOnly; SameSite=Lax") && !set.contains("state-1"), "{set}");
        assert_eq!(browser.state(&state), Some(Begun { return_to: Some(to.to_owned()) }));
        assert_eq!(browser.state(&Secret::new("state-2")), None);
        let elsewhere = Browser::read(true, &HeaderMap::new());
        assert_eq!(elsewhere.state(&state), None);
        // A cookie without the prefix may be of another site under the same domain.
        let plain = set.split(';').next().expect("a pair").replace("__Host-", "");
        let cookie = HeaderValue::from_str(&plain).expect("a header");
        let headers = [(header::COOKIE, cookie)].into_iter().collect();
        assert_eq!(Browser::read(true, &headers).state(&state), None);
    }

    #[test]
    fn a_form_is_known_in_its_browser_alone() {
        let secret = random::token();
        let (_, browser) = kept(false, |browser, headers| browser.keep_secret(headers, &secret));
        assert_eq!(browser.secret().as_ref().map(token), Some(token(&secret)));
        assert_ne!(token(&random::token()), token(&secret));
        assert_eq!(Browser::read(false, &HeaderMap::new()).secret(), None);
    }

    #[test]
    fn another_site_is_noticed() {
        for (site, cross) in [("same-origin", false), ("cross-site", true), ("none", true)] {
            let value = HeaderValue::from_static(site);
            let name = header::HeaderName::from_static("sec-fetch-site");
            let headers = [(name, value)].into_iter().collect();
            assert_eq!(Browser::read(true, &headers).is_cross_site(), cross, "{site}");
        }
        assert!(!Browser::read(true, &HeaderMap::new()).is_cross_site(), "an old browser");
    }
}
