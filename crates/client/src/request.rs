//! Requests to an API that carry their token by themselves: what tower's face and reqwest's share.
//!
//! `decide` says what comes after each try, purely; `Carrier` carries it out, over a [`Call`] that each
//! face has of its own.
//!
//! [`Call`]: call::Call

mod call;
mod carrier;
mod decide;
mod errand;
mod error;
mod lane;
mod origin;
mod policy;
mod refusal;
mod turn;

pub(crate) use {
    call::{Call, Ended, Fault},
    carrier::Carrier,
    errand::Errand,
};

pub use error::{BoxError, RequestError, WaitingFor};
pub use origin::{Origin, OriginError};
pub use policy::{RequestDeadline, RequestPolicy};
pub use refusal::Refusal;
