//! The dashboard over a broker at work: what its pages say is what has happened.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use tower::ServiceExt as _;
use unlapse::unlapse_core::Secret;
use unlapse_broker::dashboard::{DashboardOptions, router};
use unlapse_broker::{Broker, Code, Speed, State, Verb};
use unlapse_parts::{Fault, Postgres, Rotation};
use url::{Url, form_urlencoded};

use crate::stage::Stage;
use crate::terms;
use crate::world::{id, name, until};

const HOSTILE: &str = "<script>alert(1)</script>";

/// Somebody at the pages; they remember everything that they were shown.
struct Visitor {
    router: Router,
    cookie: String,
    seen: String,
}

impl Visitor {
    async fn signed_in(broker: &Broker, key: &Secret) -> Self {
        let options = DashboardOptions::new(&Url::parse("https://broker.example").unwrap());
        let mut visitor = Self {
            router: router(broker.clone(), &options),
            cookie: String::new(),
            seen: String::new(),
        };
        let (_, page) = visitor.get("/login").await;
        let (status, _) = visitor.send("/login", &page, &[("key", key.expose())]).await;
        assert_eq!(status, 303);
        visitor
    }

    async fn get(&mut self, path: &str) -> (u16, String) {
        self.ask(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Sends a form with the token of `page`.
    async fn send(&mut self, path: &str, page: &str, form: &[(&str, &str)]) -> (u16, String) {
        let (_, rest) = page.split_once("name=\"token\" value=\"").expect("a form");
        let token = rest.split('"').next().unwrap();
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("token", token).extend_pairs(form);
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(body.finish()));
        self.ask(request.unwrap()).await
    }

    async fn ask(&mut self, mut request: Request<Body>) -> (u16, String) {
        request.headers_mut().insert("cookie", self.cookie.parse().unwrap());
        let reply = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = reply.into_parts();
        if let Some(cookie) = head.headers.get("set-cookie") {
            cookie.to_str().unwrap().split(';').next().unwrap().clone_into(&mut self.cookie);
        }
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        self.seen.push_str(&body);
        (head.status.as_u16(), body)
    }
}

fn page_of(user: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("tenant", "acme").append_pair("user", user);
    query.append_pair("provider", "local").append_pair("account", "main");
    format!("/connection?{}", query.finish())
}

fn form(user: &str) -> [(&str, &str); 4] {
    [("tenant", "acme"), ("user", user), ("provider", "local"), ("account", "main")]
}

async fn pages_tell_what_has_happened(stage: Stage) {
    let node = stage.work().await;
    let broker = &node.broker;
    let tables = broker.tables();
    let mut secrets = vec!["its secret".to_owned()];
    let mut logins = Vec::new();
    for user in ["ann", "bob", HOSTILE] {
        let login = stage.bring(broker, user).await;
        secrets.extend([login.access_token.clone(), login.refresh_token.clone()]);
        logins.push(login);
    }
    tables.put_tenant(&name("other"), Speed::Eager).await.unwrap();
    let verbs = [Verb::Read, Verb::Write].into_iter().collect();
    let (key, secret) = tables.make_api_key(None, "ops", verbs, None).await.unwrap();
    let other = tables.make_api_key(Some(name("other")), "theirs", verbs, None).await.unwrap();
    secrets.extend([secret.expose().to_owned(), other.1.expose().to_owned()]);

    let mut ops = Visitor::signed_in(broker, &secret).await;
    let (status, overview) = ops.get("/").await;
    assert_eq!(status, 200);
    assert!(overview.contains("3 active (100 %)"), "{overview}");
    assert!(overview.contains("alive"), "{overview}");
    let (_, list) = ops.get("/connections?tenant=acme").await;
    assert_eq!(list.matches("<tr id=").count(), 3, "{list}");

    // By the button, once well and once not.
    let (status, ann) = ops.get(&page_of("ann")).await;
    assert_eq!(status, 200, "{ann}");
    let (status, _) = ops.send("/connection/renew", &ann, &form("ann")).await;
    assert_eq!(status, 303);
    assert_eq!(broker.connection(&id("ann")).await.unwrap().generation, 2);
    stage.provider.fail_next([Fault::Unavailable]);
    let (status, problem) = ops.send("/connection/renew", &ann, &form("ann")).await;
    assert_eq!(status, 503);
    assert!(problem.contains("PROVIDER_DOWN"), "{problem}");
    until("the attempts are shown", async || {
        let page = Visitor::signed_in(broker, &secret).await.get(&page_of("ann")).await.1;
        page.contains("asked for")
            && page.contains("renewed</span>")
            && page.contains("failed</span>")
    })
    .await;

    // Whose user has ended the login is found out, and shown.
    stage.provider.end(logins[1].family);
    let bob = ops.get(&page_of("bob")).await.1;
    assert!(ops.send("/connection/renew", &bob, &form("bob")).await.0 >= 400);
    let found = broker.connection(&id("bob")).await.unwrap();
    assert_eq!(found.state, State::NeedsUser(Code::UserRevoked));
    until("the overview says so", async || {
        let page = Visitor::signed_in(broker, &secret).await.get("/").await.1;
        page.contains("1 connection needs its user")
            && page.contains("2 active (66.7 %)")
            && page.contains("waiting-acme/local-USER_REVOKED")
            && page.contains("error-acme/local-PROVIDER_DOWN")
            && page.contains("latency-acme/local")
    })
    .await;
    let (_, waiting) = ops.get("/connections?tenant=acme&state=needs_user").await;
    assert_eq!(waiting.matches("<tr id=").count(), 1, "{waiting}");

    let (_, apps) = ops.get("/apps").await;
    assert!(apps.contains("app-acme/local"), "{apps}");
    assert_eq!(ops.get("/imports").await.0, 200);
    until("the events are shown", async || {
        let page = Visitor::signed_in(broker, &secret).await.get("/events").await.1;
        page.matches("connection.connected").count() == 3 && page.contains("connection.needs_user")
    })
    .await;

    // Whoever belongs to another tenant sees nothing of it.
    let mut theirs = Visitor::signed_in(broker, &other.1).await;
    for (path, status) in [
        ("/", 200),
        ("/connections", 200),
        ("/connections?tenant=acme", 403),
        (&*page_of("ann"), 403),
        ("/apps", 200),
        ("/events", 200),
        ("/audit", 200),
    ] {
        let (told, page) = theirs.get(path).await;
        assert_eq!(told, status, "{path}");
        assert!(!page.contains("ann") && !page.contains("acme/local"), "{path}: {page}");
    }

    let (_, asked) =
        ops.get(&page_of(HOSTILE).replace("/connection?", "/connection/remove?")).await;
    let (status, _) = ops.send("/connection/remove", &asked, &form(HOSTILE)).await;
    assert_eq!(status, 303);
    assert_eq!(ops.get(&page_of(HOSTILE)).await.0, 404);
    let (_, audit) = ops.get("/audit").await;
    for done in ["dashboard.sign_in", "connection.renew", &format!("key:{}", key.id)] {
        assert!(audit.contains(done), "{done}: {audit}");
    }

    tables.revoke_api_key(&key.id, None).await.unwrap();
    assert_eq!(ops.get("/").await.0, 303, "a key that is revoked ends its sessions");

    let seen = format!("{}{}", ops.seen, theirs.seen);
    assert!(!seen.contains(HOSTILE));
    for secret in secrets {
        assert!(!seen.contains(&secret), "R18: {secret:.6}… is on a page");
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r18_i5_i7_pages_tell_what_has_happened_and_no_secret() {
    let terms = || terms(3600, Rotation::Strict);
    pages_tell_what_has_happened(Stage::new(terms(), "strict")).await;
    if let Some(postgres) = Postgres::shared() {
        let stage = Stage::new(terms(), "strict").over(postgres.fresh_database());
        tokio::time::timeout(Duration::from_secs(120), pages_tell_what_has_happened(stage))
            .await
            .expect("in time");
    }
}
