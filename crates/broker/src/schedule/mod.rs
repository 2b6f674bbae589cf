//! When a connection is renewed, and what its record says of it: decisions, all of them pure.

mod backoff;
mod due;
mod facts;
mod standing;

pub(crate) use backoff::backoff;
pub(crate) use due::due;
pub(crate) use facts::Facts;
pub(crate) use standing::failed;
