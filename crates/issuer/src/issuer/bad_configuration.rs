//! Why an issuer cannot be put together.

use crate::bad_keys::BadKeys;
use crate::dpop_rules::BadDpopRules;
use crate::key_cycle::BadKeyPolicy;
use crate::password::BadPassword;
use crate::pepper::BadPepper;
use crate::policy::BadPolicy;
use crate::rate::BadRate;
use crate::signing_key::BadSigningKey;

/// An issuer cannot be as it was described.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadConfiguration {
    /// The URL.
    #[error(
        "the issuer's URL is `https` (or `http` on the loopback), without user, query and \
         fragment, and its path is of letters, digits and `-._~`"
    )]
    Url,
    /// The audience.
    #[error("the audience is not empty")]
    Audience,
    /// The life of access tokens.
    #[error("access tokens live from 1 s to 60 min")]
    AccessLifetime,
    /// The life of logins in a browser.
    #[error("a login in a browser lives from 1 s to 30 days")]
    BrowserLifetime,
    /// The client of the JSON pair.
    #[error("the login client is public: the JSON endpoints have no means to prove another one")]
    LoginClient,
    /// The policy.
    #[error(transparent)]
    Policy(#[from] BadPolicy),
    /// The signing key.
    #[error(transparent)]
    SigningKey(#[from] BadSigningKey),
    /// The peppers.
    #[error(transparent)]
    Pepper(#[from] BadPepper),
    /// How signing keys succeed one another.
    #[error(transparent)]
    KeyPolicy(#[from] BadKeyPolicy),
    /// Keys that are kept, and nothing to seal them under.
    #[error("signing keys that outlive the process need peppers that do")]
    PeppersMissing,
    /// Keys that are kept, and not read.
    #[error("signing keys that are kept have to be read: `open` does, `build` does not")]
    KeysKept,
    /// The cost of a password check.
    #[error(transparent)]
    Password(#[from] BadPassword),
    /// The window of DPoP proofs.
    #[error(transparent)]
    Dpop(#[from] BadDpopRules),
    /// A rate limit.
    #[error(transparent)]
    Rate(#[from] BadRate),
}

/// An issuer could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotOpened {
    /// It was not described well.
    #[error(transparent)]
    Configuration(#[from] BadConfiguration),
    /// Its signing keys cannot be had.
    #[error(transparent)]
    Keys(#[from] BadKeys),
}
