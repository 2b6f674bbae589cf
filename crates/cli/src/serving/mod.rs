//! A server of ours: connections in, answers out, over TCP or TLS, until it is time to stop.

mod proxies;
mod serve;
mod tls;

pub(crate) use proxies::{behind, proxies};
pub(crate) use serve::{Bounds, serve};
pub(crate) use tls::acceptor;
