//! What others can make a browser send, and what they can write into what is shown.

use axum::body::Body;
use axum::http::Request;

use crate::browser::{Browser, Page};
use crate::world::{World, authorize};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn rfc9700_4_11_nothing_is_sent_to_an_address_that_is_not_the_clients() {
    let world = World::new();
    let mut browser = Browser::logged_in(&world).await;
    let rows = [
        ("redirect_uri", "https://evil.example/cb"),
        ("redirect_uri", "https://app.example/cb/../evil"),
        ("redirect_uri", "https://app.example@evil.example/cb"),
        ("redirect_uri", "javascript:alert(1)"),
        ("redirect_uri", "//evil.example"),
        ("client_id", "nobody"),
        ("client_id", ""),
        ("client_id", "job"),
        ("client_id", "web"),
    ];
    for changed in rows {
        // Also when something else is wrong, which a client would be told.
        for more in [("scope", "read"), ("scope", "admin"), ("prompt", "none")] {
            let page = browser.get(&authorize(&[changed, more])).await;
            assert_eq!(page.status, 400, "{changed:?}");
            assert_eq!(page.header("location"), "", "{changed:?}");
            assert!(!page.body.contains("evil") && !page.body.contains("href"), "{page:?}");
        }
    }
}

#[tokio::test]
async fn rfc6749_3_1_a_parameter_that_is_repeated_is_answered_here() {
    let world = World::new();
    let mut browser = Browser::logged_in(&world).await;
    for more in ["redirect_uri=https://evil.example", "client_id=web", "state=x", "scope=email"] {
        let page = browser.get(&format!("{}&{more}", authorize(&[]))).await;
        assert_eq!((page.status, page.header("location")), (400, ""), "{more}");
    }
}

/// A form as another site would have it sent, with the cookie or without.
async fn forged(world: &World, cookie: &str, path: &str, body: &str, site: &str) -> Page {
    let request = Request::post(path)
        .header("cookie", cookie)
        .header("origin", "https://evil.example")
        .header(FORM.0, FORM.1);
    let request = if site.is_empty() { request } else { request.header("sec-fetch-site", site) };
    world.send(request.body(Body::from(body.to_owned())).expect("a request")).await
}

#[tokio::test]
async fn csrf_a_form_of_another_site_does_nothing() {
    let world = World::new();
    let mut browser = Browser::logged_in(&world).await;
    let cookie = browser.cookies.iter().next().map(|(name, value)| format!("{name}={value}"));
    let cookie = cookie.expect("logged in");
    let web = authorize(&[("client_id", "web"), ("redirect_uri", "https://web.example/other")]);
    let page = browser.get(&web).await;
    let (token, query) = (page.field("token"), page.field("query"));
    let mut stranger = Browser::new(&world);
    let theirs = stranger.get(&authorize(&[])).await.field("token");
    let encode = |pairs: &[(&str, &str)]| {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    };
    let consent =
        |token: &str| encode(&[("token", token), ("query", &query), ("decision", "allow")]);
    let login = |token: &str| {
        let name = [("username", "eve"), ("password", "correct horse"), ("to", "authorize")];
        encode(&[&[("token", token), ("query", query.as_str())], &name[..]].concat())
    };
    let rows = [
        ("/consent", consent(""), cookie.as_str(), ""),
        ("/consent", consent("guess"), cookie.as_str(), ""),
        ("/consent", consent(&theirs), cookie.as_str(), ""),
        ("/consent", consent(&token), cookie.as_str(), "cross-site"),
        ("/consent", consent(&token), cookie.as_str(), "same-site"),
        ("/consent", consent(&token), "", "same-origin"),
        // Login CSRF: nobody is logged in as somebody else without knowing.
        ("/login", login(""), cookie.as_str(), ""),
        ("/login", login(&theirs), cookie.as_str(), ""),
        ("/login", login(&theirs), "", ""),
        ("/login", login(&token), cookie.as_str(), "cross-site"),
    ];
    let before = world.issuer.counts();
    for (path, body, cookie, site) in rows {
        let page = forged(&world, cookie, path, &body, site).await;
        assert_eq!(page.status, 403, "{path} {body} {site}: {page:?}");
        assert_eq!(page.header("set-cookie"), "");
        assert_eq!(page.header("location"), "");
    }
    assert_eq!(world.issuer.counts().logins, before.logins);
    // The same form of the issuer itself does what it says.
    browser.submit(&page, &[("decision", "allow")]).await.code();
}

#[tokio::test]
async fn the_way_back_from_a_stale_form_leads_nowhere_else() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    browser.get(&authorize(&[])).await;
    for query in
        ["https://evil.example", "//evil.example", "\"><script>alert(1)</script>", "\r\nx: y"]
    {
        let form = [("token", "x"), ("to", "authorize"), ("query", query)];
        let page = browser.post("/login", &form).await;
        assert_eq!(page.status, 403);
        assert!(page.body.contains("href=\"/authorize?"), "{page:?}");
        assert!(!page.body.contains("<script"), "{page:?}");
    }
    let form = [("token", "x"), ("to", "https://evil.example"), ("query", "")];
    assert_eq!(browser.post("/login", &form).await.status, 400);
}

#[tokio::test]
async fn clickjacking_every_page_keeps_itself_out_of_frames() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    let login = browser.get(&authorize(&[])).await;
    let failed = browser.log_in(&login, "ada", "wrong").await;
    let problem = browser.get(&authorize(&[("client_id", "nobody")])).await;
    let mut browser = Browser::logged_in(&world).await;
    let web = authorize(&[("client_id", "web"), ("redirect_uri", "https://web.example/other")]);
    let consent = browser.get(&web).await;
    let cli = authorize(&[("client_id", "cli"), ("redirect_uri", "http://127.0.0.1:1/cb")]);
    let native = browser.get(&cli).await;
    let rows = [
        (&login, "form-action 'self' https:;"),
        (&failed, "form-action 'self' https:;"),
        (&problem, "form-action 'none';"),
        (&consent, "form-action 'self' https:;"),
        (&native, "form-action 'self' http:;"),
    ];
    for (page, forms) in rows {
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        for part in ["script-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", forms] {
            assert!(policy.contains(part), "{part}: {policy}");
        }
        assert_eq!(page.header("x-frame-options"), "DENY");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    }
}

#[tokio::test]
async fn xss_what_others_write_is_shown_and_never_run() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    let canary = "\"'><script>canary</script><img src=x onerror=canary>";
    for name in ["state", "nonce", "login_hint", "ui_locales", "canary\"><script>"] {
        let page = browser.get(&authorize(&[(name, canary)])).await;
        assert_eq!(page.status, 200, "{name}");
        assert!(!page.body.contains("<script") && !page.body.contains("<img"), "{name}");
        let page = browser.log_in(&page, canary, "wrong").await;
        assert_eq!(page.status, 403);
        assert!(!page.body.contains("<script") && !page.body.contains("<img"), "{name}");
    }
    for name in ["client_id", "redirect_uri", "scope", "response_type"] {
        let page = browser.get(&authorize(&[(name, canary)])).await;
        assert!(!page.body.contains("canary"), "{name}: {page:?}");
        assert!(!page.header("location").contains('<'), "{name}: {page:?}");
    }
}

#[tokio::test]
async fn j6_malformed_and_oversized_requests_are_refused_in_words() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    let huge = authorize(&[("state", &"x".repeat(17_000))]);
    let page = browser.get(&huge).await;
    assert_eq!((page.status, page.header("location")), (413, ""));
    for path in ["/authorize", "/login", "/consent"] {
        let big = "x=".to_owned() + &"x".repeat(17_000);
        for (body, header, expected) in [
            (big.as_bytes(), FORM, 413),
            (b"{}", ("content-type", "application/json"), 400),
            (b"a=1&a=2", FORM, 400),
        ] {
            let request = Request::post(path).header(header.0, header.1);
            let request = request.body(Body::from(body.to_vec())).expect("a request");
            let page = world.send(request).await;
            if (path, expected) != ("/authorize", 400) || header != FORM {
                assert_eq!(page.status, expected, "{path}: {page:?}");
                assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
            }
        }
    }
    for query in ["", "%", "%ff%fe=%00", "client_id=%ff", "=&=&", &"a=1&".repeat(100)] {
        let page = browser.get(&format!("/authorize?{query}")).await;
        assert_eq!(page.status, 400, "{query}: {page:?}");
    }
    let requests = ["\u{fffd}", "a b", "a\"b"].map(|value| authorize(&[("state", value)]));
    for request in requests {
        assert_eq!(browser.get(&request).await.status, 200);
    }
}

#[tokio::test]
async fn a_cookie_of_any_kind_is_no_login_and_no_error() {
    let world = World::new();
    let mut browser = Browser::logged_in(&world).await;
    let name = browser.cookies.keys().next().expect("a cookie").clone();
    let short = "x".repeat(42);
    let wrong = "x".repeat(43);
    let bad = "!".repeat(43);
    let long = "x".repeat(5000);
    for value in ["", &short, &wrong, &bad, &long, "\"x\"", "=;=;;"] {
        browser.cookies.insert(name.clone(), value.to_owned());
        let page = browser.get(&authorize(&[])).await;
        assert_eq!((page.status, page.title().as_str()), (200, "Log in"), "{value}");
    }
}
