//! The server's HTTP API. Whoever made the client has seen to the tokens.

use http::{Method, StatusCode, header};
use reqwest_middleware::ClientWithMiddleware;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::failure::Failure;

/// Largest reply that is read.
const LARGEST: usize = 1 << 20;

/// The server, to whoever may do one kind of thing there.
pub(crate) struct Api {
    http: ClientWithMiddleware,
    server: Url,
}

impl Api {
    pub(crate) fn new(http: ClientWithMiddleware, server: Url) -> Self {
        Self { http, server }
    }

    /// What is at `path`.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.ask(Method::GET, path, Vec::new()).await
    }

    /// What comes back for `body`, as JSON.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(body).map_err(std::io::Error::other)?;
        self.ask(Method::POST, path, body).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<T, Failure> {
        let url = self.server.join(path).map_err(std::io::Error::other)?;
        let request = self.http.request(method, url).body(body);
        let mut response = request.header(header::CONTENT_TYPE, "application/json").send().await?;
        match response.status() {
            status if status.is_success() => {}
            status if status.is_server_error() => return Err(Failure::Later(status.as_u16())),
            StatusCode::TOO_MANY_REQUESTS => return Err(Failure::Later(429)),
            status => return Err(Failure::Refused(status.as_u16())),
        }
        let mut reply = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|_| Failure::Lost)? {
            if reply.len() + piece.len() > LARGEST {
                return Err(Failure::Unreadable);
            }
            reply.extend_from_slice(&piece);
        }
        serde_json::from_slice(&reply).map_err(|_| Failure::Unreadable)
    }
}
