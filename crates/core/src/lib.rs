//! The words and decisions of Unlapse. No I/O, no clock, no randomness, no runtime: everything here
//! is a value or a pure function of its arguments, with a test per row.
//!
//! - **Words**: [`Key`], [`Record`], [`Token`], [`Grant`], [`Secret`], [`UnixTime`], [`Now`],
//!   [`Policy`], [`Reuse`].
//! - **Decisions**: [`assess`] (how fresh is a token), [`plan`](plan()) (what a renewal does next),
//!   [`classify`] (what an answer means), [`delay`](retry::delay) (when to ask again), [`Breaker`]
//!   (whether to ask at all).
//! - **Usage**: [`usage`], who used which token how often, and what is unusual about it.
//! - **The contract**: [`Store`] and [`Lease`].
//! - **Requests that wait for the network**: [`outbox`].
//! - **Errors**: [`Error`], with a code each.
//!
//! Rule ids such as R7 and C8 are explained in the project's `docs/rules.md`.

mod breaker;
pub mod duration;
mod error;
mod format;
mod freshness;
mod jwt;
mod key;
pub mod outbox;
mod plan;
mod policy;
mod record;
mod reply;
pub mod retry;
mod reuse;
mod secret;
mod security_event;
mod spent;
mod stale;
mod store;
mod time;
mod token;
pub mod usage;
mod without_store;

pub use breaker::{Admission, Breaker};
pub use error::{
    Cause, CustodyError, Damage, Error, Rejection, RuleBroken, SenderKeyProblem, StoreError,
};
pub use format::{FORMAT, MAX_RECORD};
pub use freshness::{Freshness, assess, spread};
pub use jwt::JwtLook;
pub use key::Key;
pub use plan::{Demand, Plan, Row, Rungs, Situation, Spend, Stop, decide, plan};
pub use policy::{BreakerPolicy, Policy, Rules};
pub use record::{Credentials, Failure, Intent, LoginReason, Record, State};
pub use reply::{Answer, Body, Door, ErrorCode, Reply, Verdict, classify};
pub use retry::Dice;
pub use reuse::{Reuse, UnknownReuse};
pub use secret::Secret;
pub use security_event::{Reaction, SecurityEvent};
pub use store::{BoxFuture, Holder, Lease, Place, Store, Stored};
pub use time::{BootTime, Now, UnixTime};
pub use token::{Grant, Token};
pub use without_store::WithoutStore;
