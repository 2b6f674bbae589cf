//! HTTP to Acme.

use http::{Method, StatusCode};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use serde::Serialize;
use serde::de::DeserializeOwned;
use unlapse::reqwest::{Authorize, HttpSettings};
use unlapse::{Origin, RequestPolicy, TokenSource};
use unlapse_oauth::Endpoint;

use crate::error::AcmeError;

/// Largest reply that is read.
const LARGEST: usize = 1 << 20;

/// Acme, to whoever has logged in.
#[derive(Clone)]
pub(crate) struct Api {
    http: ClientWithMiddleware,
    base: Endpoint,
}

impl Api {
    pub(crate) fn new(
        base: Endpoint,
        source: TokenSource,
        policy: RequestPolicy,
    ) -> Result<Self, AcmeError> {
        let acme = Origin::of(base.uri()).map_err(std::io::Error::other)?;
        let authorize = Authorize::new(source).only_to([acme]).policy(policy);
        let http = HttpSettings::default().build_for(base.uri()).map_err(std::io::Error::other)?;
        Ok(Self { http: ClientBuilder::new(http).with(authorize).build(), base })
    }

    /// What is at `path`.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, AcmeError> {
        self.ask(Method::GET, path, None).await
    }

    /// What comes of posting `body` there.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, AcmeError> {
        let body = serde_json::to_vec(body).map_err(std::io::Error::other)?;
        self.ask(Method::POST, path, Some(body)).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<T, AcmeError> {
        let url = self.base.join_path(path).map_err(std::io::Error::other)?.url().clone();
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.header(http::header::CONTENT_TYPE, "application/json").body(body);
        }
        let mut response = request.send().await?;
        match response.status() {
            status if status.is_success() => {}
            status if status.is_server_error() => return Err(AcmeError::Busy(status.as_u16())),
            StatusCode::TOO_MANY_REQUESTS => return Err(AcmeError::Busy(429)),
            status => return Err(AcmeError::Refused(status.as_u16())),
        }
        let mut reply = Vec::new();
        while let Some(piece) = response.chunk().await? {
            if reply.len() + piece.len() > LARGEST {
                return Err(AcmeError::Unreadable);
            }
            reply.extend_from_slice(&piece);
        }
        serde_json::from_slice(&reply).map_err(|_| AcmeError::Unreadable)
    }
}
