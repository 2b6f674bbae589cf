//! `azure_identity`: one credential, whose cache has a token for each scope.

use std::sync::Arc;

use azure_core::credentials::{Secret, TokenCredential};
use azure_core::http::headers::Headers;
use azure_core::http::{
    AsyncRawResponse, Body, ClientOptions, HttpClient, Request, StatusCode, Transport,
};
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};

use super::{Keyed, serve};

pub(super) struct Azure(Arc<ClientSecretCredential>);

impl Keyed for Azure {
    const NAME: &'static str = "azure_identity 1.0.0 `get_token`";

    async fn new() -> Self {
        let transport = Transport::new(Arc::new(InProcess));
        let client_options = ClientOptions { transport: Some(transport), ..Default::default() };
        let credential = ClientSecretCredential::new(
            "00000000-0000-0000-0000-000000000000",
            "cid".to_owned(),
            Secret::new("secret"),
            Some(ClientSecretCredentialOptions { client_options }),
        );
        Self(credential.expect("valid parameters"))
    }

    async fn ask(&self, key: usize) -> bool {
        self.0.get_token(&[&format!("key-{key}.")], None).await.is_ok()
    }
}

#[derive(Debug)]
struct InProcess;

#[async_trait::async_trait]
impl HttpClient for InProcess {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let Body::Bytes(form) = request.body() else { panic!("a form is bytes") };
        let form = String::from_utf8_lossy(form);
        let key = form.split_once("key-").and_then(|(_, rest)| rest.split_once('.'));
        let key = key.and_then(|(key, _)| key.parse().ok()).expect("the scope names the key");
        let body = format!(
            r#"{{"access_token":"{}","token_type":"Bearer","expires_in":3600,"ext_expires_in":3600}}"#,
            serve(key).await
        );
        Ok(AsyncRawResponse::from_bytes(StatusCode::Ok, Headers::new(), body))
    }
}
