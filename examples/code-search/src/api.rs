//! The server's HTTP API. Whoever made the client has seen to the tokens.

use http::{Method, StatusCode};
use reqwest_middleware::ClientWithMiddleware;
use serde::de::DeserializeOwned;
use url::Url;

use crate::failure::Failure;

/// Largest reply that is read.
const LARGEST: usize = 1 << 20;

/// The server, to whoever has logged in.
pub(crate) struct Api {
    http: ClientWithMiddleware,
    server: Url,
}

impl Api {
    pub(crate) fn new(http: ClientWithMiddleware, server: Url) -> Self {
        Self { http, server }
    }

    /// What is at `path`.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Failure> {
        let reply = self.ask(Method::GET, path, query, Vec::new()).await?;
        serde_json::from_slice(&reply).map_err(|_| Failure::Unreadable)
    }

    /// Puts `body` there.
    pub(crate) async fn put(
        &self,
        path: &str,
        query: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<(), Failure> {
        self.ask(Method::PUT, path, query, body).await.map(drop)
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Vec<u8>, Failure> {
        let mut url = self.server.join(path).map_err(std::io::Error::other)?;
        url.query_pairs_mut().extend_pairs(query);
        let mut response = self.http.request(method, url).body(body).send().await?;
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
        Ok(reply)
    }
}
