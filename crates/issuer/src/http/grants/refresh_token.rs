//! `grant_type=refresh_token` (RFC 6749 §6).

use crate::caller::Caller;
use crate::clients::GrantType;
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
    issuer.check_grant(caller, GrantType::RefreshToken)?;
    let token = form.demand("refresh_token").map_err(refuse)?;
    issuer.refresh(token.expose(), caller, scopes.as_ref()).await
}
