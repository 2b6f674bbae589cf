//! Who may ask for tokens: clients, and how each proves itself.

use core::fmt;
use core::future::ready;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::constant_time;
use unlapse_core::{BoxFuture, Secret};
use unlapse_verify::{Algorithm, JwkSet};

use crate::scopes::Scopes;
use crate::store::Unavailable;
use unlapse_verify::sha256;

/// A way to be granted a token (RFC 6749 §1.3), by its `grant_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GrantType {
    /// `refresh_token`: goes on with a session.
    RefreshToken,
    /// `client_credentials`: the client speaks for itself; no session.
    ClientCredentials,
    /// `password`: opens a session with a user's name and password.
    Password,
    /// `authorization_code`: opens a session for a user who logged in in a browser.
    AuthorizationCode,
    /// `urn:ietf:params:oauth:grant-type:device_code` (RFC 8628): the same, from another device.
    DeviceCode,
    /// `urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693): one token for another.
    TokenExchange,
    /// `urn:ietf:params:oauth:grant-type:jwt-bearer` (RFC 7523 §2.1): an assertion for a token.
    JwtBearer,
}

impl GrantType {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::AuthorizationCode,
        Self::RefreshToken,
        Self::DeviceCode,
        Self::ClientCredentials,
        Self::Password,
        Self::TokenExchange,
        Self::JwtBearer,
    ];

    /// The `grant_type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::Password => "password",
            Self::AuthorizationCode => "authorization_code",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
            Self::JwtBearer => "urn:ietf:params:oauth:grant-type:jwt-bearer",
        }
    }

    /// From the `grant_type`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == text)
    }
}

/// A client secret, as its SHA-256: enough for a secret drawn at random, which is the only kind
/// that a client should have.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// Of a secret.
    pub fn of(secret: &Secret) -> Self {
        Self(sha256(secret.expose().as_bytes()))
    }

    /// From its bytes, as a store keeps them.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Compares in constant time; digests have one length, so that of the secret does not show.
    pub(crate) fn matches(&self, secret: &Secret) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &Self::of(secret).0).is_ok()
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest(redacted)")
    }
}

/// How a client proves itself (RFC 6749 §2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientAuth {
    /// `none`: a public client, which cannot keep a secret.
    None,
    /// `client_secret_basic` or `client_secret_post`.
    Secret(SecretDigest),
    /// `private_key_jwt` (RFC 7523 §2.2): it signs what it says of itself with one of these keys,
    /// and no secret has to be shared.
    PrivateKeyJwt(JwkSet),
}

/// A client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// `client_id`.
    pub id: String,
    /// How it proves itself.
    pub auth: ClientAuth,
    /// The grants it may use.
    pub grants: Vec<GrantType>,
    /// The scopes it may ask for, and gets when it names none.
    pub scopes: Scopes,
    /// What people know it by; its id when it has none.
    pub name: Option<String>,
    /// Where users may be sent back to (RFC 6749 §3.1.2): compared as text; only the port of a
    /// loopback address may be another one (RFC 8252 §7.3). `https`, `http` on the loopback, or a
    /// scheme of the client's own; without a fragment.
    pub redirect_uris: Vec<String>,
    /// It has to prove every request with a key (RFC 9449 §5.2, `dpop_bound_access_tokens`).
    pub dpop: bool,
    /// It belongs to whoever runs the issuer: people are not asked whether it may act for them.
    pub first_party: bool,
    /// Whom it may ask tokens for, besides the issuer's audience, where it names one (`audience` of
    /// RFC 8693, `resource` of RFC 8707).
    pub audiences: Vec<String>,
    /// What its ID tokens are signed with (OpenID Connect Registration §2,
    /// `id_token_signed_response_alg`): one that the issuer has keys of. As access tokens are,
    /// when it does not say.
    pub id_token_alg: Option<Algorithm>,
    /// The audiences that it is, as a resource server: it may ask what access tokens for them are
    /// good for (RFC 7662).
    pub serves: Vec<String>,
}

impl Client {
    const LOGINS: [GrantType; 4] = [
        GrantType::AuthorizationCode,
        GrantType::RefreshToken,
        GrantType::DeviceCode,
        GrantType::Password,
    ];

    /// A public client that may log users in, in every way, and go on with their sessions.
    pub fn public(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            auth: ClientAuth::None,
            grants: Self::LOGINS.to_vec(),
            scopes: Scopes::default(),
            name: None,
            redirect_uris: Vec::new(),
            dpop: false,
            first_party: false,
            audiences: Vec::new(),
            id_token_alg: None,
            serves: Vec::new(),
        }
    }

    /// A client with a secret, that may log users in as a public one may, and speak for itself.
    pub fn confidential(id: impl Into<String>, secret: &Secret) -> Self {
        Self {
            id: id.into(),
            auth: ClientAuth::Secret(SecretDigest::of(secret)),
            grants: [&Self::LOGINS[..], &[GrantType::ClientCredentials]].concat(),
            scopes: Scopes::default(),
            name: None,
            redirect_uris: Vec::new(),
            dpop: false,
            first_party: false,
            audiences: Vec::new(),
            id_token_alg: None,
            serves: Vec::new(),
        }
    }

    /// A client that proves itself with keys of its own, and may do what one with a secret may.
    pub fn with_keys(id: impl Into<String>, keys: JwkSet) -> Self {
        Self {
            auth: ClientAuth::PrivateKeyJwt(keys),
            grants: [&Self::LOGINS[..], &[GrantType::ClientCredentials]].concat(),
            ..Self::public(id)
        }
    }

    /// The same client with these grants.
    #[must_use]
    pub fn with_grants(mut self, grants: impl IntoIterator<Item = GrantType>) -> Self {
        self.grants = grants.into_iter().collect();
        self
    }

    /// The same client with these scopes.
    #[must_use]
    pub fn with_scopes(mut self, scopes: Scopes) -> Self {
        self.scopes = scopes;
        self
    }

    /// The same client, called so.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The same client, with these addresses to send users back to.
    #[must_use]
    pub fn with_redirect_uris<U: Into<String>>(
        mut self,
        uris: impl IntoIterator<Item = U>,
    ) -> Self {
        self.redirect_uris = uris.into_iter().map(Into::into).collect();
        self
    }

    /// The same client, which has to prove every request with a key (RFC 9449).
    #[must_use]
    pub fn with_dpop(mut self) -> Self {
        self.dpop = true;
        self
    }

    /// The same client, as one of whoever runs the issuer: nobody is asked for consent.
    #[must_use]
    pub fn with_first_party(mut self) -> Self {
        self.first_party = true;
        self
    }

    /// The same client, which may ask tokens for these audiences by exchange.
    #[must_use]
    pub fn with_audiences<A: Into<String>>(
        mut self,
        audiences: impl IntoIterator<Item = A>,
    ) -> Self {
        self.audiences = audiences.into_iter().map(Into::into).collect();
        self
    }

    /// The same client, whose ID tokens are signed with that algorithm.
    #[must_use]
    pub fn with_id_token_alg(mut self, algorithm: Algorithm) -> Self {
        self.id_token_alg = Some(algorithm);
        self
    }

    /// The same client, which is these audiences: it may introspect access tokens for them.
    #[must_use]
    pub fn serving<A: Into<String>>(mut self, audiences: impl IntoIterator<Item = A>) -> Self {
        self.serves = audiences.into_iter().map(Into::into).collect();
        self
    }

    /// Whether it cannot keep a secret (RFC 6749 §2.1).
    pub fn is_public(&self) -> bool {
        matches!(self.auth, ClientAuth::None)
    }

    /// Whether `secret` proves that a request is this client's. An empty secret is none, as some
    /// public clients send one.
    pub(crate) fn is_proved_by(&self, secret: Option<&Secret>) -> bool {
        match (&self.auth, secret.filter(|secret| !secret.is_empty())) {
            (ClientAuth::None, None) => true,
            (ClientAuth::Secret(digest), Some(secret)) => digest.matches(secret),
            (ClientAuth::None, Some(_))
            | (ClientAuth::Secret(_), None)
            | (ClientAuth::PrivateKeyJwt(_), _) => false,
        }
    }
}

/// Where clients are found.
pub trait Clients: Send + Sync {
    /// The client of that `client_id`.
    fn find<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Client>>, Unavailable>>;
}

/// Clients of one process.
#[derive(Debug, Default)]
pub struct MemoryClients {
    clients: RwLock<HashMap<String, Arc<Client>>>,
}

impl MemoryClients {
    /// These clients.
    pub fn new(clients: impl IntoIterator<Item = Client>) -> Self {
        let clients =
            clients.into_iter().map(|client| (client.id.clone(), Arc::new(client))).collect();
        Self { clients: RwLock::new(clients) }
    }

    /// Adds a client, or replaces the one of its id.
    pub fn add(&self, client: Client) {
        let mut clients = self.clients.write().unwrap_or_else(PoisonError::into_inner);
        clients.insert(client.id.clone(), Arc::new(client));
    }
}

impl Clients for MemoryClients {
    fn find<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Client>>, Unavailable>> {
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
        Box::pin(ready(Ok(clients.get(id).cloned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6749_2_3_a_row_for_each_proof() {
        let secret = Secret::new("s3cret");
        let public = Client::public("app");
        let confidential = Client::confidential("job", &secret);
        let rows = [
            (&public, None, true),
            (&public, Some(""), true),
            (&public, Some("s3cret"), false),
            (&confidential, Some("s3cret"), true),
            (&confidential, Some("s3cret "), false),
            (&confidential, Some(""), false),
            (&confidential, None, false),
        ];
        for (client, presented, proved) in rows {
            let presented = presented.map(Secret::new);
            assert_eq!(
                client.is_proved_by(presented.as_ref()),
                proved,
                "{} {presented:?}",
                client.id
            );
        }
    }
}
