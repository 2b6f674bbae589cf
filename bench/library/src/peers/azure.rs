//! `azure_identity`: a client secret credential.

use std::hint::black_box;
use std::sync::Arc;

use azure_core::credentials::{AccessToken, Secret, TokenCredential};
use azure_core::http::headers::Headers;
use azure_core::http::{
    AsyncRawResponse, ClientOptions, HttpClient, Request, StatusCode, Transport,
};
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};
use http::HeaderValue;

use crate::contender::{Contender, bearer};
use crate::server::Server;

/// `ClientSecretCredential::get_token`.
pub(crate) struct Azure(Arc<ClientSecretCredential>);

impl Azure {
    async fn access_token(&self) -> Option<AccessToken> {
        let scopes = &["https://api.example/.default"];
        self.0.get_token(scopes, None).await.ok()
    }
}

impl Contender for Azure {
    const NAME: &'static str = "azure_identity 1.0.0 `get_token`";
    const FAKED: &'static str = "`HttpClient`";

    async fn new(server: Arc<Server>) -> Self {
        let transport = Transport::new(Arc::new(InProcess(server)));
        let client_options = ClientOptions { transport: Some(transport), ..Default::default() };
        let credential = ClientSecretCredential::new(
            "00000000-0000-0000-0000-000000000000",
            "cid".to_owned(),
            Secret::new("secret"),
            Some(ClientSecretCredentialOptions { client_options }),
        );
        let ready = Self(credential.expect("valid parameters"));
        ready.token().await;
        ready
    }

    async fn token(&self) {
        black_box(self.access_token().await.expect("the server answers"));
    }

    async fn try_header(&self) -> Option<HeaderValue> {
        Some(bearer(self.access_token().await?.token.secret()))
    }
}

#[derive(Debug)]
struct InProcess(Arc<Server>);

#[async_trait::async_trait]
impl HttpClient for InProcess {
    async fn execute_request(&self, _: &Request) -> azure_core::Result<AsyncRawResponse> {
        let (status, body) = match self.0.grant_json().await {
            Some(body) => (StatusCode::Ok, body),
            None => (StatusCode::ServiceUnavailable, String::new()),
        };
        Ok(AsyncRawResponse::from_bytes(status, Headers::new(), body))
    }
}
