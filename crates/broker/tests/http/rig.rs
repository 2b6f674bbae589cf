//! An API to be asked, and what it answers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt as _;
use unlapse::unlapse_core::Secret;
use unlapse::unlapse_oauth::Endpoint;
use unlapse::unlapse_oauth::provider::Catalogue;
use unlapse_broker::http::{ApiOptions, router};
use unlapse_broker::{App, Broker, ConnectionId, MasterKeys, Settings, Speed, Verb, Verbs};
use unlapse_parts::{Provider, Terms};

pub(crate) use crate::world::{name, until};

const CATALOGUE: &str = r#"
[acme]
name = "Acme <Cloud>"
sources = ["https://acme.example/docs"]
date = "2026-11-21"
reuse = "strict"
authorization = { url = "https://acme.example/authorize" }
token = { url = "https://node/token" }
revocation = { url = "https://node/revoke" }

[other]
name = "Other"
sources = ["https://other.example/docs"]
date = "2026-11-21"
authorization = { url = "https://other.example/authorize" }
token = { url = "https://other.example/token" }

[named]
name = "Named"
sources = ["https://named.example/docs"]
date = "2026-11-21"
issuer = "https://named.example"
authorization = { url = "https://named.example/authorize" }
token = { url = "https://named.example/token" }

[stating]
name = "Stating"
sources = ["https://stating.example/docs"]
date = "2026-11-21"
issuer = "https://stating.example"
authorization_response_iss_parameter_supported = true
authorization = { url = "https://stating.example/authorize" }
token = { url = "https://stating.example/token" }

[own-server]
name = "A server of one's own, wherever it is"
sources = ["https://acme.example/docs"]
date = "2026-11-21"
variables = { host = { about = "Where it is" } }
token = { url = "https://{host}/token" }

[own-host]
name = "A server of one's own"
sources = ["https://acme.example/docs"]
date = "2026-11-21"
variables = { host = { about = "Where it is", default = "acme.example" }, shop = { about = "Which" } }
token = { url = "https://{host}/{shop}/token" }

[talking]
name = "Talking"
sources = ["https://acme.example/docs"]
date = "2026-11-21"
token = { url = "https://talking.example/token" }
metadata = { team = "team" }
"#;

/// Where users return to.
pub(crate) const RETURN_TO: &str = "https://shop.example/done?x=1";

pub(crate) struct Rig {
    pub(crate) provider: Provider,
    pub(crate) broker: Broker,
    pub(crate) options: ApiOptions,
    pub(crate) router: Router,
    /// Of the tenant `shop`, with every verb.
    pub(crate) key: String,
    /// Of no tenant, with every verb.
    pub(crate) operator: String,
    pub(crate) folder: TempDir,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// A problem document of this status and code, and nothing else.
    pub(crate) fn is_problem(&self, status: u16, code: &str) -> &Self {
        let text = self.text();
        assert_eq!(
            (self.status.as_u16(), self.header("content-type")),
            (status, "application/problem+json"),
            "{text}"
        );
        let json = self.json();
        assert_eq!(json["code"], code, "{text}");
        assert_eq!(json["status"], status, "{text}");
        for member in ["type", "title", "detail", "instance", "next"] {
            assert!(json[member].is_string(), "{member}: {text}");
        }
        self
    }
}

pub(crate) fn id(user: &str) -> ConnectionId {
    ConnectionId::new(name("shop"), user, name("acme"), "main").expect("an id")
}

pub(crate) fn verbs(text: &str) -> Verbs {
    text.parse().expect("verbs")
}

impl Rig {
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut ApiOptions)) -> Self {
        Self::made(|_| (), change).await
    }

    /// Over a broker with other settings.
    pub(crate) async fn over(settings: impl FnOnce(&mut Settings)) -> Self {
        Self::made(settings, |_| ()).await
    }

    /// Over a broker with other settings, asked by other options.
    pub(crate) async fn made(
        settings: impl FnOnce(&mut Settings),
        change: impl FnOnce(&mut ApiOptions),
    ) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let provider = Provider::start(Terms::default());
        let broker = open(folder.path(), &provider.url(), settings).await;
        let tables = broker.tables();
        tables.put_tenant(&name("shop"), Speed::Eager).await.expect("a tenant");
        tables.put_tenant(&name("other"), Speed::Eager).await.expect("a tenant");
        let app = App {
            tenant: name("shop"),
            name: name("acme"),
            provider: name("acme"),
            client_id: "shop".to_owned(),
            client_secret: Some(Secret::new("canary-app-secret")),
            scopes: vec!["read".to_owned()],
            params: BTreeMap::new(),
            return_to: vec![RETURN_TO.to_owned()],
            changed_at: broker.clock(),
        };
        tables.put_app(&app).await.expect("an app");
        let all: Verbs = Verb::ALL.into_iter().collect();
        let key = tables.make_api_key(Some(name("shop")), "tests", all, None).await.expect("a key");
        let operator = tables.make_api_key(None, "operator", all, None).await.expect("a key");
        let mut options = ApiOptions::new("https://broker.example".parse().expect("a URL"));
        change(&mut options);
        let router = router(broker.clone(), options.clone());
        Self {
            provider,
            broker,
            options,
            router,
            key: key.1.expose().to_owned(),
            operator: operator.1.expose().to_owned(),
            folder,
        }
    }

    /// Another node over the same database.
    pub(crate) async fn another(&self) -> Router {
        self.another_at(&self.provider.url()).await
    }

    /// The same, without what it answers.
    pub(crate) async fn another_node(&self) -> Broker {
        self.another_node_at(&self.provider.url()).await
    }

    /// The same, with every provider at this server.
    pub(crate) async fn another_node_at(&self, stand_in: &str) -> Broker {
        open(self.folder.path(), stand_in, |_| ()).await
    }

    /// The same, with every provider at this server: at `/<its host>/<its path>`.
    pub(crate) async fn another_at(&self, stand_in: &str) -> Router {
        router(self.another_node_at(stand_in).await, self.options.clone())
    }

    /// A key of `shop` that may do so much.
    pub(crate) async fn key(&self, allowed: &str) -> String {
        let made =
            self.broker.tables().make_api_key(Some(name("shop")), "some", verbs(allowed), None);
        made.await.expect("a key").1.expose().to_owned()
    }

    /// Asks, with the tenant's key.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.ask_as(&self.key, method, path, body).await
    }

    pub(crate) async fn ask_as(
        &self,
        key: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        send_as(&self.router, key, method, path, body).await
    }

    /// Sends any request.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        send(&self.router, request).await
    }

    /// A user's login, brought by `PUT`: its tokens.
    pub(crate) async fn bring(&self, user: &str) -> unlapse_parts::LoggedIn {
        let login = self.provider.log_in();
        let body = serde_json::json!({
            "access_token": login.access_token.as_str(),
            "refresh_token": login.refresh_token.as_str(),
            "expires_in": login.expires_in.as_secs(),
        });
        let put = self.ask("PUT", &format!("/v1/connections/{user}/acme/main"), Some(body)).await;
        assert_eq!(put.status, 200, "{}", put.text());
        login
    }
}

/// Asks a node, with a key.
pub(crate) async fn send_as(
    router: &Router,
    key: &str,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Answer {
    let method: Method = method.parse().expect("a method");
    let request = Request::builder().method(method).uri(path);
    let mut request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    send(router, request.body(body).expect("a request")).await
}

pub(crate) async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.expect("routes never fail");
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, 1 << 22).await.expect("a body");
    Answer { status: parts.status, headers: parts.headers, body: body.to_vec() }
}

async fn open(folder: &Path, stand_in: &str, change: impl FnOnce(&mut Settings)) -> Broker {
    let master = MasterKeys::file_or_new(&folder.join("master.key")).expect("a key");
    let stand_in: Endpoint = stand_in.parse().expect("a URL");
    let catalogue = Catalogue::parse(CATALOGUE).expect("a catalogue");
    let mut settings = Settings::new(folder.join("broker.db").display().to_string(), master);
    settings.catalogue = catalogue.rehearsed_at(&stand_in).expect("local");
    change(&mut settings);
    Broker::open(settings).await.expect("a broker")
}

/// A server on a port of its own.
pub(crate) async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let service = router.into_make_service_with_connect_info::<std::net::SocketAddr>();
    tokio::spawn(async { axum::serve(listener, service).await });
    url
}

/// For options that take one.
pub(crate) fn text(text: &'static str) -> Arc<dyn Fn() -> String + Send + Sync> {
    Arc::new(move || text.to_owned())
}
