//! An issuer with a clock that tests set, and its clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use tower::ServiceExt as _;
use unlapse_core::{Secret, UnixTime};
use unlapse_issuer::{
    Client, Issuer, IssuerBuilder, KeyPolicy, MemoryClients, MemoryUsers, PasswordCost,
    PasswordHash, Pepper, Peppers, Scopes, Store, User,
};

use crate::browser::Page;
use crate::shuttable::Shuttable;

const CHEAP: PasswordCost = PasswordCost { memory_kib: 8, passes: 1 };
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Where `app` is returned to.
pub(crate) const CALLBACK: &str = "https://app.example/cb";

pub(crate) fn scopes(text: &str) -> Scopes {
    Scopes::parse(text).expect("valid scopes")
}

pub(crate) struct World {
    pub(crate) issuer: Issuer,
    pub(crate) store: Arc<Shuttable>,
    router: Router,
    clock: Arc<AtomicU64>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    /// Knows the users `ada` (`user-1`) and `eve` (`user-2`), password `correct horse`, and the
    /// clients `app` (public, of the first party), `web` (secret `s3cret`), `cli` (public, on the
    /// loopback) and `job` (no redirect URI).
    pub(crate) fn with(configure: impl FnOnce(IssuerBuilder) -> IssuerBuilder) -> Self {
        let (builder, store, clock) = Self::described();
        let issuer = configure(builder).build().expect("a valid configuration");
        Self { router: issuer.router(), issuer, store, clock }
    }

    /// The same, with keys that are kept in the store.
    pub(crate) async fn opened(configure: impl FnOnce(IssuerBuilder) -> IssuerBuilder) -> Self {
        let (builder, store, clock) = Self::described();
        let peppers = Peppers::new(Pepper::generate("a").expect("valid"));
        let builder = builder.peppers(peppers).kept_keys(KeyPolicy::default());
        let issuer = configure(builder).open().await.expect("opened");
        Self { router: issuer.router(), issuer, store, clock }
    }

    fn described() -> (IssuerBuilder, Arc<Shuttable>, Arc<AtomicU64>) {
        let clock = Arc::new(AtomicU64::new(1_700_000_000_500));
        let store = Arc::new(Shuttable::default());
        let users = MemoryUsers::new();
        let password = PasswordHash::new(&Secret::new("correct horse"), CHEAP).expect("hashed");
        for (name, subject) in [("ada", "user-1"), ("eve", "user-2")] {
            let user = User { subject: subject.to_owned(), password: password.clone() };
            users.add(name, user);
        }
        let all = scopes("openid profile email offline_access read");
        let secret = Secret::new("s3cret");
        let clients = MemoryClients::new([
            Client::public("app")
                .with_scopes(all.clone())
                .with_redirect_uris([CALLBACK])
                .with_first_party(),
            Client::confidential("web", &secret)
                .with_name("Ada & <b>Bob</b>'s \"Web\"")
                .with_scopes(all.clone())
                .with_redirect_uris(["https://web.example/cb?k=v", "https://web.example/other"]),
            Client::public("cli").with_scopes(all).with_redirect_uris(["http://127.0.0.1/cb"]),
            Client::confidential("job", &secret),
        ]);
        let now = Arc::clone(&clock);
        let builder = Issuer::builder("https://id.example")
            .clock(Arc::new(move || UnixTime::from_millis(now.load(SeqCst))))
            .store(Arc::clone(&store) as Arc<dyn Store>)
            .users(Arc::new(users))
            .clients(Arc::new(clients))
            .password_cost(CHEAP);
        (builder, store, clock)
    }

    /// Time goes by.
    pub(crate) fn pass(&self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).expect("a test's time");
        self.clock.fetch_add(millis, SeqCst);
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Page {
        let reply = self.router.clone().oneshot(request).await.expect("infallible");
        Page::read(reply).await
    }

    /// Asks `/token`.
    pub(crate) async fn token(&self, form: &[(&str, &str)]) -> Page {
        self.post("/token", form).await
    }

    /// Sends a form, as a client.
    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Page {
        self.post_from("a test", path, form).await
    }

    /// Sends a form, from a device that calls itself so.
    pub(crate) async fn post_from(&self, device: &str, path: &str, form: &[(&str, &str)]) -> Page {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::post(path)
            .header("user-agent", device)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(body));
        self.send(request.expect("a request")).await
    }

    /// `app` redeems a code.
    pub(crate) async fn redeem(&self, code: &str) -> Page {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("client_id", "app"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ])
        .await
    }
}

/// An authorization request of `app`, with these parameters instead or besides; an empty one is
/// left out.
pub(crate) fn authorize(changed: &[(&str, &str)]) -> String {
    let usual = [
        ("response_type", "code"),
        ("client_id", "app"),
        ("redirect_uri", CALLBACK),
        ("scope", "read"),
        ("state", "st&te=1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let kept = usual.into_iter().filter(|(name, _)| !changed.iter().any(|(it, _)| it == name));
    let all = kept.chain(changed.iter().copied().filter(|(_, value)| !value.is_empty()));
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish();
    format!("/authorize?{query}")
}
