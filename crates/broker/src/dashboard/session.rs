//! Who is signed in in a browser: sealed, and kept by the browser itself.

use core::time::Duration;

use aws_lc_rs::constant_time;
use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use unlapse::unlapse_core::UnixTime;
use unlapse_verify::sha256;

use super::form::Form;
use super::options::DashboardOptions;
use crate::random;
use crate::seal::xaes;

/// How long a session lives.
const LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// Longest cookie that is read, in bytes.
const LONGEST: usize = 1024;

/// A browser's session. It names its key, so that the key's end is its end.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    /// Random; only the broker can read it in the cookie.
    id: String,
    /// The id of the key that was signed in with; `None`: nobody is yet.
    pub(super) key: Option<String>,
    /// When it ends.
    pub(super) ends_at: UnixTime,
}

impl Session {
    /// A new one.
    pub(super) fn begin(key: Option<String>, now: UnixTime) -> Self {
        Self { id: URL_SAFE_NO_PAD.encode(random::bytes()), key, ends_at: now.plus(LIFETIME) }
    }

    /// What the forms of its pages carry: only who can read the cookie can know it, and it does not
    /// tell the cookie.
    pub(super) fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode(sha256(format!("form\0{}", self.id).as_bytes()))
    }

    /// What it is known by in the database: it leads to no cookie.
    pub(super) fn hash(&self) -> [u8; 32] {
        sha256(format!("session\0{}", self.id).as_bytes())
    }

    /// Whether a form that was sent is of a page that this session was given.
    pub(super) fn gave(&self, form: &Form) -> bool {
        let (sent, own) = (form.text("token"), self.token());
        constant_time::verify_slices_are_equal(sent.as_bytes(), own.as_bytes()).is_ok()
    }
}

/// What sessions are sealed with, and what their cookie is called.
pub(super) struct Cookies {
    key: xaes::Key,
    is_secure: bool,
}

impl Cookies {
    /// As the options say.
    pub(super) fn new(options: &DashboardOptions) -> Self {
        let key = options.session_key.as_ref().map_or_else(xaes::draw, |key| key.0.clone());
        Self { key, is_secure: options.is_secure }
    }

    /// Has the browser keep a session. Without `Max-Age`: it ends with the browser. `Strict`: no
    /// page of others sends anybody in here with it.
    pub(super) fn set(&self, session: &Session) -> Option<HeaderValue> {
        let session = serde_json::to_vec(session).ok()?;
        let sealed = xaes::seal(&self.key, self.name().as_bytes(), &session);
        self.cookie(&URL_SAFE_NO_PAD.encode(sealed), "")
    }

    /// Has the browser forget it.
    pub(super) fn forget(&self) -> Option<HeaderValue> {
        self.cookie("", "; Max-Age=0")
    }

    /// The session that a browser shows, unless it has ended by itself. Whether somebody has signed out of
    /// it, the database knows.
    pub(super) fn shown(&self, headers: &HeaderMap, now: UnixTime) -> Option<Session> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|it| it.to_str().ok());
        let mut pairs = cookies.flat_map(|cookies| cookies.split(';'));
        let value = pairs.find_map(|pair| pair.trim().strip_prefix(self.name())?.strip_prefix('='));
        let value = value.filter(|value| value.len() <= LONGEST)?;
        let sealed = URL_SAFE_NO_PAD.decode(value).ok()?;
        let opened = xaes::open(&self.key, self.name().as_bytes(), &sealed).ok()?;
        let session: Session = serde_json::from_slice(&opened).ok()?;
        let left = session.ends_at.since(now);
        (!left.is_zero() && left <= LIFETIME).then_some(session)
    }

    fn cookie(&self, value: &str, more: &str) -> Option<HeaderValue> {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let name = self.name();
        let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{more}");
        let mut cookie = HeaderValue::from_str(&cookie).ok()?;
        cookie.set_sensitive(true);
        Some(cookie)
    }

    /// `__Host-` keeps other hosts from writing it (RFC 6265bis §4.1.3.2).
    fn name(&self) -> &'static str {
        if self.is_secure { "__Host-unlapse-broker" } else { "unlapse-broker" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use url::Url;

    const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

    fn cookies(url: &str) -> Cookies {
        let url = Url::parse(url).expect("a URL");
        Cookies::new(&DashboardOptions::new(&url).session_key([7; 32]))
    }

    /// What the browser sends back.
    fn sent(cookie: &HeaderValue) -> HeaderMap {
        let pair = cookie.to_str().expect("ASCII").split(';').next().expect("a pair").to_owned();
        let value = HeaderValue::from_str(&format!("a=b; {pair}; c")).expect("valid");
        HeaderMap::from_iter([(header::COOKIE, value)])
    }

    #[test]
    fn a_session_is_read_back_until_it_ends() {
        let cookies = cookies("https://broker.example");
        let session = Session::begin(Some("3f9a".to_owned()), NOW);
        let cookie = cookies.set(&session).expect("a cookie");
        let text = cookie.to_str().expect("ASCII");
        assert!(text.starts_with("__Host-unlapse-broker="), "{text}");
        assert!(text.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure"), "{text}");
        let headers = sent(&cookie);
        assert!(cookies.shown(&headers, NOW) == Some(session.clone()));
        assert!(cookies.shown(&headers, NOW.plus(LIFETIME)).is_none());
        // A clock that was set back makes no session live longer.
        assert!(cookies.shown(&headers, NOW.minus(Duration::from_secs(1))).is_none());
    }

    #[test]
    fn no_bit_of_it_can_be_changed_and_no_other_key_opens_it() {
        let cookies = cookies("http://127.0.0.1:8480");
        let cookie = cookies.set(&Session::begin(None, NOW)).expect("a cookie");
        assert!(!cookie.to_str().expect("ASCII").contains("Secure"));
        let value = cookie.to_str().expect("ASCII").split([';', '=']).nth(1).expect("a value");
        let bytes = URL_SAFE_NO_PAD.decode(value).expect("base64url");
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let pair = format!("unlapse-broker={}", URL_SAFE_NO_PAD.encode(changed));
            let headers = sent(&HeaderValue::from_str(&pair).expect("valid"));
            assert!(cookies.shown(&headers, NOW).is_none(), "{bit}");
        }
        let url = Url::parse("http://127.0.0.1:8480").expect("a URL");
        let other = Cookies::new(&DashboardOptions::new(&url));
        assert!(other.shown(&sent(&cookie), NOW).is_none());
        for hostile in ["", "A", "AAAAAAAAAAAAAAAA", "💥", &"A".repeat(2000)] {
            let pair = format!("unlapse-broker={hostile}");
            let value = HeaderValue::from_bytes(pair.as_bytes()).expect("bytes");
            let headers = HeaderMap::from_iter([(header::COOKIE, value)]);
            assert!(cookies.shown(&headers, NOW).is_none(), "{hostile}");
        }
    }

    #[test]
    fn a_form_is_its_own_sessions() {
        let (one, other) = (Session::begin(None, NOW), Session::begin(None, NOW));
        let form = Form::parse(format!("token={}", one.token()).as_bytes()).expect("a form");
        assert!(one.gave(&form) && !other.gave(&form));
        assert!(!one.gave(&Form::default()));
        assert!(!one.token().contains(&one.id));
    }
}
