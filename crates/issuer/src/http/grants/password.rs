//! `grant_type=password` (RFC 6749 §4.3).

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
    let username = form.demand("username").map_err(refuse)?;
    let password = form.demand("password").map_err(refuse)?.clone();
    issuer.log_in(username.expose(), password, caller, scopes.as_ref()).await
}
