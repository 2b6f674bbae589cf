//! HTTP to the providers, for a user.

use std::sync::Arc;

use reqwest_middleware::ClientBuilder;
use serde_json::Value;
use unlapse::reqwest::Authorize;
use unlapse::{Breakers, MemoryBreakers, Origin, RequestError};
use unlapse_core::Now;

use crate::connection_error::{Asked, ConnectionError};
use crate::connection_id::ConnectionId;
use crate::connections::Connections;

/// Largest reply that is read.
const LARGEST: usize = 1 << 20;

/// Requests to the API of a connection's provider.
#[derive(Clone)]
pub(crate) struct Api {
    connections: Connections,
    /// One for each provider's API, whoever's token goes there.
    breakers: Arc<dyn Breakers>,
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// There is no token.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The API takes nothing now, or refuses a token that was just renewed.
    #[error(transparent)]
    Request(RequestError),
    /// The API could not be reached, or broke off.
    #[error("the provider's API cannot be reached")]
    Away,
    /// The API answered something else than a success.
    #[error("the provider's API answered {0}")]
    Status(u16),
    /// What came back is no JSON, or too much of it.
    #[error("the provider's reply cannot be read")]
    Unreadable,
}

impl Api {
    pub(crate) fn new(connections: Connections) -> Self {
        Self { connections, breakers: Arc::new(MemoryBreakers::default()) }
    }

    /// What is at `path` for the account of this connection.
    pub(crate) async fn get(&self, id: &ConnectionId, path: &str) -> Result<Value, ApiError> {
        let started = self.connections.now();
        let source = self.connections.source(id, started).await?;
        let provider = self.connections.provider(id).ok_or(ApiError::Unreadable)?;
        let url = provider.api.join_path(path).map_err(|_| ApiError::Unreadable)?;
        let origin = Origin::of(url.uri()).map_err(|_| ApiError::Unreadable)?;
        let authorize = Authorize::new(source).only_to([origin]).breakers(self.breakers.clone());
        let http = ClientBuilder::new(provider.http.clone()).with(authorize).build();
        let sent = http.get(url.url().clone()).send().await;
        let mut response = sent.map_err(|error| self.failed(id, error, started))?;
        if !response.status().is_success() {
            return Err(ApiError::Status(response.status().as_u16()));
        }
        let mut reply = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|_| ApiError::Away)? {
            if reply.len() + piece.len() > LARGEST {
                return Err(ApiError::Unreadable);
            }
            reply.extend_from_slice(&piece);
        }
        serde_json::from_slice(&reply).map_err(|_| ApiError::Unreadable)
    }

    fn failed(
        &self,
        id: &ConnectionId,
        error: reqwest_middleware::Error,
        started: Now,
    ) -> ApiError {
        let reqwest_middleware::Error::Middleware(error) = error else { return ApiError::Away };
        match error.downcast() {
            Ok(RequestError::Token(error)) => {
                self.connections.failed(Asked::AccessToken, id, error, 1, started).into()
            }
            // What is repeated here may be: it is away, whether or not it saw an earlier try.
            Ok(RequestError::InDoubt { last, .. }) if last.is_network() => ApiError::Away,
            Ok(error) => ApiError::Request(error),
            Err(_) => ApiError::Away,
        }
    }
}
