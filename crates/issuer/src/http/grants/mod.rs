//! What each `grant_type` reads from its form.

pub(super) mod client_credentials;
pub(super) mod password;
pub(super) mod refresh_token;
