//! Whether tokens are kept beyond the process (A3).

use unlapse_core::{Credentials, Secret};
use unlapse_oauth::Endpoint;
use unlapse_oauth::discovery::Issuer;

use crate::server::{Endpoints, LoginRung, Server};

/// Whether tokens are kept beyond the process (A3): in the store, or in memory alone.
///
/// It is decided where the store is chosen, before a source is built:
///
/// ```
/// use std::sync::Arc;
/// use unlapse::{Endpoints, Persistence, Server};
/// # use unlapse_core::Store;
/// # use unlapse_store::MemoryStore;
/// # fn file_store() -> Arc<dyn Store> { Arc::new(MemoryStore::new()) }
/// let server = Server {
///     endpoints: Endpoints {
///         token: Some("http://127.0.0.1:9000/token".parse()?),
///         ..Endpoints::default()
///     },
///     ..Server::default()
/// };
/// let is_on = Persistence::Auto.is_on(&server, None);
/// let store = if is_on { file_store() } else { Arc::new(MemoryStore::new()) };
/// assert!(!is_on, "a test's server, of which nothing should stay");
/// # Ok::<_, unlapse_oauth::EndpointError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Persistence {
    /// They are.
    #[default]
    On,
    /// They are not.
    Off,
    /// They are, unless this looks like a test: every endpoint is on this machine, or a credential
    /// is a mock.
    Auto,
}

/// What mock credentials begin with, in whatever case.
const MOCKS: [&str; 5] = ["mock", "test", "fake", "dummy", "example"];

impl Persistence {
    /// The words that configurations use.
    pub const WORDS: &[(&str, Self)] =
        &[("on", Self::On), ("off", Self::Off), ("auto", Self::Auto)];

    /// Whether tokens of `server` are kept, given what is known of its credentials beside it.
    ///
    /// `Auto` says no where every endpoint of the server is on the loopback (`127.0.0.0/8`, `::1`,
    /// `localhost` and names below it), and where the client's id or secret, the user name or the
    /// password is a mock: it begins with `mock`, `test`, `fake`, `dummy` or `example`.
    pub fn is_on(self, server: &Server, credentials: Option<&Credentials>) -> bool {
        match self {
            Self::On => true,
            Self::Off => false,
            Self::Auto => !is_local(server) && !has_mock(server, credentials),
        }
    }
}

/// Whether there are endpoints, and all of them on this machine.
fn is_local(server: &Server) -> bool {
    let Endpoints { token, revocation, issuer } = &server.endpoints;
    let mut endpoints: Vec<&Endpoint> = token.iter().chain(revocation).collect();
    endpoints.extend(issuer.as_ref().map(Issuer::endpoint));
    if let LoginRung::Endpoint(login) = &server.login {
        endpoints.push(&login.login_url);
        endpoints.extend(&login.refresh_url);
    }
    if let LoginRung::Broker(connection) = &server.login {
        endpoints.push(&connection.token_url);
    }
    !endpoints.is_empty() && endpoints.into_iter().all(is_loopback)
}

/// Whether an endpoint is on this machine. RFC 6761 §6.3 gives it every name below `localhost`, too;
/// that is enough to forget a token, and not to send one over plain HTTP.
fn is_loopback(endpoint: &Endpoint) -> bool {
    let host = endpoint.uri().host().unwrap_or_default().trim_end_matches('.');
    endpoint.is_loopback() || host.ends_with(".localhost")
}

fn has_mock(server: &Server, credentials: Option<&Credentials>) -> bool {
    let secrets = [
        server.client_secret.as_ref(),
        credentials.and_then(|kept| kept.client_secret.as_ref()),
        credentials.and_then(|kept| kept.password.as_ref()),
    ];
    let username = credentials.and_then(|kept| kept.username.as_deref());
    let texts = [Some(server.client_id.as_str()), username];
    let secrets = secrets.into_iter().flatten().map(Secret::expose);
    texts.into_iter().flatten().chain(secrets).any(is_mock)
}

fn is_mock(text: &str) -> bool {
    MOCKS
        .iter()
        .any(|mock| text.get(..mock.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(mock)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use unlapse_oauth::grant::LoginEndpoint;
    use unlapse_oauth::{ReplyFields, grant::LoginFields};

    fn at(token: &str) -> Server {
        let token = Endpoint::parse(token).expect("an endpoint");
        let endpoints = Endpoints { token: Some(token), ..Endpoints::default() };
        Server { endpoints, client_id: "cid".to_owned(), ..Server::default() }
    }

    #[test]
    fn a3_a_row_for_each_kind_of_server() {
        let rows = [
            ("https://as.example/token", true),
            ("https://test.example/token", true),
            ("https://localhost.example/token", true),
            ("https://10.0.0.1/token", true),
            ("https://[2001:db8::1]/token", true),
            ("http://localhost:9000/token", false),
            ("https://LOCALHOST/token", false),
            ("https://as.localhost/token", false),
            ("https://as.localhost./token", false),
            ("http://127.0.0.1:1/token", false),
            ("http://127.9.8.7/token", false),
            ("http://[::1]:9/token", false),
        ];
        for (token, kept) in rows {
            assert_eq!(Persistence::Auto.is_on(&at(token), None), kept, "{token}");
            assert!(Persistence::On.is_on(&at(token), None), "{token}");
            assert!(!Persistence::Off.is_on(&at(token), None), "{token}");
        }
    }

    #[test]
    fn a3_one_endpoint_elsewhere_is_enough() {
        let local = at("http://127.0.0.1:1/token");
        let mut server = local.clone();
        server.endpoints.issuer = Some(Issuer::parse("https://as.example").expect("an issuer"));
        assert!(Persistence::Auto.is_on(&server, None));
        let mut server = local.clone();
        server.endpoints.revocation = Endpoint::parse("https://as.example/revoke").ok();
        assert!(Persistence::Auto.is_on(&server, None));
        for (url, kept) in [("https://as.example/login", true), ("http://localhost/login", false)] {
            let mut server = local.clone();
            server.login = LoginRung::Endpoint(Box::new(LoginEndpoint {
                login_url: Endpoint::parse(url).expect("an endpoint"),
                refresh_url: None,
                sent: LoginFields::default(),
                replied: ReplyFields::default(),
            }));
            assert_eq!(Persistence::Auto.is_on(&server, None), kept, "{url}");
        }
        // No endpoint at all: nothing says that it is a test.
        assert!(Persistence::Auto.is_on(&Server::default(), None));
    }

    #[test]
    fn a3_a_row_for_each_kind_of_mock() {
        let rows = [
            ("mock", false),
            ("test", false),
            ("fake-token", false),
            ("dummy_user", false),
            ("example", false),
            ("TestUser", false),
            ("testuser@as.example", false),
            ("", true),
            ("cid", true),
            ("contest", true),
            ("my-test-client", true),
            ("tes", true),
            ("täst", true),
        ];
        let server = || at("https://as.example/token");
        let secret = |text: &str| Some(Secret::new(text));
        for (text, kept) in rows {
            let credentials = [
                Credentials { username: Some(text.to_owned()), ..Credentials::default() },
                Credentials { password: secret(text), ..Credentials::default() },
                Credentials { client_secret: secret(text), ..Credentials::default() },
            ];
            for known in &credentials {
                assert_eq!(Persistence::Auto.is_on(&server(), Some(known)), kept, "{text}");
            }
            let by_id = Server { client_id: text.to_owned(), ..server() };
            let by_secret = Server { client_secret: secret(text), ..server() };
            for server in [by_id, by_secret] {
                assert_eq!(Persistence::Auto.is_on(&server, None), kept, "{text}");
            }
        }
    }
}
