//! An authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core §3.1.2.1).

use core::time::Duration;

use unlapse_core::Secret;
use unlapse_verify::Thumbprint;

use super::reply_to::{ReplyTo, Stopped};
use crate::authorization_error::AuthorizationError;
use crate::clients::{Client, GrantType};
use crate::consent::Asked;
use crate::denied::{Code, Denied};
use crate::http::form::Form;
use crate::interaction::Prompt;
use crate::issuer::Issuer;
use crate::login::Login;
use crate::pkce::Challenge;
use crate::scopes::Scopes;

/// Longest query that is read, in bytes.
const LONGEST: usize = 16 * 1024;
/// Longest `nonce`, in bytes: it goes into the ID token.
const LONGEST_NONCE: usize = 1024;
/// Longest `login_hint`, in bytes: that of a name.
const LONGEST_HINT: usize = 256;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AuthorizationRequest {
    pub(super) scopes: Scopes,
    pub(super) nonce: Option<String>,
    pub(super) challenge: Challenge,
    pub(super) prompt: Prompt,
    /// The oldest login that serves.
    pub(super) max_age: Option<Duration>,
    /// The name that somebody may log in with.
    pub(super) login_hint: Option<String>,
    /// The key that the code is bound to (RFC 9449 §10).
    pub(super) jkt: Option<Thumbprint>,
}

/// Reads a query: whom to answer, and what is asked.
pub(super) async fn read(
    issuer: &Issuer,
    query: &str,
) -> Result<(ReplyTo, AuthorizationRequest), Stopped> {
    let refuse = |code: Code| -> Denied { issuer.refuse_request(code) };
    if query.len() > LONGEST {
        return Err(refuse(Code::RequestTooLarge).into());
    }
    // A parameter that is repeated may be the redirect URI: nobody is told but the person.
    let form = Form::parse(query.as_bytes()).map_err(refuse)?;
    let reply_to = ReplyTo::read(issuer, &form).await?;
    match AuthorizationRequest::of(&form, &reply_to.client) {
        Ok(request) => Ok((reply_to, request)),
        Err(error) => Err(Stopped::There(Box::new(reply_to), error)),
    }
}

impl AuthorizationRequest {
    /// What its person is asked.
    pub(super) fn asks<'a>(&'a self, reply_to: &'a ReplyTo, login: &'a Login) -> Asked<'a> {
        Asked {
            subject: &login.subject,
            client: &reply_to.client,
            scopes: &self.scopes,
            redirect_uri: &reply_to.redirect_uri,
        }
    }

    /// Reads what a client asks for that is known already.
    fn of(form: &Form, client: &Client) -> Result<Self, AuthorizationError> {
        use AuthorizationError::{PkceMissing, RequestMalformed};
        let value = |name: &str| form.value(name).map(Secret::expose);
        for (name, error) in [
            ("request", AuthorizationError::RequestObject),
            ("request_uri", AuthorizationError::RequestUri),
            ("registration", AuthorizationError::Registration),
        ] {
            if form.value(name).is_some() {
                return Err(error);
            }
        }
        match value("response_type") {
            Some("code") => {}
            Some(_) => return Err(AuthorizationError::ResponseTypeUnsupported),
            None => return Err(RequestMalformed),
        }
        if !matches!(value("response_mode"), None | Some("query" | "form_post")) {
            return Err(AuthorizationError::ResponseModeUnsupported);
        }
        if !client.grants.contains(&GrantType::AuthorizationCode) {
            return Err(AuthorizationError::GrantNotAllowed);
        }
        let asked = form.scopes().map_err(|_| AuthorizationError::ScopeNotAllowed)?;
        let scopes = asked.unwrap_or_else(|| client.scopes.clone());
        if !scopes.is_subset_of(&client.scopes) {
            return Err(AuthorizationError::ScopeNotAllowed);
        }
        // RFC 7636 §4.3: without a method it would be `plain`.
        if value("code_challenge_method") != Some("S256") {
            return Err(PkceMissing);
        }
        let challenge = value("code_challenge").and_then(Challenge::parse).ok_or(PkceMissing)?;
        let prompt = Prompt::parse(value("prompt").unwrap_or_default());
        let max_age = value("max_age").map(|age| age.parse().map(Duration::from_secs));
        let jkt = value("dpop_jkt").map(str::parse::<Thumbprint>);
        let nonce = value("nonce").map(str::to_owned);
        if nonce.as_ref().is_some_and(|nonce| nonce.len() > LONGEST_NONCE) {
            return Err(RequestMalformed);
        }
        let login_hint = value("login_hint").filter(|hint| hint.len() <= LONGEST_HINT);
        Ok(Self {
            scopes,
            nonce,
            challenge,
            prompt: prompt.ok_or(RequestMalformed)?,
            max_age: max_age.transpose().map_err(|_| RequestMalformed)?,
            login_hint: login_hint.map(str::to_owned),
            jkt: jkt.transpose().map_err(|_| RequestMalformed)?,
        })
    }
}
