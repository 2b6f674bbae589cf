//! `grant_type=authorization_code` (RFC 6749 §4.1.3, RFC 7636 §4.5).

use unlapse_core::Secret;

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
    let code = form.demand("code").map_err(refuse)?;
    let redirect_uri = form.value("redirect_uri").map(Secret::expose);
    let verifier = form.demand("code_verifier").map_err(refuse)?;
    issuer.redeem_code(code, redirect_uri, verifier.expose(), caller).await
}
