//! `grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer` (RFC 7523 §2.1).

use super::token_exchange::target;
use crate::caller::Caller;
use crate::denied::Denied;
use crate::http::form::Form;
use crate::issuer::{Issued, Issuer};

pub(in crate::http) async fn grant(
    issuer: &Issuer,
    caller: &Caller,
    form: &Form,
) -> Result<Issued, Denied> {
    let refuse = |code| issuer.refuse_request(code);
    let scopes = form.scopes().map_err(refuse)?;
    let assertion = form.demand("assertion").map_err(refuse)?;
    let target = target(form).map_err(refuse)?;
    issuer.grant_for_assertion(assertion.expose(), target, scopes.as_ref(), caller).await
}
