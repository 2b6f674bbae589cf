//! Why an authorization request is refused (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6).

use crate::denied::Code;

/// Told to the client by redirect, once it is sure that it is the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthorizationError {
    /// A parameter is missing or malformed.
    RequestMalformed,
    /// No `code_challenge` of the method `S256`.
    PkceMissing,
    /// Another `response_type` than `code`.
    ResponseTypeUnsupported,
    /// Another `response_mode` than `query` and `form_post`.
    ResponseModeUnsupported,
    /// The client may not use codes.
    GrantNotAllowed,
    /// A scope that is malformed or not the client's.
    ScopeNotAllowed,
    /// `request` (OpenID Connect Core §6.1).
    RequestObject,
    /// `request_uri` (OpenID Connect Core §6.2).
    RequestUri,
    /// `registration` (OpenID Connect Core §7.2.1).
    Registration,
    /// The person said no.
    AccessDenied,
    /// Somebody would have to log in.
    LoginRequired,
    /// Somebody would have to be asked.
    ConsentRequired,
}

impl AuthorizationError {
    /// The `error` parameter.
    pub(crate) fn error(self) -> &'static str {
        match self {
            Self::RequestMalformed | Self::PkceMissing | Self::ResponseModeUnsupported => {
                "invalid_request"
            }
            Self::ResponseTypeUnsupported => "unsupported_response_type",
            Self::GrantNotAllowed => "unauthorized_client",
            Self::ScopeNotAllowed => "invalid_scope",
            Self::RequestObject => "request_not_supported",
            Self::RequestUri => "request_uri_not_supported",
            Self::Registration => "registration_not_supported",
            Self::AccessDenied => "access_denied",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
        }
    }

    /// What to do about it, for whoever develops the client.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::RequestMalformed => "a parameter is missing, repeated or malformed",
            Self::PkceMissing => "a code_challenge of the code_challenge_method S256 is needed",
            Self::ResponseTypeUnsupported => "the response_type is code here",
            Self::ResponseModeUnsupported => "the response_mode is query or form_post here",
            Self::GrantNotAllowed => "the client may not use authorization_code",
            Self::ScopeNotAllowed => "the scope is malformed or not the client's",
            Self::RequestObject => "request objects are not taken here",
            Self::RequestUri => "request_uri is not taken here",
            Self::Registration => "registration is not taken here",
            Self::AccessDenied => "the user said no",
            Self::LoginRequired => "nobody is logged in, and nobody was to be asked",
            Self::ConsentRequired => "nobody has allowed it, and nobody was to be asked",
        }
    }

    /// What it is counted and audited as; a question that must not be asked is no refusal.
    pub(crate) fn code(self) -> Option<Code> {
        match self {
            Self::LoginRequired | Self::ConsentRequired => None,
            Self::GrantNotAllowed => Some(Code::GrantNotAllowed),
            Self::ScopeNotAllowed => Some(Code::ScopeNotAllowed),
            Self::AccessDenied => Some(Code::AccessDenied),
            _ => Some(Code::RequestMalformed),
        }
    }
}
