//! What stands in a path.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::refusal::Refusal;
use crate::connection_id::ConnectionId;
use crate::name::Name;

/// The variable parts of a path, decoded; a path that is no UTF-8 is a problem as any other.
pub(super) struct Path<T>(pub(super) T);

impl<S, T> FromRequestParts<S> for Path<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send,
{
    type Rejection = Refusal;

    async fn from_request_parts(request: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let found = axum::extract::Path::<T>::from_request_parts(request, state).await;
        let axum::extract::Path(names) =
            found.map_err(|_| Refusal::bad_request("the path is no UTF-8 once it is decoded"))?;
        Ok(Self(names))
    }
}

/// A name in a path.
pub(super) fn name(text: &str) -> Result<Name, Refusal> {
    text.parse().map_err(|error| Refusal::bad_request(format!("the name in the path: {error}")))
}

/// The three names of a connection in a path.
pub(super) type Names = (String, String, String);

/// The connection of these names.
pub(super) fn connection(
    tenant: Name,
    (user, provider, account): Names,
) -> Result<ConnectionId, Refusal> {
    let provider = provider
        .parse()
        .map_err(|error| Refusal::bad_request(format!("the connection's provider: {error}")))?;
    ConnectionId::new(tenant, user, provider, account)
        .map_err(|error| Refusal::bad_request(error.to_string()))
}
