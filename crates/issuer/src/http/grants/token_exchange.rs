//! `grant_type=urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693 §2.1).

use unlapse_core::Secret;

use crate::caller::Caller;
use crate::denied::{Code, Denied};
use crate::http::form::Form;
use crate::issuer::{Exchange, Issued, Issuer, Shown};
use crate::token_type::TokenType;

pub(in crate::http) fn grant(
    issuer: &Issuer,
    caller: &Caller,
    form: &Form,
) -> Result<Issued, Denied> {
    let refuse = |code| issuer.refuse_request(code);
    let scopes = form.scopes().map_err(refuse)?;
    let subject = shown(form, "subject_token", "subject_token_type").map_err(refuse)?;
    let subject = subject.ok_or_else(|| refuse(Code::RequestMalformed))?;
    let actor = shown(form, "actor_token", "actor_token_type").map_err(refuse)?;
    let wanted = form.value("requested_token_type").map(|wanted| TokenType::parse(wanted.expose()));
    // An access token is what is given; that it is a JWT, too, is nobody's business.
    if wanted.is_some_and(|wanted| wanted != Some(TokenType::AccessToken)) {
        return Err(refuse(Code::RequestMalformed));
    }
    let target = target(form).map_err(refuse)?;
    issuer.exchange(Exchange { subject, actor, target, scopes: scopes.as_ref() }, caller)
}

/// A token and its type: one does not come without the other.
fn shown<'a>(form: &'a Form, token: &str, token_type: &str) -> Result<Option<Shown<'a>>, Code> {
    match (form.value(token), form.value(token_type)) {
        (None, None) => Ok(None),
        (Some(token), Some(of)) => {
            let token_type = TokenType::parse(of.expose()).ok_or(Code::RequestMalformed)?;
            Ok(Some(Shown { token: token.expose(), token_type }))
        }
        _ => Err(Code::RequestMalformed),
    }
}

/// `audience` or `resource` (RFC 8707): a token has one, so that the two must be one.
pub(super) fn target(form: &Form) -> Result<Option<&str>, Code> {
    match (form.value("audience"), form.value("resource")) {
        (Some(audience), Some(resource)) if audience != resource => Err(Code::TargetUnknown),
        (audience, resource) => Ok(audience.or(resource).map(Secret::expose)),
    }
}
