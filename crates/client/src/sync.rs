//! What threads meet at: every lock, flag and signal of this crate that decides an order comes from
//! here, so that `cargo xtask threads` can put a scheduler of its own under the unchanged code.
//!
//! What decides no order stays what it is elsewhere: the subscribers of events, and locks under which
//! nothing happens: the dice of a renewal, the breakers of one process, and what is known of the
//! origins that requests go to.

#[cfg(unlapse_shuttle)]
mod explored;

#[cfg(unlapse_shuttle)]
pub(crate) use explored::{
    ArcSwapOption, AsyncMutex, AtomicBool, BriefMutex, Mutex, Notify, watch,
};

#[cfg(not(unlapse_shuttle))]
pub(crate) use arc_swap::ArcSwapOption;
#[cfg(not(unlapse_shuttle))]
pub(crate) use std::sync::{Mutex, Mutex as BriefMutex, atomic::AtomicBool};
#[cfg(not(unlapse_shuttle))]
pub(crate) use tokio::sync::{Mutex as AsyncMutex, Notify, watch};
