//! Other people's logins, kept for years: the broker of `unlapse serve`.
//!
//! It keeps connections of many users to many providers encrypted in SQLite or PostgreSQL, renews
//! them ahead of time by the renewal transaction of [`unlapse`], hands out valid access tokens, and
//! never loses a connection to a failed renewal.
//!
//! # Its words
//!
//! A [`Tenant`] is a product; an [`App`] is what it has registered at a provider of the catalogue; a
//! connection is the login of one of its users there, and has a [`ConnectionId`]. An [`Actor`] is whoever
//! asks for something: a caller with an API key or a JWT, somebody at the dashboard, or an operator.
//!
//! # What there is
//!
//! - [`Broker`] is all of it: what may be asked is a method there. [`Broker::run`] is a node's own work.
//! - [`http`] is the API over it, [`dashboard`] the pages, [`webhooks`] what others are told.
//! - [`Tables`] is what it keeps beside the records, of which `unlapse_store::sql` has the care.
//! - [`Problem`] is what it says when something cannot be done, by a stable [`Code`].
//!
//! # A node
//!
//! Any number of them over one PostgreSQL are one broker.
//!
//! ```no_run
//! use std::net::SocketAddr;
//! use std::path::Path;
//!
//! use unlapse_broker::dashboard::{self, DashboardOptions};
//! use unlapse_broker::http::{self, ApiOptions};
//! use unlapse_broker::{Broker, MasterKeys, Settings};
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let master = MasterKeys::file_or_new(Path::new("master.key"))?;
//! let broker = Broker::open(Settings::new("broker.db", master)).await?;
//!
//! let public_url = "https://broker.example".parse()?;
//! let look = DashboardOptions::new(&public_url);
//! let options = ApiOptions::new(public_url);
//! let look = look.strangers(&options.strangers).places(&options.places);
//! let pages = dashboard::router(broker.clone(), &look);
//! let routes = http::router(broker.clone(), options).merge(pages);
//! let service = routes.into_make_service_with_connect_info::<SocketAddr>();
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8480").await?;
//! let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
//! let work = tokio::spawn(async move {
//!     broker.run(async { drop(stopped.await) }).await;
//! });
//! axum::serve(listener, service).await?;
//! drop(stop);
//! work.await?;
//! # Ok(())
//! # }
//! ```

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
mod gate;
mod guesses;
pub mod http;
mod import;
mod millis;
mod name;
mod node;
mod outward;
mod peer;
mod places;
mod problem;
mod random;
mod redirect_uri;
mod schedule;
mod scope;
mod seal;
mod sent_secret;
mod sent_tokens;
mod strangers;
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
pub use outward::{BadPrivateHost, NotPublic, PrivateHosts};
pub use places::Places;
pub use problem::Problem;
pub use redirect_uri::redirect_uri;
pub use seal::{
    BadMasterKeys, Envelope, KeyCommand, KeysAway, MasterKeys, Purpose, Rotation, RotationWaits,
};
pub use strangers::Strangers;
pub use tables::{
    ApiKey, Attempt, Audit, AuditFilter, Circuit, Connect, Counted, Delivery, DeliveryState, Event,
    EventKind, Fault, ImportProgress, NewAudit, NewConnection, NewEvent, Retention, Tables, Tried,
    Usage, Used, Versions, Webhook,
};
pub use tenant::{Speed, Tenant};
pub use verb::{UnknownVerb, Verb, Verbs};
