//! The refresh token grant (RFC 6749 §6).

use bytes::Bytes;
use http::Request;
use unlapse_core::Secret;

use crate::client_auth::Client;
use crate::endpoint::Endpoint;
use crate::form::Form;
use crate::grant::Target;
use crate::request;

/// Spends `refresh_token` at the token endpoint. Without a scope the server keeps the one that it
/// granted; with one, it must not ask for more than that (RFC 6749 §6).
pub fn refresh(
    endpoint: &Endpoint,
    client: &Client,
    refresh_token: &Secret,
    target: Target<'_>,
) -> Request<Bytes> {
    let form =
        Form::new().pair("grant_type", "refresh_token").secret("refresh_token", refresh_token);
    request::post_form(endpoint, client, target.add_to(form))
}
