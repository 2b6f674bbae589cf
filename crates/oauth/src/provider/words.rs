//! The words that a descriptor chooses among. Each error lists them, and repeats nothing: whatever
//! stands in the wrong place may be a secret (R18).

use serde::{Deserialize, Serialize};
use unlapse_core::{ErrorCode, Rejection};

macro_rules! words {
    ($(#[$about:meta])* $name:ident, $what:literal { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            /// Every one of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word for it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = &'static str;

            fn try_from(text: String) -> Result<Self, &'static str> {
                let found = Self::ALL.iter().find(|word| word.as_str() == text);
                found.copied().ok_or(concat!($what, $(" `", $word, "`"),+))
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                word.as_str().to_owned()
            }
        }
    };
}

words! {
    /// How the client proves itself (RFC 6749 §2.3).
    Auth, "`auth` is one of" {
        /// Id and secret among the parameters; the id alone where there is no secret.
        Post = "post",
        /// HTTP Basic, both form-encoded first; the id alone where there is no secret.
        Basic = "basic",
        /// HTTP Basic with id and secret as they stand, for providers that decode nothing.
        BasicUnencoded = "basic_unencoded",
        /// HTTP Basic with the secret as the user's name and no password.
        BasicSecret = "basic_secret",
        /// A JWT signed with the client's key (RFC 7523 §2.2).
        PrivateKeyJwt = "private_key_jwt",
        /// The id alone.
        Public = "public",
        /// Not at all, or as `params` and `headers` say.
        Nothing = "nothing",
    }
}

words! {
    /// Where the parameters of a request are.
    Body, "`body` is one of" {
        /// `application/x-www-form-urlencoded` (RFC 6749 §3.2).
        Form = "form",
        /// A JSON object.
        Json = "json",
        /// In the URL, secrets included: only where the provider has it no other way.
        Query = "query",
    }
}

words! {
    /// The method of a request.
    Verb, "`method` is one of" {
        /// `POST`.
        Post = "POST",
        /// `GET`; the parameters are in the URL.
        Get = "GET",
        /// `DELETE`.
        Delete = "DELETE",
    }
}

words! {
    /// Whether the provider knows PKCE (RFC 7636), always as `S256`.
    Pkce, "`pkce` is one of" {
        /// It refuses a request with it, or was seen to.
        Unsupported = "unsupported",
        /// It checks it where it is used.
        Supported = "supported",
        /// It demands it.
        Required = "required",
    }
}

words! {
    /// Where the access token's lifetime comes from.
    Lifetime, "`lifetime` is one of" {
        /// The reply; without one there, the token has no end.
        Reply = "reply",
        /// The reply, else `timing.access_ttl`.
        Fixed = "fixed",
        /// The token itself, a JWT.
        Jwt = "jwt",
        /// The introspection endpoint, asked after each grant (RFC 7662); else `timing.access_ttl`.
        Introspection = "introspection",
        /// Nowhere: the token has no end, whatever the reply says.
        Endless = "endless",
    }
}

words! {
    /// The unit of `expires_in` and its like.
    Unit, "`unit` is one of" {
        /// Seconds (RFC 6749 §5.1).
        Seconds = "seconds",
        /// Milliseconds.
        Milliseconds = "milliseconds",
    }
}

words! {
    /// What a provider's own code means, in the words of RFC 6749 §5.2 where there is one. Only
    /// `invalid_grant` and `refresh_token_reused` end a login (R9).
    Meaning, "a code means one of" {
        /// The code, refresh token or access token that was sent is not good any more.
        InvalidGrant = "invalid_grant",
        /// The same, for it was used before.
        RefreshTokenReused = "refresh_token_reused",
        /// The client is unknown or could not prove itself: for whoever runs it to mend.
        InvalidClient = "invalid_client",
        /// The client may not do this.
        UnauthorizedClient = "unauthorized_client",
        /// The request is not as the provider wants it.
        InvalidRequest = "invalid_request",
        /// The grant type is not known.
        UnsupportedGrantType = "unsupported_grant_type",
        /// The scope is not.
        InvalidScope = "invalid_scope",
        /// The user, or somebody over them, refused.
        AccessDenied = "access_denied",
        /// The provider has trouble: to be asked again later.
        TemporarilyUnavailable = "temporarily_unavailable",
        /// Too many requests: read as if the status were 429.
        RateLimited = "rate_limited",
        /// The token is too young to be refreshed: read as if the status were 425.
        TooEarly = "too_early",
    }
}

impl Meaning {
    /// The code of the core, and the status that says the same where the provider's does not.
    pub(super) fn code(self) -> (ErrorCode, Option<u16>) {
        let rejection = match self {
            Self::InvalidGrant => Rejection::InvalidGrant,
            Self::RefreshTokenReused => Rejection::RefreshTokenReused,
            Self::InvalidClient => Rejection::InvalidClient,
            Self::UnauthorizedClient => Rejection::UnauthorizedClient,
            Self::InvalidRequest => Rejection::InvalidRequest,
            Self::UnsupportedGrantType => Rejection::UnsupportedGrantType,
            Self::InvalidScope => Rejection::InvalidScope,
            Self::AccessDenied => Rejection::AccessDenied,
            Self::TemporarilyUnavailable => return (ErrorCode::Temporary, None),
            Self::RateLimited => return (ErrorCode::Temporary, Some(429)),
            Self::TooEarly => return (ErrorCode::Temporary, Some(425)),
        };
        (ErrorCode::Rejection(rejection), None)
    }
}
