//! The requests that a provider knows.

use core::fmt;

/// A request to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Step {
    /// The authorization request, which a browser makes (RFC 6749 §4.1.1).
    Authorization,
    /// The exchange of a code (RFC 6749 §4.1.3).
    Token,
    /// The exchange of the access token that the code brought for one that lives longer.
    Exchange,
    /// The refresh (RFC 6749 §6).
    Refresh,
    /// A token on the client's own behalf (RFC 6749 §4.4).
    ClientCredentials,
    /// The device authorization request (RFC 8628 §3.1).
    Device,
    /// The device's question for its token (RFC 8628 §3.4).
    DeviceToken,
    /// Revocation (RFC 7009).
    Revocation,
    /// Introspection (RFC 7662).
    Introspection,
}

impl Step {
    /// Every step.
    pub const ALL: &'static [Self] = &[
        Self::Authorization,
        Self::Token,
        Self::Exchange,
        Self::Refresh,
        Self::ClientCredentials,
        Self::Device,
        Self::DeviceToken,
        Self::Revocation,
        Self::Introspection,
    ];

    /// Its table in a descriptor.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorization => "authorization",
            // Both are asked where a code is exchanged.
            Self::Token | Self::DeviceToken => "token",
            Self::Exchange => "exchange",
            Self::Refresh => "refresh",
            Self::ClientCredentials => "client_credentials",
            Self::Device => "device",
            Self::Revocation => "revocation",
            Self::Introspection => "introspection",
        }
    }

    /// The parameters that the RFC has for it, but for those that say who the client is.
    pub(super) const fn params(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Authorization => &[
                ("response_type", "code"),
                ("client_id", "{client_id}"),
                ("redirect_uri", "{redirect_uri}"),
                ("scope", "{scope}"),
                ("state", "{state}"),
                ("code_challenge", "{code_challenge}"),
                ("code_challenge_method", "{code_challenge_method}"),
            ],
            Self::Token => &[
                ("grant_type", "authorization_code"),
                ("code", "{code}"),
                ("redirect_uri", "{redirect_uri}"),
                ("code_verifier", "{code_verifier}"),
            ],
            Self::Exchange => &[],
            Self::Refresh => {
                &[("grant_type", "refresh_token"), ("refresh_token", "{refresh_token}")]
            }
            Self::ClientCredentials => {
                &[("grant_type", "client_credentials"), ("scope", "{scope}")]
            }
            Self::Device => &[("scope", "{scope}")],
            Self::DeviceToken => &[
                ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
                ("device_code", "{device_code}"),
            ],
            Self::Revocation => &[("token", "{token}")],
            Self::Introspection => &[("token", "{token}"), ("token_type_hint", "access_token")],
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
