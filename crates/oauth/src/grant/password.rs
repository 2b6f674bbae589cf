//! The resource owner password credentials grant (RFC 6749 §4.3).

use bytes::Bytes;
use http::Request;
use unlapse_core::Secret;

use crate::client_auth::Client;
use crate::endpoint::Endpoint;
use crate::form::Form;
use crate::grant::Target;
use crate::request;

/// Logs in with a user's name and password. RFC 9700 §2.4 advises against it, and many servers have
/// nothing else for scripts.
pub fn password(
    endpoint: &Endpoint,
    client: &Client,
    username: &str,
    password: &Secret,
    target: Target<'_>,
) -> Request<Bytes> {
    let form = Form::new()
        .pair("grant_type", "password")
        .pair("username", username)
        .secret("password", password);
    request::post_form(endpoint, client, target.add_to(form))
}
