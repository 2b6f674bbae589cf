//! Whether what a browser brings back is of this provider (RFC 9207).

use super::{Caller, Provider, Unbuildable};

/// An authorization response that is not this provider's. Nothing in it is to be believed, its error as
/// little as its code (RFC 9207 §2.4).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotItsIssuer {
    /// `iss` is another one's.
    #[error("`iss` is not the provider's")]
    Another,
    /// There is no `iss`, and the provider always says it.
    #[error("there is no `iss`, which the provider always says")]
    Missing,
    /// The provider's issuer cannot be told.
    #[error("the provider's issuer cannot be told: {0}")]
    Unbuildable(#[from] Unbuildable),
}

impl Provider {
    /// Holds the `iss` of an authorization response, decoded, against the provider's own issuer: by
    /// simple comparison of strings (RFC 9207 §2.4). A provider that names no issuer is held against
    /// nothing: its redirect URI has to be no other provider's (RFC 9700 §4.4.2.2).
    ///
    /// To be asked before anything else of the response is looked at; `caller` is as it was for
    /// [`Provider::authorize_url`].
    pub fn check_issuer(&self, caller: &Caller<'_>, iss: Option<&str>) -> Result<(), NotItsIssuer> {
        let Some(issuer) = &self.issuer else { return Ok(()) };
        let issuer = issuer.text(&self.values(caller))?;
        match iss {
            Some(iss) if iss == issuer => Ok(()),
            Some(_) => Err(NotItsIssuer::Another),
            None if self.descriptor.authorization_response_iss_parameter_supported => {
                Err(NotItsIssuer::Missing)
            }
            None => Ok(()),
        }
    }
}
