//! Providers as data: the built-in catalogue, what is no catalogue, and the interpreter.
#![cfg(feature = "providers")]
#![allow(clippy::unwrap_used, reason = "tests may")]
#![allow(missing_docs, reason = "the names of the tests say what they prove")]

mod authorize;
mod catalogue;
mod device;
mod docs;
mod hostile;
mod issuer;
mod properties;
