//! Why a request of a provider cannot be made. Nothing was sent.

use http::HeaderName;

use crate::endpoint::EndpointError;

use super::signer::NotSigned;
use super::step::Step;

/// Why a request cannot be made of what is at hand. Has no secret in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unbuildable {
    /// The provider has no such request.
    #[error("the provider has no `{0}`")]
    NoSuchStep(Step),
    /// Something that the provider demands was not given.
    #[error("`{0}` is needed and was not given")]
    NotGiven(&'static str),
    /// A variable has no value.
    #[error("`{name}` has no value: {about}")]
    NoValue {
        /// Which.
        name: String,
        /// What it is, in the descriptor's words.
        about: String,
    },
    /// A variable's value cannot stand where it would.
    #[error("the value of `{name}` cannot be used: {problem}")]
    Variable {
        /// Which.
        name: String,
        /// Why not.
        problem: &'static str,
    },
    /// The code challenge is none of `S256` (RFC 7636 §4.2).
    #[error("the code challenge is no SHA-256 in base64url")]
    Challenge,
    /// What the URL comes to is no endpoint.
    #[error("the URL is no endpoint: {0}")]
    Endpoint(#[from] EndpointError),
    /// A header cannot carry its value.
    #[error("the header `{0}` cannot carry its value")]
    Header(HeaderName),
    /// The client's JWT could not be signed.
    #[error(transparent)]
    NotSigned(#[from] NotSigned),
}
