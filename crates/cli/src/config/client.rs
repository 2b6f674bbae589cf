//! Who a profile is to its server.

use unlapse_core::Secret;

use super::keys::AuthWord;

/// Who asks (RFC 6749 §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// Nobody says so: no `client_id` is sent.
    Anonymous,
    /// A public client: `client_auth = "none"`.
    Public {
        /// `client_id`
        id: String,
    },
    /// Public, unless a secret was given at the login and lies in the record: then `basic`.
    Undecided {
        /// `client_id`
        id: String,
    },
    /// A client that proves itself (RFC 6749 §2.3.1).
    Confidential {
        /// `client_id`
        id: String,
        /// How.
        method: Method,
        /// With what.
        secret: ClientSecret,
    },
}

/// Where a client's secret goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// HTTP Basic.
    Basic,
    /// In the body.
    Post,
}

/// Where a client's secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClientSecret {
    /// In the record, sealed: it was given at the login.
    Stored,
    /// In the environment.
    Given {
        /// The secret.
        secret: Secret,
        /// The variable that it came from.
        variable: String,
    },
    /// The profile names a variable that is not set; the record may have it.
    Unset {
        /// The variable.
        variable: String,
    },
}

/// The client of `id`. Where `client_auth` is not `stated`, a secret that is configured means
/// `basic`, and none means `without_secret`. An error names what needs a `client_id`.
pub(crate) fn client(
    id: Option<String>,
    stated: Option<AuthWord>,
    secret: ClientSecret,
    without_secret: AuthWord,
) -> Result<Client, &'static str> {
    let configured = secret != ClientSecret::Stored;
    let auth = stated.unwrap_or(if configured { AuthWord::Basic } else { without_secret });
    let method = match (auth, id) {
        (AuthWord::None, None) => return Ok(Client::Anonymous),
        (AuthWord::None, Some(id)) if stated.is_some() => return Ok(Client::Public { id }),
        (AuthWord::None, Some(id)) => return Ok(Client::Undecided { id }),
        (AuthWord::Basic, Some(id)) => (id, Method::Basic),
        (AuthWord::Post, Some(id)) => (id, Method::Post),
        (AuthWord::Basic | AuthWord::Post, None) => return Err("a client that proves itself"),
    };
    let (id, method) = method;
    Ok(Client::Confidential { id, method, secret })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given() -> ClientSecret {
        ClientSecret::Given { secret: Secret::new("canary"), variable: "V".to_owned() }
    }

    fn confidential(method: Method, secret: ClientSecret) -> Client {
        Client::Confidential { id: "cid".to_owned(), method, secret }
    }

    #[test]
    fn a_row_for_each_way_to_be_a_client() {
        use AuthWord::{Basic, None as Public, Post};
        use ClientSecret::Stored;
        let unset = || ClientSecret::Unset { variable: "V".to_owned() };
        let id = || Some("cid".to_owned());
        let named = "cid".to_owned();
        let nobody = Err("a client that proves itself");
        let rows = [
            (id(), None, Stored, Public, Ok(Client::Undecided { id: named.clone() })),
            (id(), Some(Public), Stored, Public, Ok(Client::Public { id: named.clone() })),
            (id(), Some(Public), given(), Public, Ok(Client::Public { id: named })),
            (id(), None, given(), Public, Ok(confidential(Method::Basic, given()))),
            (id(), None, unset(), Public, Ok(confidential(Method::Basic, unset()))),
            (id(), Some(Post), given(), Public, Ok(confidential(Method::Post, given()))),
            (id(), Some(Basic), Stored, Public, Ok(confidential(Method::Basic, Stored))),
            (id(), None, Stored, Basic, Ok(confidential(Method::Basic, Stored))),
            (None, None, Stored, Public, Ok(Client::Anonymous)),
            (None, Some(Public), given(), Public, Ok(Client::Anonymous)),
            (None, Some(Post), given(), Public, nobody.clone()),
            (None, None, given(), Public, nobody),
        ];
        for (row, (id, stated, secret, without, expected)) in rows.into_iter().enumerate() {
            assert_eq!(client(id, stated, secret, without), expected, "row {row}");
        }
    }

    #[test]
    fn c13_debug_shows_no_secret() {
        let client = confidential(Method::Post, given());
        assert!(!format!("{client:?}").contains("canary"));
    }
}
