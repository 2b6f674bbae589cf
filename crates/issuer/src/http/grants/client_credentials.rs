//! `grant_type=client_credentials` (RFC 6749 §4.4).

use crate::caller::Caller;
use crate::denied::Denied;
use crate::http::form::Form;
use crate::issuer::{Issued, Issuer};

pub(in crate::http) fn grant(
    issuer: &Issuer,
    caller: &Caller,
    form: &Form,
) -> Result<Issued, Denied> {
    let scopes = form.scopes().map_err(|code| issuer.refuse_request(code))?;
    issuer.grant_to_client(caller, scopes.as_ref())
}
