//! Finding a server's endpoints from its issuer (RFC 8414, OpenID Connect Discovery 1.0).

mod issuer;
mod metadata;

use bytes::Bytes;
use http::Request;

pub use issuer::Issuer;
pub use metadata::{MAX_METADATA, Metadata, MetadataError};

use crate::endpoint::Endpoint;
use crate::request;

/// Asks for the metadata at `url`, one of [`Issuer::metadata_urls`].
///
/// Redirects should not be followed: whoever answers speaks for the issuer.
pub fn request(url: &Endpoint) -> Request<Bytes> {
    request::get(url)
}
