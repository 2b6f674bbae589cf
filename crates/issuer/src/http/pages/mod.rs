//! What people meet in a browser. Plain HTML: no script, readable on a phone, usable by keyboard
//! and by screen readers; every text of others is escaped by its template.

mod authorization_request;
mod authorize;
mod browser;
mod consent;
mod device;
mod login;
mod page;
mod reply_to;
pub(super) mod sessions;

use axum::Router;
use axum::routing::{get, post};

use crate::issuer::Issuer;

/// Adds the pages under `path`.
pub(super) fn add(router: Router<Issuer>, path: &str) -> Router<Issuer> {
    let at = |endpoint: &str| format!("{path}{endpoint}");
    router
        .route(&at("/authorize"), get(authorize::asked).post(authorize::posted))
        .route(&at("/consent"), post(consent::submitted))
        .route(&at("/device"), get(device::asked).post(device::submitted))
        .route(&at("/login"), post(login::submitted))
        .route(&at("/logout"), get(sessions::logout).post(sessions::logged_out))
        .route(&at("/sessions"), post(sessions::ended))
}
