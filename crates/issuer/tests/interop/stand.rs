//! An issuer that listens, with a client of every kind.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use unlapse_core::Secret;
use unlapse_issuer::{
    Algorithm, Client, DpopRules, Issuer, MemoryClients, MemoryUsers, PasswordCost, PasswordHash,
    Scopes, Store, User,
};
use unlapse_verify::JwkSet;

use crate::application::Application;
use crate::peers::Peers;
use crate::tls::Tls;

const USERNAME: &str = "ada";
const PASSWORD: &str = "correct horse";
const SUBJECT: &str = "user-1";
const SECRET: &str = "s3cret +&=%: of a client";
const SCOPE: &str = "openid profile offline_access read";
/// Of the clients that prove themselves with a key.
const ALGORITHMS: [&str; 3] = ["EdDSA", "ES256", "RS256"];
const CHEAP: PasswordCost = PasswordCost { memory_kib: 8, passes: 1 };

/// Stops listening when dropped.
pub(crate) struct Stand {
    url: String,
    algorithm: Algorithm,
    /// The file with the authority's certificate, and the hash of the server's key.
    tls: Option<(tempfile::TempPath, String)>,
    application: Application,
    serving: JoinHandle<()>,
}

impl Drop for Stand {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Stand {
    /// At `http://127.0.0.1:<port>`.
    pub(crate) async fn http(algorithm: Algorithm, store: Arc<dyn Store>, keys: &Value) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let application = Application::start(Some(&url)).await;
        let router = issuer(&url, algorithm, store, keys, &application.redirect_uri()).router();
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serves until it is aborted");
        });
        Self { url, algorithm, tls: None, application, serving }
    }

    /// At `https://localhost:<port><path>`.
    pub(crate) async fn https(
        path: &str,
        algorithm: Algorithm,
        store: Arc<dyn Store>,
        keys: &Value,
    ) -> Self {
        let application = Application::start(None).await;
        let tls = Tls::bind().await;
        let url = format!("https://localhost:{}{path}", tls.port());
        let authority = tempfile::NamedTempFile::new().expect("a file").into_temp_path();
        std::fs::write(&authority, &tls.authority).expect("written");
        let trust = Some((authority, tls.spki.clone()));
        let router = issuer(&url, algorithm, store, keys, &application.redirect_uri()).router();
        let serving = tls.serve(router);
        Self { url, algorithm, tls: trust, application, serving }
    }

    /// What a script has to know.
    pub(crate) fn settings(&self, peers: &Peers, keys: &Value, flows: &[&str]) -> Value {
        let (scheme, _) = self.url.split_once(':').expect("a URL");
        let screenshots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interop").join(scheme);
        json!({
            "issuer": self.url,
            "audience": self.url,
            "algorithm": self.algorithm.as_str(),
            "ca": self.tls.as_ref().map(|(authority, _)| authority.to_path_buf()),
            "spki": self.tls.as_ref().map(|(_, spki)| spki),
            "redirect_uri": self.application.redirect_uri(),
            "resource": self.application.resource(),
            "username": USERNAME,
            "password": PASSWORD,
            "subject": SUBJECT,
            "scope": SCOPE,
            "strict": true,
            "browser": peers.browser(),
            "chromium": Peers::chromium(),
            "screenshots": screenshots,
            "clients": {
                "public": { "id": "app", "auth": "none" },
                "password": { "id": "app", "auth": "none" },
                "basic": { "id": "web", "secret": SECRET, "auth": "basic" },
                "post": { "id": "web", "secret": SECRET, "auth": "post" },
                "key-EdDSA": { "id": "key-EdDSA", "key": keys["EdDSA"], "auth": "private_key_jwt" },
                "key-ES256": { "id": "key-ES256", "key": keys["ES256"], "auth": "private_key_jwt" },
                "key-RS256": { "id": "key-RS256", "key": keys["RS256"], "auth": "private_key_jwt" },
                "msal": {
                    "id": "key-RS256",
                    "auth": "as MSAL does it",
                    "pem": keys["pem"],
                    // What it is known by in a directory; nobody asks for it here.
                    "thumbprint": "00".repeat(20),
                },
            },
            "flows": flows,
        })
    }
}

fn issuer(
    url: &str,
    algorithm: Algorithm,
    store: Arc<dyn Store>,
    keys: &Value,
    redirect_uri: &str,
) -> Issuer {
    let users = MemoryUsers::new();
    let password = PasswordHash::new(&Secret::new(PASSWORD), CHEAP).expect("hashed");
    users.add(USERNAME, User { subject: SUBJECT.to_owned(), password });
    let scopes = || Scopes::parse(SCOPE).expect("valid scopes");
    let clients = [
        Client::public("app").with_name("The app"),
        Client::confidential("web", &Secret::new(SECRET)).with_name("The web site"),
    ];
    let with_key =
        ALGORITHMS.map(|alg| Client::with_keys(format!("key-{alg}"), public(&keys[alg])));
    let clients = clients
        .into_iter()
        .chain(with_key)
        .map(|client| client.with_scopes(scopes()).with_redirect_uris([redirect_uri]));
    Issuer::builder(url)
        .algorithm(algorithm)
        .store(store)
        .users(Arc::new(users))
        .clients(Arc::new(MemoryClients::new(clients)))
        .password_cost(CHEAP)
        .dpop(DpopRules { nonces: true, shared_replays: true, ..DpopRules::default() })
        .build()
        .expect("a valid configuration")
}

/// A set of one key, without what only its owner knows.
fn public(key: &Value) -> JwkSet {
    let mut key = key.clone();
    let members = key.as_object_mut().expect("a JWK");
    for private in ["d", "p", "q", "dp", "dq", "qi"] {
        members.remove(private);
    }
    JwkSet::parse(json!({ "keys": [key] }).to_string().as_bytes()).expect("a set")
}
