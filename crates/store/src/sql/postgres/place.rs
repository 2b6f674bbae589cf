//! Where a server is, and how it proves that it is the one: what a URL says.

use std::net::IpAddr;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use url::form_urlencoded;

use super::bad_server::BadServer;

/// A server, and what its certificate is checked with.
#[derive(Debug)]
pub struct Place {
    /// Where it is, and who asks.
    pub config: Config,
    /// A file of certificates, instead of those of the system.
    pub roots: Option<String>,
}

impl Place {
    /// Reads a URL. Whoever asks for TLS gets it with the server's certificate and name checked:
    /// `require` and `verify-ca` are `verify-full`. Without a word about it, everything that does
    /// not stay on this machine needs TLS.
    pub fn parse(url: &str) -> Result<Self, BadServer> {
        let is_url = url.starts_with("postgres://") || url.starts_with("postgresql://");
        if !is_url {
            return Err(BadServer::Url);
        }
        let (place, query) = url.split_once('?').unwrap_or((url, ""));
        let mut rest = form_urlencoded::Serializer::new(String::new());
        let (mut roots, mut tls) = (None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match (&*name, &*value) {
                ("sslrootcert", file) => roots = Some(file.to_owned()),
                ("sslmode", "require" | "verify-ca" | "verify-full") => {
                    tls = Some(SslMode::Require);
                }
                ("sslmode", "prefer") => tls = Some(SslMode::Prefer),
                ("sslmode", "disable") => tls = Some(SslMode::Disable),
                ("sslmode", _) => return Err(BadServer::Url),
                _ => {
                    rest.append_pair(&name, &value);
                }
            }
        }
        // Blanks as that side reads them.
        let rest = rest.finish().replace('+', "%20");
        let mut config: Config = format!("{place}?{rest}").parse().map_err(|_| BadServer::Url)?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(BadServer::Url);
        }
        let local = if is_local(&config) { SslMode::Disable } else { SslMode::Require };
        config.ssl_mode(tls.unwrap_or(local));
        Ok(Self { config, roots })
    }
}

/// Whether what is sent there stays on this machine.
fn is_local(config: &Config) -> bool {
    let host = |host: &Host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    let addresses = config.get_hostaddrs();
    if addresses.is_empty() {
        config.get_hosts().iter().all(host)
    } else {
        addresses.iter().all(IpAddr::is_loopback)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_for_each_way_to_ask_for_tls() {
        use SslMode::{Disable, Prefer, Require};
        let rows = [
            ("postgres://a:b@127.0.0.1:5432/db", Some(Disable)),
            ("postgresql://a@localhost/db", Some(Disable)),
            ("postgres://a@[::1]/db", Some(Disable)),
            ("postgres://%2Frun%2Fpostgresql/db", Some(Disable)),
            ("postgres://a@db.example/db", Some(Require)),
            ("postgres://a@localhost.evil.example/db", Some(Require)),
            ("postgres://a@127.0.0.1,db.example/db", Some(Require)),
            ("postgres://a@localhost/db?hostaddr=192.0.2.1", Some(Require)),
            ("postgres://a@db.example/db?sslmode=disable", Some(Disable)),
            ("postgres://a@db.example/db?sslmode=prefer", Some(Prefer)),
            ("postgres://a@127.0.0.1/db?sslmode=require", Some(Require)),
            ("postgres://a@127.0.0.1/db?sslmode=verify-ca", Some(Require)),
            ("postgres://a@127.0.0.1/db?application_name=a%20b&sslmode=verify-full", Some(Require)),
            ("postgres://a@127.0.0.1/db?sslmode=allow", None),
            ("postgres://a@127.0.0.1/db?sslmode=", None),
            ("postgres://a@127.0.0.1/db?no_such=1", None),
            ("postgres://a@127.0.0.1:port/db", None),
            ("postgres://", None),
            ("mysql://a@127.0.0.1/db", None),
            ("host=127.0.0.1", None),
            ("", None),
        ];
        for (url, expected) in rows {
            let found = Place::parse(url).ok().map(|place| place.config.get_ssl_mode());
            assert_eq!(found, expected, "{url}");
        }
    }

    #[test]
    fn what_is_not_about_tls_is_left_to_the_client() {
        let url = "postgres://a@db.example/db?application_name=a%20b%2Bc&sslrootcert=%2Fa%20b.pem";
        let place = Place::parse(url).expect("valid");
        assert_eq!(place.config.get_application_name(), Some("a b+c"));
        assert_eq!(place.roots.as_deref(), Some("/a b.pem"));
    }

    #[test]
    fn c13_debug_shows_no_password() {
        let place = Place::parse("postgres://a:hunter2@127.0.0.1/db").expect("valid");
        assert!(!format!("{place:?}").contains("hunter2"));
    }
}
