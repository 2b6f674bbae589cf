//! The ways to a token, one file each. Every one makes a whole request; none sends it.

mod broker_connection;
mod client_credentials;
mod login_endpoint;
mod password;
mod refresh;

pub use broker_connection::{BadConnectionPath, BrokerConnection, ConnectionPath};
pub use client_credentials::client_credentials;
pub use login_endpoint::{LoginEndpoint, LoginFields};
pub use password::password;
pub use refresh::refresh;

use crate::form::Form;

/// What a token is asked for: what it may do, and where. All of it may be left to the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Target<'a> {
    /// `scope`, separated by spaces (RFC 6749 §3.3).
    pub scope: Option<&'a str>,
    /// `resource`, the URI of the service (RFC 8707 §2).
    pub resource: Option<&'a str>,
    /// `audience`, as servers want it that came before RFC 8707.
    pub audience: Option<&'a str>,
}

impl Target<'_> {
    fn add_to(self, form: Form) -> Form {
        form.optional("scope", self.scope)
            .optional("resource", self.resource)
            .optional("audience", self.audience)
    }
}
