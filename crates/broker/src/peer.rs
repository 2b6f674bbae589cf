//! Where a request comes from.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;

/// The address that a request comes from, where the server knows it.
pub(crate) fn peer(request: &Parts) -> Option<IpAddr> {
    let connected = request.extensions.get::<ConnectInfo<SocketAddr>>();
    connected.map(|ConnectInfo(address)| address.ip())
}
