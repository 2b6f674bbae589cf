//! The client credentials grant (RFC 6749 §4.4).

use bytes::Bytes;
use http::Request;

use crate::client_auth::Client;
use crate::endpoint::Endpoint;
use crate::form::Form;
use crate::grant::Target;
use crate::request;

/// Asks for a token on the client's own behalf. The client must prove itself: a public client gets
/// `invalid_client` (RFC 6749 §4.4).
pub fn client_credentials(
    endpoint: &Endpoint,
    client: &Client,
    target: Target<'_>,
) -> Request<Bytes> {
    let form = Form::new().pair("grant_type", "client_credentials");
    request::post_form(endpoint, client, target.add_to(form))
}
