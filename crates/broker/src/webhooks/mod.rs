//! Webhooks: what happens to connections, told to whoever wants to know (Standard Webhooks 1.0).

mod address;
mod post;
mod retry;
mod signature;

pub use address::{BadTarget, is_public, target};
pub use post::{Message, Post};
pub use retry::{Delivered, Next, next};
pub use signature::{BadSigningSecret, SigningSecret};
