//! A host's own login, in place of the built-in page.

use axum::http::HeaderMap;
use unlapse_core::BoxFuture;

use crate::login::Login;
use crate::store::Unavailable;

/// What somebody is to log in for.
#[derive(Clone, Copy, Debug)]
pub struct LoginAsked<'a> {
    /// Where they go on afterwards: an address of the issuer, whole.
    pub return_to: &'a str,
    /// Whether whoever is logged in has to show again who they are (`prompt=login`, `max_age`).
    pub fresh: bool,
    /// The name that a client expects them to log in with, as anybody may have written it.
    pub login_hint: Option<&'a str>,
}

/// How people log in, for a host that has its own way; given to
/// [`IssuerBuilder::login_page`](crate::IssuerBuilder::login_page). Without one, a plain page asks
/// for a name and a password of [`Users`](crate::Users).
///
/// The host's pages are of the same site, so that its cookie comes along. It limits guesses and
/// ends logins itself: `/login` is closed, and `/logout` ends nothing of the host's.
///
/// ```
/// use axum::http::HeaderMap;
/// use unlapse_core::{BoxFuture, UnixTime};
/// use unlapse_issuer::{Login, LoginAsked, LoginPage, Unavailable};
/// # async fn session_of(_: &HeaderMap) -> Option<(String, u64)> { None }
///
/// struct Shop;
///
/// impl LoginPage for Shop {
///     fn who<'a>(
///         &'a self,
///         headers: &'a HeaderMap,
///     ) -> BoxFuture<'a, Result<Option<Login>, Unavailable>> {
///         Box::pin(async move {
///             let session = session_of(headers).await; // by the shop's own cookie
///             Ok(session.map(|(customer, since)| Login {
///                 subject: customer.clone(),
///                 name: Some(customer),
///                 auth_time: UnixTime::from_secs(since),
///             }))
///         })
///     }
///
///     fn address(&self, asked: LoginAsked<'_>) -> String {
///         let query: String = url::form_urlencoded::byte_serialize(asked.return_to.as_bytes()).collect();
///         format!("https://shop.example/login?then={query}")
///     }
/// }
/// let builder = unlapse_issuer::Issuer::builder("https://id.shop.example");
/// let issuer = builder.login_page(std::sync::Arc::new(Shop)).build();
/// ```
pub trait LoginPage: Send + Sync {
    /// Who is logged in at the host, by the headers of a request.
    fn who<'a>(
        &'a self,
        headers: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<Option<Login>, Unavailable>>;

    /// Where somebody is sent to log in. The page sends them on to `return_to`, which is to be
    /// compared with the issuer's address like any address that came from outside.
    fn address(&self, asked: LoginAsked<'_>) -> String;
}
