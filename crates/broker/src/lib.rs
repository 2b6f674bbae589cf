//! Other people's logins, kept for years: the broker of `unlapse serve`.
//!
//! It keeps connections of many users to many providers encrypted in SQLite or PostgreSQL, renews
//! them ahead of time by the renewal transaction of [`unlapse`], hands out valid access tokens, and
//! never loses a connection to a failed renewal.

mod app;
mod app_exchange;
mod broker;
mod circuits;
mod clock;
mod code;
mod connection;
mod connection_id;
mod cursor;
pub mod dashboard;
mod directory;
pub mod http;
mod import;
mod millis;
mod name;
mod node;
mod peer;
mod problem;
mod random;
mod schedule;
mod seal;
mod sent_secret;
mod tables;
mod tenant;
mod timestamp;
mod told;
mod verb;
pub mod webhooks;

pub use app::App;
pub use broker::{
    Actor, BadStart, Broker, Brought, Callback, Connected, Filter, HandedOut, Health, Page,
    Retries, Settings, TokenWanted, Wanted,
};
pub use circuits::Circuits;
pub use code::Code;
pub use connection::{Connection, Failing, State};
pub use connection_id::{BadConnectionId, ConnectionId};
pub use directory::{Directory, Registered};
pub use import::{Export, ExportPage, Import};
pub use name::{BadName, Name};
pub use problem::Problem;
pub use seal::{
    BadMasterKeys, Envelope, KeyCommand, KeysAway, MasterKeys, Purpose, Rotation, RotationWaits,
};
pub use tables::{
    ApiKey, Attempt, Audit, AuditFilter, Circuit, Connect, Counted, Delivery, DeliveryState, Event,
    EventKind, Fault, ImportProgress, NewAudit, NewConnection, NewEvent, Retention, Tables, Tried,
    Usage, Used, Versions, Webhook,
};
pub use tenant::{Speed, Tenant};
pub use verb::{UnknownVerb, Verb, Verbs};
