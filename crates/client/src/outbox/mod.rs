//! Requests that are sent when the network is back (K12).
//!
//! [`Outbox::push`] keeps a request, durably; [`Outbox::flush`] sends what can be sent;
//! [`Outbox::run`] does so by itself for as long as the process lives. Each request is sent once:
//! whatever dies or is lost meanwhile, it is sent again under the same `Idempotency-Key`, and a server
//! that honours the header acts once. First in, first out for each credential.
//!
//! The token is put on when the request is sent: none is kept with it, and one that has ended
//! meanwhile is in nobody's way. A login that has ended makes its line wait; nothing is lost.
//!
//! ```
//! # use std::sync::Arc;
//! # use bytes::Bytes;
//! # use unlapse::{Http, Key, Outbox, TokenSource};
//! # use unlapse::outbox::{OutboxError, OutboxStore};
//! # async fn example(
//! #     store: Arc<dyn OutboxStore>, http: Arc<dyn Http>, source: TokenSource,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! let outbox = Outbox::new(store, http, source);   // an `unlapse_store::FileOutbox`, say
//!
//! let request = http::Request::post("https://api.example/orders").body(Bytes::from("{}"))?;
//! let queued = outbox.push(&Key::new("acme"), request).await?;
//!
//! let flushed = outbox.flush().await?;
//! println!("{}: {} sent, {} left", queued.id, flushed.sent, flushed.left);
//! # Ok(())
//! # }
//! ```

mod attempt;
mod builder;
mod event;
mod flush;
mod line;
mod message;
mod run;
mod together;

pub use builder::{Outbox, OutboxBuilder};
pub use event::{OutboxEvent, OutboxObserver};
pub use flush::{Flushed, Sending};
pub use unlapse_core::outbox::{
    Contents, EntryId, Mishap, OutboxError, OutboxLimits, OutboxPolicy, OutboxStore, Progress,
    Setback, Summary, TokenTrouble, Wait,
};
