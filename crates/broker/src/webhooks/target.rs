//! Which addresses a webhook may go to.

use url::{Host, Url};

use crate::outward::PrivateHosts;

/// Why an address is none for webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// Not an absolute URL of at most 2,000 bytes.
    #[error("the URL is absolute, and has 2,000 bytes at most")]
    Url,
    /// Not `https`.
    #[error("the URL begins with `https://`")]
    Scheme,
    /// With a name or a password in it: it would be in logs.
    #[error("the URL has no user name, password or fragment")]
    Credentials,
    /// Its host is an address of a private network.
    #[error("the host is no public address")]
    Private,
}

/// Longest URL.
const LONGEST: usize = 2000;

/// Reads where webhooks are to go: to a public host, or to one of those that `private` allows. With
/// [every](PrivateHosts::every) of them, also by `http`: for receivers beside the broker, which its
/// operator knows of.
pub fn target(text: &str, private: &PrivateHosts) -> Result<Url, BadTarget> {
    if text.len() > LONGEST {
        return Err(BadTarget::Url);
    }
    let url = Url::parse(text).map_err(|_| BadTarget::Url)?;
    if !(url.scheme() == "https" || private.is_every() && url.scheme() == "http") {
        return Err(BadTarget::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(BadTarget::Credentials);
    }
    // What a name means is judged when it is looked up, for each connection.
    let host: Host<&str> = url.host().ok_or(BadTarget::Url)?;
    private.judge(&host).map_err(|_| BadTarget::Private)?;
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_for_each_target() {
        use BadTarget::{Credentials, Private, Scheme, Url};
        for (text, expected, with_private) in [
            ("https://hooks.example.com/unlapse?x=1", None, None),
            ("https://1.1.1.1:8443/", None, None),
            ("http://hooks.example.com/", Some(Scheme), None),
            ("ftp://hooks.example.com/", Some(Scheme), Some(Scheme)),
            ("file:///etc/passwd", Some(Scheme), Some(Scheme)),
            ("https://u@hooks.example.com/", Some(Credentials), Some(Credentials)),
            ("https://:p@hooks.example.com/", Some(Credentials), Some(Credentials)),
            ("https://hooks.example.com/#x", Some(Credentials), Some(Credentials)),
            ("https://127.0.0.1/", Some(Private), None),
            ("https://2130706433/", Some(Private), None),
            ("https://0x7f.1/", Some(Private), None),
            ("https://[::1]/", Some(Private), None),
            ("https://[::ffff:10.0.0.1]/", Some(Private), None),
            ("https://localhost/", Some(Private), None),
            ("https://LOCALHOST./", Some(Private), None),
            ("https://a.localhost/", Some(Private), None),
            ("https://postgres/", Some(Private), None),
            ("https://", Some(Url), Some(Url)),
            ("/hooks", Some(Url), Some(Url)),
            ("", Some(Url), Some(Url)),
        ] {
            assert_eq!(target(text, &PrivateHosts::default()).err(), expected, "{text}");
            let every = PrivateHosts::every();
            assert_eq!(target(text, &every).err(), with_private, "{text}, private ones allowed");
        }
        let long = format!("https://a.example/{}", "x".repeat(2000));
        assert_eq!(target(&long, &PrivateHosts::default()).err(), Some(Url));
        let some = PrivateHosts::parse(["10.2.0.0/16", "hooks"]).expect("hosts");
        for (text, expected) in [
            ("https://10.2.3.4/", None),
            ("https://hooks/", None),
            ("https://10.3.0.1/", Some(Private)),
            ("https://postgres/", Some(Private)),
            // Allowed is where it goes, and not that everybody on the way reads it.
            ("http://10.2.3.4/", Some(Scheme)),
        ] {
            assert_eq!(target(text, &some).err(), expected, "{text}");
        }
    }
}
