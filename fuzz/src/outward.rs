//! The hosts that the broker's configuration allows: all that it has of the broker, whose own crate
//! would bring databases and servers along.

#[path = "../../crates/broker/src/outward/private_hosts.rs"]
#[allow(dead_code, reason = "the broker uses what is not used here")]
mod private_hosts;
#[path = "../../crates/broker/src/outward/public.rs"]
mod public;

pub use private_hosts::{BadPrivateHost, NotPublic, PrivateHosts};
