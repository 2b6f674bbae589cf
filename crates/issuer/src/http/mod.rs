//! The endpoints, one file each. Each reads a request, asks the [`Issuer`], and writes the reply;
//! nothing is decided here.

mod bearer;
mod body;
mod client_auth;
mod denylist;
#[cfg(feature = "pages")]
mod device_authorization;
mod dpop;
mod form;
mod grants;
mod healthz;
mod introspect;
mod jwks;
mod login;
mod metadata;
mod metrics;
#[cfg(feature = "pages")]
mod pages;
mod peer;
mod refresh;
mod reply;
mod revoke;
mod sessions;
mod token;
#[cfg(feature = "pages")]
mod userinfo;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{delete, get, post};

use self::reply::Door;
use crate::issuer::Issuer;

impl Issuer {
    /// The endpoints as an `axum` service, under the path of the issuer's URL:
    ///
    /// | | |
    /// | --- | --- |
    /// | `POST /token` | RFC 6749 §3.2: `refresh_token`, `client_credentials`, `password`; RFC 8693; RFC 7523 §2.1 |
    /// | `POST /api/auth/login`, `POST /api/auth/refresh` | the JSON pair for simple clients |
    /// | `/authorize`, `POST /login`, `POST /consent` | RFC 6749 §3.1 with PKCE, OpenID Connect; feature `pages` |
    /// | `POST /device_authorization`, `/device` | RFC 8628; feature `pages` |
    /// | `/userinfo` | OpenID Connect Core §5.3; feature `pages` |
    /// | `/sessions`, `DELETE /sessions/{id}`, `/logout` | people end their own sessions; the pages: feature `pages` |
    /// | `POST /revoke` | RFC 7009 |
    /// | `POST /introspect` | RFC 7662 |
    /// | `GET /jwks` | RFC 7517 |
    /// | `GET /denylist` | what was revoked, for verifiers that do not share the store |
    /// | `GET /.well-known/oauth-authorization-server`, `GET /.well-known/openid-configuration` | RFC 8414 |
    /// | `GET /healthz` | whether the sessions can be reached |
    /// | `GET /metrics` | for Prometheus, where [configured](crate::IssuerBuilder::metrics) |
    ///
    /// Listening, TLS and the time a request may take are the caller's business. Limits by address
    /// need the address: serve it by `into_make_service_with_connect_info::<SocketAddr>()`.
    pub fn router(&self) -> Router {
        let path = self.path();
        let at = |endpoint: &str| format!("{path}{endpoint}");
        let mut router = Router::new()
            .route(&at("/token"), post(token::token))
            .route(&at("/api/auth/login"), post(login::login))
            .route(&at("/api/auth/refresh"), post(refresh::refresh))
            .route(&at("/revoke"), post(revoke::revoke))
            .route(&at("/introspect"), post(introspect::introspect))
            .route(&at("/sessions"), get(sessions::listed).delete(sessions::others_ended))
            .route(&at("/sessions/{id}"), delete(sessions::ended))
            .route(&at("/jwks"), get(jwks::jwks))
            .route(&at("/denylist"), get(denylist::denylist))
            .route(&at("/healthz"), get(healthz::healthz))
            .route(&at(metadata::OPENID), get(metadata::openid))
            .route(&at(metadata::OAUTH), get(metadata::oauth));
        #[cfg(feature = "pages")]
        {
            router = pages::add(router, path)
                .route(&at("/device_authorization"), post(device_authorization::begin))
                .route(&at("/userinfo"), get(userinfo::userinfo).post(userinfo::userinfo));
        }
        if !path.is_empty() {
            // RFC 8414 §3.1 puts the issuer's path behind the well-known one.
            router = router.route(&format!("{}{path}", metadata::OAUTH), get(metadata::oauth));
        }
        if self.has_metrics() {
            let measure = middleware::from_fn_with_state(self.clone(), metrics::measure);
            router = router.route(&at("/metrics"), get(metrics::metrics)).layer(measure);
        }
        router.layer(middleware::from_fn_with_state(self.clone(), around)).with_state(self.clone())
    }
}

/// Counts every request, and lets through what does not come too often; and no reply is kept by a
/// cache that does not say itself that it may be (RFC 6749 §5.1).
async fn around(State(issuer): State<Issuer>, mut request: Request, next: Next) -> Response {
    issuer.count_request();
    let speaks_dpop = dpop::is_spoken(request.headers());
    let mut response = match peer::admit(&issuer, &mut request) {
        Ok(()) => next.run(request).await,
        Err(denied) => reply::refused(denied, Door::OAuth),
    };
    if speaks_dpop {
        dpop::tell_nonce(&issuer, &mut response);
    }
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(no_store);
    response
}
