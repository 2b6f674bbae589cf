//! Requests to hosts that a tenant has named: none may reach what only the broker can (OWASP: server-side
//! request forgery).
//!
//! A host is judged twice: as it is written, and each time that a connection is made to it, by the
//! addresses that its name has then. The connection goes to an address that was judged, so that a name
//! which means something else a moment later leads nowhere.

mod judged_http;
mod lookup;
mod private_hosts;
mod public;

pub(crate) use judged_http::JudgedHttp;
pub(crate) use lookup::Lookup;
pub use private_hosts::{BadPrivateHost, NotPublic, PrivateHosts};
