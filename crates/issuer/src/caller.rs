//! Who asks.

use std::net::IpAddr;
use std::sync::Arc;

use crate::clients::Client;
use unlapse_verify::Thumbprint;

/// A client that has proved itself, and what else is known of its request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The client.
    pub client: Arc<Client>,
    /// The key that the request was proved with (RFC 9449); what is granted is bound to it.
    pub jkt: Option<Thumbprint>,
    /// The address it came from, where it is known.
    pub peer: Option<IpAddr>,
    /// What the device calls itself (`User-Agent`); a session that begins keeps it.
    pub label: Option<String>,
}

impl Caller {
    /// A client, of whose request nothing else is known.
    pub fn new(client: impl Into<Arc<Client>>) -> Self {
        Self { client: client.into(), jkt: None, peer: None, label: None }
    }

    /// The key that a session's refresh tokens are bound to: only a public client's, as others
    /// prove themselves at each refresh (RFC 9449 §5).
    pub(crate) fn session_jkt(&self) -> Option<Thumbprint> {
        self.jkt.filter(|_| self.client.is_public())
    }
}
