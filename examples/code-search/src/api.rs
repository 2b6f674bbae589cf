//! HTTP with the project's token on it.

use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use unlapse::reqwest::HttpSettings;
use unlapse::{Bearer, TokenSource};
use url::Url;

use crate::failure::Failure;

/// Largest reply that is read.
const LARGEST: usize = 1 << 20;

/// The server, to whoever has logged in.
pub(crate) struct Api {
    http: reqwest::Client,
    source: TokenSource,
    server: Url,
}

impl Api {
    pub(crate) fn new(server: Url, source: TokenSource) -> Result<Self, Failure> {
        let http = HttpSettings::default().build().map_err(std::io::Error::other)?;
        Ok(Self { http, source, server })
    }

    /// What is at `path`.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Failure> {
        let reply = self.ask(&Method::GET, path, query, Vec::new()).await?;
        serde_json::from_slice(&reply).map_err(|_| Failure::Unreadable)
    }

    /// Puts `body` there.
    pub(crate) async fn put(
        &self,
        path: &str,
        query: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<(), Failure> {
        self.ask(&Method::PUT, path, query, body).await.map(drop)
    }

    async fn ask(
        &self,
        method: &Method,
        path: &str,
        query: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Vec<u8>, Failure> {
        let mut url = self.server.join(path).map_err(std::io::Error::other)?;
        url.query_pairs_mut().extend_pairs(query);
        let send = |bearer: Bearer, body: Vec<u8>| {
            let request = self.http.request(method.clone(), url.clone()).body(body);
            request.header(http::header::AUTHORIZATION, bearer.into_header()).send()
        };
        let bearer = self.source.bearer().await?;
        let generation = bearer.generation();
        let mut response = send(bearer, body.clone()).await.map_err(|_| Failure::Away)?;
        if response.status() == StatusCode::UNAUTHORIZED {
            let next = self.source.reject(generation).await?;
            response = send(next, body).await.map_err(|_| Failure::Away)?;
        }
        match response.status() {
            status if status.is_success() => {}
            status if status.is_server_error() => return Err(Failure::Later(status.as_u16())),
            StatusCode::TOO_MANY_REQUESTS => return Err(Failure::Later(429)),
            status => return Err(Failure::Refused(status.as_u16())),
        }
        let mut reply = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|_| Failure::Away)? {
            if reply.len() + piece.len() > LARGEST {
                return Err(Failure::Unreadable);
            }
            reply.extend_from_slice(&piece);
        }
        Ok(reply)
    }
}
