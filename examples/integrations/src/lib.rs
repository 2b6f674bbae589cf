//! A service that calls several providers for many users: profiles from all of them, by one route.
//!
//! [`Connections`] keeps a login for each user, provider and account, and says what went wrong in codes
//! that a product can build on ([`ConnectionError`]). [`front`] is the service before it. What a product
//! adds is files such as `profile.rs`, which has no line about tokens.
//!
//! `docs/recipes/integrations.md` is the guide.

mod api;
mod connection;
mod connection_error;
mod connection_id;
mod connections;
mod front;
mod problem;
mod profile;
mod providers;
mod refresh_options;

pub use connection::{Connection, ConnectionState};
pub use connection_error::{Code, ConnectionError, Finer};
pub use connection_id::{BadId, ConnectionId};
pub use connections::Connections;
pub use front::front;
pub use providers::{BadProviders, Provider, Providers};
pub use refresh_options::{BadRefreshOptions, RefreshOptions};
