//! A tenant's registration at a provider.

use std::collections::BTreeMap;

use unlapse::unlapse_core::{Secret, UnixTime};

use crate::name::Name;

/// A client that a tenant has registered at a provider (RFC 6749 §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Whose it is.
    pub tenant: Name,
    /// What connections name as their provider.
    pub name: Name,
    /// The provider's name in the catalogue.
    pub provider: Name,
    /// `client_id`.
    pub client_id: String,
    /// `client_secret`; for a client that signs assertions, its private key.
    pub client_secret: Option<Secret>,
    /// Scopes that a connection asks for, unless it asks for others.
    pub scopes: Vec<String>,
    /// What the provider's entry in the catalogue leaves to the app, such as a host of its own.
    pub params: BTreeMap<String, String>,
    /// Where the user may be sent after connecting; empty: nowhere but the broker's own page.
    pub return_to: Vec<String>,
    /// When it last changed.
    pub changed_at: UnixTime,
}
