//! A client that is ready.

use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};

use super::middleware::Authorize;
use super::settings::{HttpSettings, HttpSetupError};
use crate::request::RequestPolicy;
use crate::source::TokenSource;

/// A client whose requests carry the token of `source`, with these settings (C12) and the default
/// [`RequestPolicy`]; for others, and to name the origins that the token is for, put [`Authorize`] into
/// a `reqwest_middleware::ClientBuilder` over [`HttpSettings::build`].
///
/// It follows no redirect: a token that follows one ends up with somebody else. The 3xx goes to the
/// caller.
///
/// Fails when the settings do not make a client.
pub fn client(
    source: TokenSource,
    settings: &HttpSettings,
) -> Result<ClientWithMiddleware, HttpSetupError> {
    let policy = RequestPolicy { at_once: settings.at_once, ..RequestPolicy::default() };
    let authorize = Authorize::new(source).policy(policy);
    Ok(ClientBuilder::new(settings.build()?).with(authorize).build())
}
