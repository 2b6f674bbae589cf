//! `/authorize`: what a client may ask, and how it is answered.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use crate::browser::Browser;
use crate::world::{CALLBACK, CHALLENGE, World, authorize};

#[tokio::test]
async fn rfc6749_4_1_a_login_becomes_a_session() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    let page = browser.get(&authorize(&[])).await;
    assert_eq!((page.status, page.title().as_str()), (200, "Log in"));
    let page = browser.log_in(&page, "ada", "correct horse").await;
    assert_eq!(page.location().path(), "/authorize");
    let page = browser.follow(&page).await;
    let location = page.location();
    assert_eq!(location.as_str().split('?').next(), Some(CALLBACK));
    assert_eq!(page.parameter("state").as_deref(), Some("st&te=1"));
    assert_eq!(page.parameter("iss").as_deref(), Some("https://id.example"), "RFC 9207");
    assert_eq!(location.query_pairs().count(), 3);
    let granted = world.redeem(&page.code()).await;
    assert_eq!(granted.status, 200, "{granted:?}");
    assert_eq!(granted.text("scope"), "read");
    let claims = world.issuer.verify(&granted.text("access_token")).expect("good");
    assert_eq!((claims.sub.as_str(), claims.client_id.as_str()), ("user-1", "app"));
    let refresh_token = granted.text("refresh_token");
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "app"),
        ("refresh_token", refresh_token.as_str()),
    ];
    assert_eq!(world.token(&form).await.status, 200);
    let counts = world.issuer.counts();
    assert_eq!((counts.logins, counts.sessions_opened, counts.rejections), (1, 1, 0));
}

#[tokio::test]
async fn a_browser_that_is_logged_in_is_not_asked_again_until_the_login_ends() {
    let world = World::with(|builder| builder.browser_lifetime(Duration::from_secs(3600)));
    let mut browser = Browser::logged_in(&world).await;
    let first = browser.get(&authorize(&[])).await.code();
    assert_ne!(browser.get(&authorize(&[])).await.code(), first);
    world.pass(Duration::from_secs(3599));
    browser.get(&authorize(&[])).await.code();
    world.pass(Duration::from_secs(1));
    assert_eq!(browser.get(&authorize(&[])).await.title(), "Log in");
}

#[tokio::test]
async fn rfc6749_4_1_2_1_what_a_client_gets_wrong_is_told_to_it() {
    let world = World::new();
    let mut browser = Browser::logged_in(&world).await;
    let long = "n".repeat(1025);
    let rows = [
        (("response_type", ""), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("response_type", "code id_token"), "unsupported_response_type"),
        (("response_mode", "fragment"), "invalid_request"),
        (("scope", "read admin"), "invalid_scope"),
        (("scope", "a\"b"), "invalid_scope"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge", "short"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("prompt", "none login"), "invalid_request"),
        (("prompt", "create"), "invalid_request"),
        (("max_age", "-1"), "invalid_request"),
        (("max_age", "soon"), "invalid_request"),
        (("nonce", long.as_str()), "invalid_request"),
        (("dpop_jkt", "x"), "invalid_request"),
        (("request", "e30."), "request_not_supported"),
        (("request_uri", "https://evil.example"), "request_uri_not_supported"),
        (("registration", "{}"), "registration_not_supported"),
    ];
    for (changed, error) in rows {
        let page = browser.get(&authorize(&[changed])).await;
        assert_eq!(page.location().host_str(), Some("app.example"), "{changed:?}");
        assert_eq!(page.parameter("error").as_deref(), Some(error), "{changed:?}");
        assert_eq!(page.parameter("state").as_deref(), Some("st&te=1"));
        assert_eq!(page.parameter("iss").as_deref(), Some("https://id.example"));
        assert_eq!(page.parameter("code"), None);
    }
}

#[tokio::test]
async fn oidc_3_1_2_1_prompt_and_max_age_are_heeded() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    let page = browser.get(&authorize(&[("prompt", "none")])).await;
    assert_eq!(page.parameter("error").as_deref(), Some("login_required"));
    let mut browser = Browser::logged_in(&world).await;
    browser.get(&authorize(&[("prompt", "none")])).await.code();
    for fresh in [("prompt", "login"), ("prompt", "select_account"), ("max_age", "0")] {
        let page = browser.get(&authorize(&[fresh])).await;
        assert_eq!(page.title(), "Log in", "{fresh:?}");
        // Once, and not in a circle.
        let page = browser.log_in(&page, "ada", "correct horse").await;
        browser.follow(&page).await.code();
    }
    world.pass(Duration::from_secs(61));
    browser.get(&authorize(&[("max_age", "61")])).await.code();
    assert_eq!(browser.get(&authorize(&[("max_age", "60")])).await.title(), "Log in");
    let asked = authorize(&[("max_age", "60"), ("prompt", "none")]);
    assert_eq!(browser.get(&asked).await.parameter("error").as_deref(), Some("login_required"));
}

#[tokio::test]
async fn oidc_3_1_2_1_login_hint_fills_in_the_name() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    let page = browser.get(&authorize(&[("login_hint", "ada\"><script>")])).await;
    assert_eq!(page.field("username"), "ada\"><script>");
    assert!(!page.body.contains("<script"), "{page:?}");
}

#[tokio::test]
async fn oidc_3_1_2_1_a_request_may_be_posted() {
    let world = World::new();
    let mut browser = Browser::logged_in(&world).await;
    let (_, query) =
        authorize(&[]).split_once('?').map(|(a, b)| (a.to_owned(), b.to_owned())).expect("a query");
    let form: Vec<(String, String)> =
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let page = browser.post("/authorize", &form).await;
    browser.follow(&page).await.code();
}

#[tokio::test]
async fn form_post_is_a_page_that_sends_itself() {
    let world = World::new();
    let mut browser = Browser::logged_in(&world).await;
    let page =
        browser.get(&authorize(&[("response_mode", "form_post"), ("state", "\"><b>")])).await;
    assert_eq!(page.status, 200);
    let (action, fields) = page.form(0);
    assert_eq!(action, CALLBACK);
    let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["code", "state", "iss"]);
    assert_eq!(page.field("state"), "\"><b>");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'sha256-") && policy.contains("form-action https:;"));
    assert_eq!(world.redeem(&page.field("code")).await.status, 200);
}

#[tokio::test]
async fn rfc8252_7_3_a_loopback_client_has_the_port_it_gets() {
    let world = World::with(|builder| builder.browser_lifetime(Duration::from_secs(60)));
    let mut browser = Browser::logged_in(&world).await;
    let changed = [("client_id", "cli"), ("redirect_uri", "http://127.0.0.1:51004/cb")];
    let page = browser.get(&authorize(&changed)).await;
    assert!(page.title().starts_with("Allow cli"), "RFC 8252 §8.6");
    let page = browser.submit(&page, &[("decision", "allow")]).await;
    assert_eq!(page.location().port(), Some(51004));
    let code = page.code();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "cli"),
        ("code", &code),
        ("redirect_uri", "http://127.0.0.1:51004/cb"),
        ("code_verifier", crate::world::VERIFIER),
    ];
    assert_eq!(world.token(&form).await.status, 200);
}

#[tokio::test]
async fn the_only_redirect_uri_need_not_be_named() {
    let world = World::new();
    let mut browser = Browser::logged_in(&world).await;
    let code = browser.get(&authorize(&[("redirect_uri", "")])).await.code();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "app"),
        ("code", &code),
        ("code_verifier", crate::world::VERIFIER),
    ];
    assert_eq!(world.token(&form).await.status, 200);
}

#[tokio::test]
async fn a_store_that_is_away_is_a_page_that_says_so_and_no_verdict() {
    let world = World::new();
    let mut browser = Browser::logged_in(&world).await;
    world.store.shut.store(true, SeqCst);
    let page = browser.get(&authorize(&[])).await;
    assert_eq!((page.status, page.header("retry-after")), (503, "3"));
    assert!(page.body.contains("temporarily_unavailable"));
    world.store.shut.store(false, SeqCst);
    browser.get(&authorize(&[])).await.code();
}

#[tokio::test]
async fn rfc7636_4_3_every_client_needs_a_challenge() {
    let world = World::new();
    let mut browser = Browser::logged_in(&world).await;
    for (client, uri) in
        [("app", CALLBACK), ("web", "https://web.example/other"), ("cli", "http://127.0.0.1:1/cb")]
    {
        let changed = [("client_id", client), ("redirect_uri", uri), ("code_challenge", "")];
        let page = browser.get(&authorize(&changed)).await;
        assert_eq!(page.parameter("error").as_deref(), Some("invalid_request"), "{client}");
        let changed = [
            ("client_id", client),
            ("redirect_uri", uri),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "plain"),
        ];
        let page = browser.get(&authorize(&changed)).await;
        assert_eq!(page.parameter("error").as_deref(), Some("invalid_request"), "{client}");
    }
}
