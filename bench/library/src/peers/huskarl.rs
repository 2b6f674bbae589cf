//! huskarl: an in-memory cache over a grant, and its authorizer.

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use huskarl::authorizer::HttpAuthorizer;
use huskarl::cache::{
    GrantTokenSource, InMemoryRefreshTokenStore, InMemoryTokenCache, TokenSource,
};
use huskarl::core::Error;
use huskarl::core::client_auth::NoAuth;
use huskarl::core::http::{HttpClient, HttpResponse, Idempotency};
use huskarl::core::platform::MaybeSendBoxFuture;
use huskarl::grant::client_credentials::{
    ClientCredentialsGrant, ClientCredentialsGrantParameters,
};

use crate::contender::Contender;
use crate::server::Server;

type Cache =
    InMemoryTokenCache<GrantTokenSource<ClientCredentialsGrant, InMemoryRefreshTokenStore>>;

/// `HttpAuthorizer::get_headers`, over `InMemoryTokenCache::token`.
pub(crate) struct Huskarl {
    cache: Arc<Cache>,
    authorizer: HttpAuthorizer,
    uri: Uri,
}

impl Contender for Huskarl {
    const NAME: &'static str = "huskarl 0.11.10 `get_headers`";
    const FAKED: &'static str = "`HttpClient`";

    async fn new(server: Arc<Server>) -> Self {
        let grant = ClientCredentialsGrant::builder()
            .client_id("cid")
            .client_auth(NoAuth)
            .token_endpoint("https://as.example/token".parse().expect("a URL"))
            .http_client(InProcess(server))
            .build();
        let source = GrantTokenSource::builder()
            .grant(grant)
            .grant_parameters(ClientCredentialsGrantParameters::builder().build())
            .refresh_store(InMemoryRefreshTokenStore::default())
            .build();
        let cache = Arc::new(InMemoryTokenCache::builder().source(source).build());
        let authorizer = HttpAuthorizer::builder().cache(Arc::clone(&cache)).build();
        let ready = Self { cache, authorizer, uri: Uri::from_static("https://api.example/") };
        ready.token().await;
        ready
    }

    async fn token(&self) {
        black_box(self.cache.token().await.expect("the server answers"));
    }

    async fn try_header(&self) -> Option<HeaderValue> {
        let headers = self.authorizer.get_headers(&Method::GET, &self.uri).await;
        headers.ok()?.remove(header::AUTHORIZATION)
    }
}

struct InProcess(Arc<Server>);

impl HttpClient for InProcess {
    fn execute(
        &self,
        _: Request<Bytes>,
        _: Idempotency,
    ) -> MaybeSendBoxFuture<'_, Result<HttpResponse, Error>> {
        Box::pin(async move {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            let answer = self.0.grant_json().await;
            let status =
                if answer.is_some() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            let body = Bytes::from(answer.unwrap_or_default());
            Ok(HttpResponse { status, headers, body })
        })
    }
}
