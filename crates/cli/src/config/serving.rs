//! What the configurations of servers share: where they listen, whom they trust before them, and that no
//! password of a database is in a file.

use core::net::SocketAddr;

use unlapse_issuer::ForwardedHeader;

use super::reader::{Line, OneOf, Raw, Reads};
use super::section::{Shown, section};

/// `proxies.header`.
const HEADERS: &[(&str, ForwardedHeader)] = &[
    ("forwarded", ForwardedHeader::Forwarded),
    ("x-forwarded-for", ForwardedHeader::XForwardedFor),
];

section! {
    /// `[tls]`
    TlsKeys {
        certificate: String = Line,
        key: String = Line,
    }
}

section! {
    /// `[proxies]`
    ProxyKeys {
        networks: Vec<String> = Texts("networks, like `[\"10.0.0.0/8\"]`"),
        header: ForwardedHeader = OneOf(HEADERS),
    }
}

/// An address and a port to listen at.
pub(super) struct Address;

impl Reads for Address {
    type Value = SocketAddr;

    fn read(&self, raw: &Raw<'_>) -> Option<SocketAddr> {
        raw.text()?.parse().ok()
    }

    fn allowed(&self) -> String {
        "an address and a port, like `127.0.0.1:8080` or `[::]:8080`".to_owned()
    }
}

/// A list of texts, each of a line.
pub(super) struct Texts(pub(super) &'static str);

impl Reads for Texts {
    type Value = Vec<String>;

    fn read(&self, raw: &Raw<'_>) -> Option<Vec<String>> {
        let Raw::List(texts) = raw else { return None };
        let line = |text: &&str| {
            !text.is_empty() && text.len() <= 1024 && !text.chars().any(char::is_control)
        };
        (texts.len() <= 256 && texts.iter().all(line))
            .then(|| texts.iter().map(|text| (*text).to_owned()).collect())
    }

    fn allowed(&self) -> String {
        format!("a list of {}", self.0)
    }
}

/// Whether a URL has a password in its authority or its query.
pub(crate) fn has_password(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    user.is_some_and(|user| user.contains(':')) || rest.contains("password=")
}

/// Whether a value is a URL with a password, and of a file. A word of the environment or of the command
/// line may have one.
pub(super) fn is_password_in_file(raw: &Raw<'_>) -> bool {
    matches!(raw, Raw::Text(text) if has_password(text))
}

impl Shown for SocketAddr {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for ForwardedHeader {
    fn shown(&self) -> String {
        let known = HEADERS.iter().find(|(_, header)| header == self);
        known.map_or_else(String::new, |(word, _)| (*word).to_owned())
    }
}
