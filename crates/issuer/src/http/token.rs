//! `POST /token` (RFC 6749 §3.2).

use axum::body::Body;
use axum::http::request::Parts;
use axum::response::Response;

use super::client_auth::caller;
use super::dpop;
use super::form::Form;
use super::grants;
use super::peer::Asked;
use super::reply::{Door, reply};
use crate::caller::Caller;
use crate::clients::GrantType;
use crate::denied::{Code, Denied};
use crate::issuer::{Issued, Issuer};

pub(super) async fn token(Asked(issuer): Asked, request: Parts, body: Body) -> Response {
    reply(grant(&issuer, &request, body).await, Door::OAuth)
}

/// The grants there are.
pub(super) const GRANTS: &[GrantType] = &[
    GrantType::RefreshToken,
    GrantType::ClientCredentials,
    GrantType::Password,
    GrantType::TokenExchange,
    GrantType::JwtBearer,
    #[cfg(feature = "pages")]
    GrantType::AuthorizationCode,
    #[cfg(feature = "pages")]
    GrantType::DeviceCode,
];

async fn grant(issuer: &Issuer, request: &Parts, body: Body) -> Result<Issued, Denied> {
    let refuse = |code: Code| issuer.refuse_request(code);
    let form = Form::read(&request.headers, body).await.map_err(refuse)?;
    let grant_type = form.demand("grant_type").map_err(refuse)?;
    let grant_type = GrantType::parse(grant_type.expose());
    let grant_type = grant_type.ok_or_else(|| refuse(Code::GrantUnsupported))?;
    let caller = caller(issuer, request, &form).await?;
    let (caller, proof) = dpop::proved(issuer, request, caller).await?;
    let granted = grant_as(issuer, grant_type, &caller, &form).await;
    dpop::settled(issuer, proof.as_ref(), granted)
}

async fn grant_as(
    issuer: &Issuer,
    grant_type: GrantType,
    caller: &Caller,
    form: &Form,
) -> Result<Issued, Denied> {
    match grant_type {
        GrantType::RefreshToken => grants::refresh_token::grant(issuer, caller, form).await,
        GrantType::ClientCredentials => grants::client_credentials::grant(issuer, caller, form),
        GrantType::Password => grants::password::grant(issuer, caller, form).await,
        GrantType::TokenExchange => grants::token_exchange::grant(issuer, caller, form),
        GrantType::JwtBearer => grants::jwt_bearer::grant(issuer, caller, form).await,
        #[cfg(feature = "pages")]
        GrantType::AuthorizationCode => {
            grants::authorization_code::grant(issuer, caller, form).await
        }
        #[cfg(feature = "pages")]
        GrantType::DeviceCode => grants::device_code::grant(issuer, caller, form).await,
        #[cfg(not(feature = "pages"))]
        GrantType::AuthorizationCode | GrantType::DeviceCode => {
            Err(issuer.refuse_request(Code::GrantUnsupported))
        }
    }
}
