//! `object_store`: the token cache behind its Azure credentials.

use std::hint::black_box;
use std::sync::Arc;

use async_trait::async_trait;
use http::{HeaderValue, Response, StatusCode};
use object_store::ClientOptions;
use object_store::azure::{AzureCredential, AzureCredentialProvider, MicrosoftAzureBuilder};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};

use crate::contender::{Contender, bearer};
use crate::server::Server;

/// `CredentialProvider::get_credential`.
pub(crate) struct ObjectStore(AzureCredentialProvider);

impl ObjectStore {
    async fn credential(&self) -> Option<Arc<AzureCredential>> {
        self.0.get_credential().await.ok()
    }
}

impl Contender for ObjectStore {
    const NAME: &'static str = "object_store 0.14.2 `get_credential`";
    const FAKED: &'static str = "`HttpConnector`";

    async fn new(server: Arc<Server>) -> Self {
        let store = MicrosoftAzureBuilder::new()
            .with_account("account")
            .with_container_name("container")
            .with_client_secret_authorization("cid", "secret", "tenant")
            .with_http_connector(InProcess(server))
            .build()
            .expect("valid parameters");
        let ready = Self(Arc::clone(store.credentials()));
        ready.token().await;
        ready
    }

    async fn token(&self) {
        black_box(self.credential().await.expect("the server answers"));
    }

    async fn try_header(&self) -> Option<HeaderValue> {
        match &*self.credential().await? {
            AzureCredential::BearerToken(token) => Some(bearer(token)),
            other => panic!("a bearer token was asked for: {other:?}"),
        }
    }
}

#[derive(Clone, Debug)]
struct InProcess(Arc<Server>);

impl HttpConnector for InProcess {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for InProcess {
    async fn call(&self, _: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answer = self.0.grant_json().await;
        let status =
            if answer.is_some() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let mut reply = Response::new(HttpResponseBody::from(answer.unwrap_or_default()));
        *reply.status_mut() = status;
        Ok(reply)
    }
}
