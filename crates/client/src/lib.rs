//! Tokens that never lapse: one durable, cancel-safe renewal across tasks, processes and hosts.
//!
//! ```no_run
//! # #[cfg(feature = "reqwest-middleware")]
//! # async fn program() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use unlapse::reqwest::HttpSettings;
//! use unlapse::{Builder, Endpoints, Key, Server, ServerExchange};
//! use unlapse_store::custody::KeyFile;
//! use unlapse_store::{FileStore, Layout};
//!
//! // Who we are, to whom, and where the token rests: sealed, and shared with every process that says so.
//! let issuer = Some("https://login.example".parse()?);
//! let server = Server::public("my-client", Endpoints { issuer, ..Endpoints::default() });
//! let layout = Layout::Directory(".tokens".into());
//! let store = FileStore::new(layout, "my-project", Arc::new(KeyFile::new("tokens.key")));
//!
//! let exchange = Arc::new(ServerExchange::of(server));
//! let source = Builder::new(Key::new("example"), Arc::new(store), exchange).build().await;
//! let api = unlapse::reqwest::client(source.clone(), &HttpSettings::default())?;
//! let orders = api.get("https://api.example/orders").send().await?; // no line about tokens
//!
//! source.settle().await?; // before the process ends
//! # Ok(())
//! # }
//! ```
//!
//! # Where to look
//!
//! | to … | see |
//! | --- | --- |
//! | get a token, log in, log out | [`TokenSource`], put together by [`Builder`] |
//! | keep many keys alive: scopes, accounts, tenants | [`Sources`] |
//! | have requests carry their token | features `reqwest-middleware` and `tower`; [`TokenSource::authorize`] for one at a time |
//! | say who the server is and how to log in | [`Server`], spoken to by [`ServerExchange`] |
//! | speak to a provider that has ways of its own | `ProviderExchange`, of the feature `providers` |
//! | say where records rest | a [`Store`]: `unlapse-store` has sealed files |
//! | set what is a matter of choice | [`Policy`], [`Environment`], [`Persistence`] |
//! | send requests that wait for the network | [`Outbox`] |
//! | bind tokens to a key (RFC 9449) | [`dpop`] |
//! | see what happens | [`Event`], told to an [`Observer`] and to every [`Subscription`], and logged with `tracing`; feature `metrics` |
//! | act on a security event | [`TokenSource::report`], [`SecurityEvent`] |
//! | know what went wrong | [`Error`]: `code()`, `is_retryable()`, `needs_login()`, `retry_at()` |
//! | replace an effect, as a test does | [`Exchange`], [`Http`], [`Clock`], [`Spawn`], [`Breakers`] |
//!
//! Words that come from beneath are in [`unlapse_core`] and [`unlapse_oauth`], which are here, too.
//!
//! # Features
//!
//! | feature | brings | by default |
//! | --- | --- | --- |
//! | `tokio` | clock and tasks of tokio | yes |
//! | `reqwest` | HTTP to the token endpoint | yes |
//! | `reqwest-middleware` | a ready client, and a middleware for your own | no |
//! | `tower` | a layer for hyper, tonic and whatever speaks `http` | no |
//! | `dpop` | proofs of possession | no |
//! | `providers` | the catalogue of providers, and the exchange with one; with `dpop`, apps that prove themselves with a key | no |
//! | `metrics` | counters and histograms for the recorder that the program installs | no |
//!
//! # Why another client library
//!
//! A server that rotates refresh tokens revokes the whole login when one is used twice. Two
//! processes that refresh at once, a caller that is cancelled, a full disk, a lost reply: each is a
//! logout. Here a renewal is a transaction: under an exclusive lease, with the record read again, an
//! intent written before the refresh token leaves and the answer durable before anyone is told.

mod agenda;
mod authorize;
mod builder;
mod chore;
mod current;
pub mod dpop;
mod effects;
mod effort;
mod environment;
mod events;
mod feed;
mod flight;
mod hold;
mod http;
mod info;
mod keeper;
mod login;
mod look;
mod mark;
mod memory_breakers;
mod one_hold;
pub mod outbox;
mod persistence;
#[cfg(any(feature = "reqwest", feature = "tower"))]
mod places;
#[cfg(feature = "providers")]
mod provider_exchange;
mod proving;
mod publish;
mod published;
mod queue;
mod renew;
mod report;
#[cfg(any(feature = "tower", feature = "reqwest-middleware"))]
mod request;
mod rest;
mod served;
mod server;
mod shared;
mod source;
mod sources;
mod stale;
mod sweep;
mod sync;
mod trace;
mod verdict;
mod world;

#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "reqwest")]
pub mod reqwest;
#[cfg(feature = "tokio")]
pub mod tokio;
#[cfg(feature = "tower")]
pub mod tower;

pub use authorize::Authorized;
pub use builder::Builder;
pub use effects::{Breakers, Clock, Exchange, Prover, Request, Revoked, Spawn, ToProve};
pub use environment::{Environment, EnvironmentError};
pub use events::{Event, Observer, Outcome};
pub use feed::{Happening, Subscription};
pub use http::{Http, HttpHead, HttpReply, NoReply};
pub use info::{Info, Source};
pub use login::{LoggedIn, Login};
pub use memory_breakers::MemoryBreakers;
pub use outbox::Outbox;
pub use persistence::Persistence;
#[cfg(any(feature = "tower", feature = "reqwest-middleware"))]
pub use places::Places;
#[cfg(all(feature = "providers", feature = "dpop"))]
pub use provider_exchange::KeySigner;
#[cfg(feature = "providers")]
pub use provider_exchange::{CodeError, ProviderClient, ProviderExchange};
#[cfg(any(feature = "tower", feature = "reqwest-middleware"))]
pub use request::{
    BoxError, Origin, OriginError, Refusal, RequestDeadline, RequestError, RequestPolicy,
    WaitingFor,
};
pub use server::{AuthMethod, Endpoints, LoginRung, Server, ServerExchange};
pub use source::{AccessToken, Bearer, TokenSource};
pub use sources::{Renewal, Sources, SourcesBuilder, Unfinished};
pub use sweep::{spent, sweep};
pub use unlapse_core::{
    Credentials, Error, Key, Policy, Reaction, Reuse, Secret, SecurityEvent, Store, StoreError,
    UnixTime,
};
pub use unlapse_oauth::Endpoint;
pub use {unlapse_core, unlapse_oauth};
