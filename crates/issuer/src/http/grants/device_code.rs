//! `grant_type=urn:ietf:params:oauth:grant-type:device_code` (RFC 8628 §3.4).

use crate::caller::Caller;
use crate::denied::Denied;
use crate::http::form::Form;
use crate::issuer::{Issued, Issuer};

pub(in crate::http) async fn grant(
    issuer: &Issuer,
    caller: &Caller,
    form: &Form,
) -> Result<Issued, Denied> {
    let device_code = form.demand("device_code").map_err(|code| issuer.refuse_request(code))?;
    issuer.redeem_device_code(device_code, caller).await
}
