//! Whether a client may act for a person.

use unlapse_core::BoxFuture;

use crate::clients::Client;
use crate::scopes::Scopes;
use crate::store::Unavailable;

/// What is asked of a person.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Who: the `sub` of the tokens.
    pub subject: &'a str,
    /// Which client wants to act for them.
    pub client: &'a Client,
    /// What it would be granted.
    pub scopes: &'a Scopes,
    /// Where it is answered.
    pub redirect_uri: &'a str,
}

/// Decides whether a person is asked, for a host that has its own mind about it; given to
/// [`IssuerBuilder::consent`](crate::IssuerBuilder::consent).
///
/// Without one, clients of the first party ([`Client::first_party`]) are not asked about. Others
/// are, once a year, and when they want more than was allowed. Those that anybody on the person's
/// device may pose as are asked about every time (RFC 8252 §8.6): public ones that are answered at
/// a loopback address or at a scheme of their own.
///
/// ```
/// use unlapse_core::BoxFuture;
/// use unlapse_issuer::{Asked, Consent, Unavailable};
///
/// /// Everybody here has agreed to everything when they were hired.
/// struct Company;
///
/// impl Consent for Company {
///     fn is_given<'a>(&'a self, _: Asked<'a>) -> BoxFuture<'a, Result<bool, Unavailable>> {
///         Box::pin(async { Ok(true) })
///     }
///     fn give<'a>(&'a self, _: Asked<'a>) -> BoxFuture<'a, Result<(), Unavailable>> {
///         Box::pin(async { Ok(()) })
///     }
/// }
/// let builder = unlapse_issuer::Issuer::builder("https://id.example");
/// let issuer = builder.consent(std::sync::Arc::new(Company)).build();
/// ```
pub trait Consent: Send + Sync {
    /// Whether it has been allowed: then nobody is asked.
    fn is_given<'a>(&'a self, asked: Asked<'a>) -> BoxFuture<'a, Result<bool, Unavailable>>;

    /// The person was asked, and has allowed it.
    fn give<'a>(&'a self, asked: Asked<'a>) -> BoxFuture<'a, Result<(), Unavailable>>;
}
