//! HTTP to Acme.

use http::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use unlapse::reqwest::HttpSettings;
use unlapse::{Bearer, TokenSource};
use unlapse_oauth::Endpoint;

use crate::error::AcmeError;

/// Largest reply that is read.
const LARGEST: usize = 1 << 20;

/// Requests with the token of one login.
#[derive(Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    source: TokenSource,
    base: Endpoint,
}

impl Api {
    pub(crate) fn new(base: Endpoint, source: TokenSource) -> Result<Self, AcmeError> {
        let http = HttpSettings::default().build().map_err(std::io::Error::other)?;
        Ok(Self { http, source, base })
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
        let send = |bearer: Bearer| {
            let mut request = self.http.request(method.clone(), url.clone());
            if let Some(body) = body.clone() {
                request = request.header(http::header::CONTENT_TYPE, "application/json").body(body);
            }
            request.header(http::header::AUTHORIZATION, bearer.into_header()).send()
        };
        let bearer = self.source.bearer().await?;
        let generation = bearer.generation();
        let mut response = send(bearer).await.map_err(|_| AcmeError::Away)?;
        if response.status() == StatusCode::UNAUTHORIZED {
            let next = self.source.reject(generation).await?;
            response = send(next).await.map_err(|_| AcmeError::Away)?;
        }
        match response.status() {
            status if status.is_success() => {}
            status if status.is_server_error() => return Err(AcmeError::Busy(status.as_u16())),
            StatusCode::TOO_MANY_REQUESTS => return Err(AcmeError::Busy(429)),
            status => return Err(AcmeError::Refused(status.as_u16())),
        }
        let mut reply = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|_| AcmeError::Away)? {
            if reply.len() + piece.len() > LARGEST {
                return Err(AcmeError::Unreadable);
            }
            reply.extend_from_slice(&piece);
        }
        serde_json::from_slice(&reply).map_err(|_| AcmeError::Unreadable)
    }
}
