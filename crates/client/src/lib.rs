//! Tokens that never lapse: one durable, cancel-safe renewal across tasks, processes and hosts.
//!
//! - **Get a token**: [`TokenSource`], put together by [`Builder`].
//! - **Of many keys**: [`Sources`], with one keeper and one HTTP client for all of them.
//! - **Requests that carry it by themselves**: the features `tower` and `reqwest-middleware`, or
//!   [`TokenSource::authorize`] for one at a time.
//! - **What it is made of**: a [`Store`](unlapse_core::Store) where records rest, an [`Exchange`]
//!   with a server, a [`Clock`], a [`Spawn`]. Each can be replaced; the renewal stays.
//! - **Tokens bound to a key** (RFC 9449): [`dpop`].
//! - **Requests that wait for the network**: [`Outbox`].
//! - **Settings from the environment**: [`Environment`], [`Persistence`].
//! - **What happens**: [`Event`], told to an [`Observer`] and to every [`Subscription`], and logged
//!   with `tracing` in the span of its renewal.
//! - **What can go wrong**: [`Error`], with a stable code each.
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
pub mod outbox;
mod persistence;
mod proving;
mod published;
mod queue;
mod renew;
mod report;
#[cfg(any(feature = "tower", feature = "reqwest-middleware"))]
mod request;
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
pub use effects::{
    Breakers, Clock, Exchange, MemoryBreakers, Prover, Request, Revoked, Spawn, ToProve,
};
pub use environment::{Environment, EnvironmentError};
pub use events::{Event, Observer, Outcome};
pub use feed::{Happening, Subscription};
pub use http::{Http, HttpReply, NoReply};
pub use info::{Info, Source};
pub use login::{LoggedIn, Login};
pub use outbox::Outbox;
pub use persistence::Persistence;
#[cfg(any(feature = "tower", feature = "reqwest-middleware"))]
pub use request::{
    BoxError, Origin, OriginError, Refusal, RequestDeadline, RequestError, RequestPolicy,
    WaitingFor,
};
pub use server::{AuthMethod, Endpoints, LoginRung, Server, ServerExchange};
pub use source::{AccessToken, Bearer, TokenSource};
pub use sources::{Sources, SourcesBuilder, Unfinished};
pub use sweep::{spent, sweep};
pub use unlapse_core::{Error, Key, Policy, Reaction, Secret, SecurityEvent};
