//! Requests that wait for the network: durable, in order, each sent once (K12).
//!
//! - **Words**: [`QueuedRequest`], [`RequestMessage`], [`EntryId`], [`Progress`].
//! - **Decisions**: [`ready`] (may it be sent now), [`decide`] (what an outcome means to the line).
//! - **The contract**: [`OutboxStore`] and [`Sender`].
//!
//! # What *once* means
//!
//! A process may die, and a reply be lost, after the server has acted. Such a request is sent again
//! with the same `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header), and a server that
//! honours the header acts once. One that forgets keys after a while, as most do after a day, is not
//! asked again once that has passed: [`OutboxPolicy::key_lives`].
//!
//! # What *in order* means
//!
//! First in, first out for each credential ([`Key`](crate::Key)). A request that has to wait holds up
//! those behind it of the same credential, and no others.

mod decide;
mod entry;
mod error;
mod format;
mod limits;
mod policy;
mod store;

pub use decide::{Hurry, Next, Outcome, Ready, decide, ready};
pub use entry::{
    BadEntryId, EntryId, Mishap, NewRequest, Progress, QueuedRequest, RequestMessage, Setback,
    Summary, TokenTrouble, Wait,
};
pub use error::OutboxError;
pub use format::MAX_HEAD;
pub use limits::OutboxLimits;
pub use policy::OutboxPolicy;
pub use store::{Contents, OutboxStore, Sender};
