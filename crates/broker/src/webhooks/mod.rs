//! Webhooks: what happens to connections, told to whoever wants to know (Standard Webhooks 1.0).

mod message;
mod post;
mod retry;
mod room;
mod sender;
mod signature;
mod target;

pub use message::Message;
pub(crate) use message::Told;
pub use post::Post;
pub use retry::{Delivered, Next, next};
pub use sender::run;
pub use signature::{BadSigningSecret, SigningSecret};
pub use target::{BadTarget, target};
