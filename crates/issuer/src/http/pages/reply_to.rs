//! Whom an authorization request is answered to, and how.

use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use unlapse_core::Secret;

use super::page::{Forms, Problem, denied, page, problem, see_other};
use crate::authorization_error::AuthorizationError;
use crate::clients::Client;
use crate::denied::{Code, Denied};
use crate::http::form::Form;
use crate::issuer::Issuer;
use crate::redirect_uri;

/// Longest `client_id`, in bytes.
const LONGEST_ID: usize = 256;

/// `response_mode` (OAuth 2.0 Multiple Response Type Encoding Practices §2.1). Not `fragment`:
/// what stands there is left to scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResponseMode {
    /// `query`: in the address.
    Query,
    /// `form_post`: in the body of a POST.
    FormPost,
}

/// A client that is known, and a redirect URI that is its own: only to these is anything sent.
#[derive(Clone, Debug)]
pub(super) struct ReplyTo {
    pub(super) client: Arc<Client>,
    pub(super) redirect_uri: String,
    /// Whether the request named the redirect URI, or it is the only one there is.
    pub(super) redirect_uri_named: bool,
    pub(super) mode: ResponseMode,
    pub(super) state: Option<Secret>,
}

/// Why a request is not gone on with.
#[derive(Debug)]
pub(super) enum Stopped {
    /// There is nobody to tell but the person.
    Here(Problem),
    /// A store is away, or the request does not read.
    Denied(Denied),
    /// The client is told.
    There(Box<ReplyTo>, AuthorizationError),
}

impl From<Denied> for Stopped {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl Stopped {
    pub(super) fn into_response(self, issuer: &Issuer) -> Response {
        match self {
            Self::Here(reason) => problem(&reason),
            Self::Denied(refused) => denied(refused),
            Self::There(reply_to, error) => reply_to.refuse(issuer, error),
        }
    }
}

#[derive(Template)]
#[template(path = "form_post.html")]
struct FormPost<'a> {
    action: &'a str,
    client: &'a str,
    parameters: &'a [(&'a str, &'a str)],
}

impl ReplyTo {
    /// Reads `client_id` and `redirect_uri`. Nothing is sent anywhere before both are proved
    /// (RFC 6749 §4.1.2.1).
    pub(super) async fn read(issuer: &Issuer, form: &Form) -> Result<Self, Stopped> {
        let stop = |title, text, code| {
            issuer.refuse_request(code);
            let status = StatusCode::BAD_REQUEST;
            Stopped::Here(Problem { status, title, text, code, again: None })
        };
        let unknown = || {
            stop(
                "This application is not known here",
                "The address that led here names no application (client_id) of this server.",
                Code::ClientAuthenticationFailed,
            )
        };
        let id = form.value("client_id").map(Secret::expose);
        let id = id.filter(|id| id.len() <= LONGEST_ID).ok_or_else(unknown)?;
        let client = issuer.find_client(id).await?.ok_or_else(unknown)?;
        let named = form.value("redirect_uri").map(Secret::expose);
        let only = match &client.redirect_uris[..] {
            [only] => Some(only.as_str()),
            _ => None,
        };
        let uri = named.or(only);
        let uri = uri.filter(|uri| redirect_uri::is_allowed(&client.redirect_uris, uri));
        let redirect_uri = uri.map(str::to_owned).ok_or_else(|| {
            stop(
                "This application cannot be returned to",
                "The address to return to (redirect_uri) is missing, or is none that this \
                 application has registered.",
                Code::RedirectMismatch,
            )
        })?;
        let mode = match form.value("response_mode").map(Secret::expose) {
            Some("form_post") if redirect_uri.starts_with("http") => ResponseMode::FormPost,
            _ => ResponseMode::Query,
        };
        let state = form.value("state").cloned();
        let redirect_uri_named = named.is_some();
        Ok(Self { client, redirect_uri, redirect_uri_named, mode, state })
    }

    /// What people know the client by.
    pub(super) fn client_name(&self) -> &str {
        self.client.name.as_deref().unwrap_or(&self.client.id)
    }

    /// The forms of pages on the way to the client.
    pub(super) fn forms(&self) -> Forms<'_> {
        Forms::ThenTo(redirect_uri::scheme(&self.redirect_uri))
    }

    /// Sends the code (RFC 6749 §4.1.2).
    pub(super) fn grant(&self, issuer: &Issuer, code: &Secret) -> Response {
        self.send(issuer, &[("code", code.expose())])
    }

    /// Sends an error (RFC 6749 §4.1.2.1).
    pub(super) fn refuse(&self, issuer: &Issuer, error: AuthorizationError) -> Response {
        if let Some(code) = error.code() {
            issuer.refuse_request(code);
        }
        let description = error.description();
        self.send(issuer, &[("error", error.error()), ("error_description", description)])
    }

    /// With `state`, and with `iss`, which tells a client of many issuers whose reply it is
    /// (RFC 9207).
    fn send(&self, issuer: &Issuer, outcome: &[(&str, &str)]) -> Response {
        let mut parameters = outcome.to_vec();
        if let Some(state) = &self.state {
            parameters.push(("state", state.expose()));
        }
        parameters.push(("iss", issuer.url()));
        match self.mode {
            ResponseMode::Query => {
                see_other(&redirect_uri::with_parameters(&self.redirect_uri, &parameters))
            }
            ResponseMode::FormPost => {
                let form = FormPost {
                    action: &self.redirect_uri,
                    client: self.client_name(),
                    parameters: &parameters,
                };
                let scheme = redirect_uri::scheme(&self.redirect_uri);
                page(StatusCode::OK, &form, Forms::Away(scheme))
            }
        }
    }
}
