//! Who somebody is at a provider.

use serde::{Deserialize, Serialize};

use crate::api::{Api, ApiError};
use crate::connection_id::ConnectionId;

/// Who somebody is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Profile {
    /// The name.
    pub(crate) name: String,
}

/// The profile behind a connection.
pub(crate) async fn profile(api: &Api, id: &ConnectionId) -> Result<Profile, ApiError> {
    let reply = api.get(id, "/profile").await?;
    serde_json::from_value(reply).map_err(|_| ApiError::Unreadable)
}
