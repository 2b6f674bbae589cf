//! Every route, asked rightly and wrongly.

use core::net::{Ipv4Addr, SocketAddr};
use core::pin::Pin;
use core::task::{Context, Poll};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use http_body::Frame;
use unlapse::Clock as _;
use unlapse::tokio::TokioClock;
use url::form_urlencoded;

use super::browser::{Browser, NOW, options};
use super::shown::{HOSTILE, OPERATOR, READER, Shown, TOKENS_ONLY, TURNED};
use crate::code::Code;
use crate::dashboard::assets::STYLE;
use crate::gate::Holder;
use crate::places::Places;
use crate::problem::Problem;

const PAGES: [&str; 7] = [
    "/",
    "/connections?tenant=acme",
    "/connection?tenant=acme&user=ada&provider=google&account=ada%40example.org",
    "/apps",
    "/imports",
    "/events",
    "/audit",
];
const ADA: [(&str, &str); 4] =
    [("tenant", "acme"), ("user", "ada"), ("provider", "google"), ("account", "ada@example.org")];
const BASE: [&str; 4] =
    ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"];

/// A body that never comes.
struct Never;

impl http_body::Body for Never {
    type Data = axum::body::Bytes;
    type Error = core::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Poll::Pending
    }
}

fn with<'a>(token: &'a str, form: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [("token", token)].into_iter().chain(form.iter().copied()).collect()
}

#[tokio::test]
async fn every_page_is_guarded_and_kept_by_nobody() {
    let shown = Shown::new(NOW);
    let mut browser = Browser::signed_in(&shown, OPERATOR).await;
    for path in PAGES.iter().chain(&["/login?to=x", "/connection?tenant=acme"]) {
        let mut reply = browser.get(path).await;
        if reply.status == 303 {
            reply = Browser::new(&shown, &options()).get(path).await;
        }
        let policy = reply.header("content-security-policy");
        assert!(BASE.iter().all(|rule| policy.contains(rule)), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(reply.header(name), value, "{path}");
        }
        for inline in ["<style", "style=\"", " onclick", "javascript:"] {
            assert!(!reply.body.contains(inline), "{path}: {inline}");
        }
        // Every script has an address, and every address of a page is the broker's own.
        assert_eq!(
            reply.body.matches("<script").count(),
            reply.body.matches("<script src=\"/assets/").count()
        );
        assert!(!reply.body.contains("src=\"http"), "{path}");
    }
}

#[tokio::test]
async fn nobody_sees_anything_without_a_key() {
    let shown = Shown::new(NOW);
    let mut stranger = Browser::new(&shown, &options());
    for path in PAGES {
        let reply = stranger.get(path).await;
        assert_eq!(reply.status, 303, "{path}");
        assert!(reply.header("location").starts_with("/login"), "{path}");
        assert!(reply.body.is_empty(), "{path}");
    }
    for path in ["/connection/renew", "/connection/remove", "/logout"] {
        assert_eq!(stranger.post(path, &ADA).await.status, 303, "{path}");
    }
    assert!(shown.facts().noted.is_empty());
    let reply = stranger.get(PAGES[2]).await;
    let to = reply.header("location").to_owned();
    assert!(to.starts_with("/login?to=%2Fconnection%3Ftenant%3Dacme%26user%3Dada"), "{to}");
}

#[tokio::test]
async fn signing_in_leads_back_and_nowhere_else() {
    let shown = Shown::new(NOW);
    for (to, location) in
        [("/apps", "/apps"), ("//evil.example", "/"), ("https://evil.example", "/"), ("", "/")]
    {
        let mut browser = Browser::new(&shown, &options());
        let token = browser.get("/login").await.token();
        let before = browser.cookie.clone();
        let form = [("token", &*token), ("key", " ulk_operator\r\n"), ("to", to)];
        let reply = browser.post("/login", &form).await;
        assert_eq!((reply.status, reply.header("location")), (303, location));
        let cookie = reply.header("set-cookie");
        assert!(cookie.starts_with("__Host-unlapse-broker="), "{cookie}");
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
        // Whoever knew the session before knows nothing of the one after.
        assert_ne!(browser.cookie, before);
    }
    assert_eq!(shown.facts().noted[0], "sign-in 0p");
}

#[tokio::test]
async fn a_key_that_opens_nothing_is_refused_and_not_shown() {
    let shown = Shown::new(NOW);
    let long = "k".repeat(300);
    for key in ["ulk_canary_wrong", TOKENS_ONLY, "", "two words", &long] {
        let mut browser = Browser::new(&shown, &options());
        let reply = browser.sign_in(key).await;
        assert_eq!(reply.status, 403, "{key}");
        assert!(reply.body.contains("role=\"alert\""), "{key}");
        assert!(key.is_empty() || !reply.body.contains(key), "R18: {key}");
        assert_eq!(browser.get("/").await.status, 303, "{key}");
    }
}

#[tokio::test]
async fn whoever_fails_too_often_is_slowed_down_and_locks_nobody_out() {
    let (shown, options) = (Shown::new(NOW), options());
    let attempt = async |port: u16, ip: Ipv4Addr, key: &str| {
        let mut browser = Browser::new(&shown, &options);
        let token = browser.get("/login").await.token();
        let request = Request::post("/login")
            .extension(ConnectInfo(SocketAddr::from((ip, port))))
            .header("content-type", "application/x-www-form-urlencoded");
        let body = Body::from(format!("token={token}&key={key}"));
        browser.send(request, body).await
    };
    let thief = Ipv4Addr::new(192, 0, 2, 7);
    for port in 1..=10 {
        assert_eq!(attempt(port, thief, "ulk_wrong").await.status, 403);
    }
    // A typing error is none, however often.
    assert_eq!(attempt(11, thief, "wrong").await.status, 403);
    let guess = |port| attempt(port, thief, "ulk_wrong");
    let (one, two, three, four) = tokio::join!(guess(12), guess(13), guess(14), guess(15));
    assert_eq!([one.status, two.status, three.status], [403; 3]);
    assert_eq!((four.status, four.header("retry-after")), (429, "1"));
    // Whoever is right gets in, from there as well.
    assert_eq!(attempt(16, thief, OPERATOR).await.status, 303);
    assert_eq!(attempt(17, Ipv4Addr::new(192, 0, 2, 8), OPERATOR).await.status, 303);
    let of_thief = |noted: &&String| *noted == "sign-in nobody 192.0.2.7";
    assert_eq!(shown.facts().noted.iter().filter(of_thief).count(), 1, "strangers fill no log");
}

#[tokio::test]
async fn a_crowd_that_wants_to_sign_in_keeps_nobody_from_the_pages() {
    let (shown, options) = (Shown::new(NOW), options());
    let mut visitor = Browser::new(&shown, &options);
    assert_eq!(visitor.sign_in(OPERATOR).await.status, 303);
    let mut stranger = Browser::new(&shown, &options);
    let token = stranger.get("/login").await.token();
    let crowd = |number: u32| options.strangers.enter(Some(Ipv4Addr::from(number).into())).ok();
    let crowd: Vec<_> = (0..1000).map_while(crowd).collect();
    let form = [("token", &*token), ("key", OPERATOR)];
    let reply = stranger.post("/login", &form).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, "5"));
    assert_eq!(visitor.get("/").await.status, 200);
    drop(crowd);
    assert_eq!(stranger.post("/login", &form).await.status, 303);
}

#[tokio::test]
async fn a_visitor_has_the_places_of_their_tenant_and_no_others() {
    let (shown, places) = (Shown::new(NOW), Places::new(8, 8));
    let options = options().places(&places);
    let signed_in = async |key: &str| {
        let mut browser = Browser::new(&shown, &options);
        assert_eq!(browser.sign_in(key).await.status, 303);
        browser
    };
    let (mut reader, mut operator) = (signed_in(READER).await, signed_in(OPERATOR).await);
    let acme = || Holder::Tenant("acme".parse().expect("a name"));
    // As many calls of the API as one tenant may have at once.
    let calls: Vec<_> = core::iter::from_fn(|| places.requests().enter(acme()).ok()).collect();
    assert_eq!(calls.len(), 7);
    for path in ["/", "/apps", "/imports", "/events", "/audit"] {
        let refused = reader.get(path).await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, "5"), "{path}");
        assert_eq!(operator.get(path).await.status, 200, "{path}: the last place is for others");
    }
    let last = places.requests().enter(Holder::Operator).expect("room");
    assert_eq!(operator.get("/").await.status, 503);
    // What pages are made of, and the way in, need none.
    assert_eq!(operator.get("/login").await.header("location"), "/");
    assert_eq!(reader.get(STYLE.path()).await.status, 200);
    drop((calls, last));
    // One after the other needs one place: it is given back with each answer.
    for _ in 0..20 {
        assert_eq!((reader.get("/").await.status, operator.get("/").await.status), (200, 200));
    }
}

#[tokio::test]
async fn a_form_that_is_still_to_come_and_a_renewal_have_places_of_their_own() {
    let (shown, places) = (Shown::new(NOW), Places::new(2, 1));
    // Both browsers are of one session.
    let options = options().places(&places).session_key([7; 32]);
    let mut browser = Browser::new(&shown, &options);
    assert_eq!(browser.sign_in(OPERATOR).await.status, 303);
    let token = browser.get(PAGES[2]).await.token();
    let mut slow = Browser::new(&shown, &options);
    slow.cookie.clone_from(&browser.cookie);
    let request = Request::post("/connection/renew")
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/x-www-form-urlencoded");
    let mut sending = Box::pin(slow.send(request, Body::new(Never)));
    tokio::select! {
        reply = &mut sending => panic!("its form does not come: {reply:?}"),
        () = TokioClock::new().sleep(core::time::Duration::from_millis(100)) => {}
    }
    // It has the operators' share of forms that are to come, and no place of those who are answered.
    let form = with(&token, &ADA);
    assert_eq!(browser.post("/connection/renew", &form).await.status, 429);
    assert_eq!(browser.get("/").await.status, 200);
    drop(sending);
    let renewing = places.long().enter(Holder::Operator).expect("room");
    assert_eq!(browser.post("/connection/renew", &form).await.status, 503);
    assert_eq!(browser.get("/").await.status, 200);
    assert!(!shown.facts().noted.iter().any(|noted| noted.starts_with("renew")));
    drop(renewing);
    assert_eq!(browser.post("/connection/renew", &form).await.status, 303);
}

#[tokio::test]
async fn a_key_that_ends_ends_its_sessions() {
    let shown = Shown::new(NOW);
    let mut browser = Browser::signed_in(&shown, READER).await;
    assert_eq!(browser.get("/").await.status, 200);
    shown.facts().keys.get_mut(READER).expect("known").expires_at = Some(NOW);
    assert_eq!(browser.get("/").await.status, 303);
    shown.facts().keys.get_mut(READER).expect("known").expires_at = None;
    assert_eq!(browser.get("/").await.status, 200);
    shown.facts().keys.remove(READER);
    assert_eq!(browser.get("/").await.status, 303);
    let mut operator = Browser::signed_in(&shown, OPERATOR).await;
    shown.facts().now = NOW.plus(core::time::Duration::from_secs(12 * 3600));
    assert_eq!(operator.get("/").await.status, 303);
}

#[tokio::test]
async fn buttons_work_with_the_token_of_the_session_alone() {
    let shown = Shown::new(NOW);
    let mut browser = Browser::signed_in(&shown, OPERATOR).await;
    let mut other = Browser::signed_in(&shown, OPERATOR).await;
    let theirs = other.get(PAGES[2]).await.token();
    let own = browser.get(PAGES[2]).await.token();
    for path in ["/connection/renew", "/connection/remove", "/logout"] {
        for token in ["", "x", &theirs] {
            assert_eq!(browser.post(path, &with(token, &ADA)).await.status, 403, "{path}");
        }
        // Another site cannot send it, even if it knew the token.
        for site in ["cross-site", "same-site"] {
            let request = Request::post(path)
                .header("sec-fetch-site", site)
                .header("content-type", "application/x-www-form-urlencoded");
            let reply = browser.send(request, Body::from(format!("token={own}"))).await;
            assert_eq!(reply.status, 403, "{path}");
        }
        assert_eq!(browser.get(&format!("{path}?x")).await.status / 100, 4, "{path}");
    }
    let noted = shown.facts().noted.clone();
    assert!(noted.iter().all(|line| line.starts_with("sign-in")), "{noted:?}");

    let reply = browser.post("/connection/renew", &with(&own, &ADA)).await;
    assert_eq!(reply.status, 303);
    let reply = browser.get(reply.header("location")).await;
    assert!(reply.body.contains("The connection was renewed."), "{}", reply.body);
    let reply = browser.post("/connection/remove", &with(&own, &ADA)).await;
    assert_eq!((reply.status, reply.header("location")), (303, "/connections?tenant=acme"));
    let noted = shown.facts().noted.clone();
    assert_eq!(
        noted[2..],
        [
            "renew acme: ada/google/ada@example.org by key:0p",
            "remove acme: ada/google/ada@example.org by key:0p",
        ]
    );
    let gone = browser.get(PAGES[2]).await;
    assert_eq!(gone.status, 404);
    assert!(gone.body.contains("ACCOUNT_NOT_FOUND"), "{}", gone.body);
}

#[tokio::test]
async fn a_tenant_sees_and_changes_its_own_alone() {
    let shown = Shown::new(NOW);
    let mut browser = Browser::signed_in(&shown, READER).await;
    for path in PAGES {
        let body = browser.get(path).await.body;
        assert!(!body.contains("globex") && !body.contains("broker-1 (4711)</th>"), "{path}");
    }
    for path in [
        "/?tenant=globex",
        "/connections?tenant=globex",
        "/connection?tenant=globex&user=ada&provider=google&account=a",
        "/connection/remove?tenant=acme&user=ada&provider=google&account=a",
    ] {
        let reply = browser.get(path).await;
        assert_eq!(reply.status, 403, "{path}");
    }
    let token = browser.get(PAGES[2]).await.token();
    for path in ["/connection/renew", "/connection/remove"] {
        assert_eq!(browser.post(path, &with(&token, &ADA)).await.status, 403, "{path}");
    }
    assert_eq!(shown.facts().noted.len(), 1, "the sign-in");
}

#[tokio::test]
async fn rfc9700_4_4_each_app_is_shown_with_the_redirect_uri_to_register() {
    let shown = Shown::new(NOW);
    let body = Browser::signed_in(&shown, OPERATOR).await.get("/apps").await.body;
    for app in ["acme/google", "acme/hubspot", "globex/salesforce"] {
        let uri = format!("<code class=\"whole\">https://broker.example/callback/{app}</code>");
        assert_eq!(body.matches(&uri).count(), 1, "{app}: {body}");
    }
    let body = Browser::signed_in(&shown, READER).await.get("/apps").await.body;
    assert!(body.contains("/callback/acme/google<") && !body.contains("/callback/globex/"));
}

#[tokio::test]
async fn names_of_others_are_escaped() {
    let shown = Shown::new(NOW);
    let mut browser = Browser::signed_in(&shown, OPERATOR).await;
    for path in ["/connections?tenant=acme", "/audit", "/events"] {
        let body = browser.get(path).await.body;
        assert!(body.contains("&#60;script&#62;document.title"), "{path}");
        assert!(!body.contains(HOSTILE) && !body.contains("<script>"), "{path}");
    }
    let user: String = form_urlencoded::byte_serialize(TURNED.as_bytes()).collect();
    let body = browser.get(&format!("/connections?tenant=acme&user={user}")).await.body;
    assert!(body.contains(&format!("<bdi>{TURNED}</bdi>")), "{body}");
    let attack = "/connections?user=%22%3E%3Cscript%3E&provider=%22%3E%3Cb&state=active";
    let reply = browser.get(attack).await;
    assert_eq!(reply.status, 400);
    assert!(!reply.body.contains("<script>"), "{}", reply.body);
    let reply = browser.get("/connections?tenant=acme&user=%22%3E%3Cscript%3E").await;
    assert_eq!(reply.status, 200);
    assert!(!reply.body.contains("<script>"), "{}", reply.body);
}

#[tokio::test]
async fn lists_have_parts() {
    let shown = Shown::new(NOW);
    let mut browser = Browser::signed_in(&shown, OPERATOR).await;
    for (path, rows) in [("/connections?tenant=acme", 68), ("/audit", 120)] {
        let mut next = Some(path.to_owned());
        let mut seen = std::collections::BTreeSet::new();
        while let Some(path) = next {
            let body = browser.get(&path).await.body;
            let ids = body.split("<tr id=\"").skip(1).filter_map(|row| row.split('"').next());
            for id in ids {
                assert!(seen.insert(id.to_owned()), "{id} twice");
            }
            let link = body.split_once("rel=\"next\" href=\"").map(|(_, rest)| rest);
            let link = link.and_then(|rest| rest.split('"').next());
            next = link.map(|link| link.replace("&#38;", "&"));
        }
        assert_eq!(seen.len(), rows, "{path}");
    }
}

#[tokio::test]
async fn what_cannot_be_is_a_page_with_a_code() {
    let shown = Shown::new(NOW);
    let mut browser = Browser::signed_in(&shown, OPERATOR).await;
    let long =
        format!("/connection?tenant=acme&user={}&provider=google&account=a", "x".repeat(257));
    let large = format!("/?{}", "a".repeat(17_000));
    for (path, status) in [
        ("/?tenant=A", 400),
        ("/?tenant=a&tenant=b", 400),
        ("/connections?state=dead", 400),
        ("/connections?tenant=acme&after=zzz", 400),
        ("/connections?user=%00", 400),
        ("/connection", 400),
        (&long, 400),
        ("/audit?before=-1", 400),
        ("/audit?before=99999999999999999999", 400),
        (&large, 413),
    ] {
        let reply = browser.get(path).await;
        assert_eq!(reply.status, status, "{path:.60}");
        assert!(reply.body.contains("<main"), "{path:.60}");
    }
    let request = Request::post("/login").header("content-type", "application/json");
    assert_eq!(browser.send(request, Body::from("{}")).await.status, 400);
    let request = Request::post("/connection/renew")
        .header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(browser.send(request, Body::from(vec![b'a'; 20_000])).await.status, 413);
    assert_eq!(browser.post("/", &[]).await.status, 405);
    assert_eq!(browser.get("/assets/style.css").await.status, 404);
    let away = Problem::new(Code::DatabaseAway, "the database cannot be asked");
    shown.facts().away = Some(away);
    for path in PAGES {
        let reply = browser.get(path).await;
        assert_eq!((reply.status, reply.header("retry-after")), (503, "5"), "{path}");
        assert!(reply.body.contains("DATABASE_AWAY"), "{path}");
    }
}

#[tokio::test]
async fn an_open_dashboard_answers_to_names_of_the_loopback_alone() {
    let shown = Shown::new(NOW);
    let mut browser = Browser::new(&shown, &options().open(true));
    let ask = |host: &str| Request::get("/").header("host", host);
    let reply = browser.send(ask("127.0.0.1:8480"), Body::empty()).await;
    assert_eq!(reply.status, 200);
    for host in ["evil.example", "127.0.0.1.evil.example", "10.0.0.5:8480"] {
        assert_eq!(browser.send(ask(host), Body::empty()).await.status, 421, "{host}");
    }
    assert_eq!(browser.send(Request::get("/"), Body::empty()).await.status, 421);
    let far = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 7), 9));
    let request = ask("localhost").extension(ConnectInfo(far));
    assert_eq!(browser.send(request, Body::empty()).await.status, 421);
    // Its forms are its own all the same.
    let renew = |token: &str| {
        let body =
            format!("token={token}&tenant=acme&user=ada&provider=google&account=ada%40example.org");
        let request = Request::post("/connection/renew")
            .header("host", "localhost")
            .header("content-type", "application/x-www-form-urlencoded");
        (request, Body::from(body))
    };
    let (request, body) = renew("x");
    assert_eq!(browser.send(request, body).await.status, 403);
    let request = Request::get(PAGES[2]).header("host", "localhost");
    let token = browser.send(request, Body::empty()).await.token();
    let (request, body) = renew(&token);
    assert_eq!(browser.send(request, body).await.status, 303);
    assert_eq!(shown.facts().noted, ["renew acme: ada/google/ada@example.org by operator"]);
}

#[tokio::test]
async fn signing_out_forgets() {
    let shown = Shown::new(NOW);
    let mut browser = Browser::signed_in(&shown, OPERATOR).await;
    let token = browser.get("/").await.token();
    let reply = browser.post("/logout", &[("token", &token)]).await;
    assert_eq!((reply.status, reply.header("location")), (303, "/login"));
    assert!(reply.header("set-cookie").contains("Max-Age=0"), "{reply:?}");
    assert_eq!(browser.get("/").await.status, 303);
}

#[tokio::test]
async fn assets_are_kept_for_ever_under_names_that_change_with_them() {
    let shown = Shown::new(NOW);
    let mut browser = Browser::signed_in(&shown, OPERATOR).await;
    let body = browser.get("/").await.body;
    let assets: std::collections::BTreeSet<_> =
        body.split('"').filter(|it| it.starts_with("/assets/")).map(str::to_owned).collect();
    assert_eq!(assets.len(), 3, "{assets:?}");
    for asset in assets {
        let reply = browser.get(&asset).await;
        assert_eq!(reply.status, 200, "{asset}");
        assert_eq!(reply.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        // Nothing of them lies elsewhere.
        assert!(!reply.body.contains("url(") && !reply.body.contains("@import"), "{asset}");
    }
}

#[tokio::test]
async fn a_copy_of_a_cookie_is_worth_nothing_after_signing_out() {
    let shown = Shown::new(NOW);
    let mut browser = Browser::signed_in(&shown, OPERATOR).await;
    let copied = browser.cookie.clone();
    let token = browser.get("/").await.token();
    assert_eq!(browser.post("/logout", &[("token", &token)]).await.status, 303);
    browser.cookie = copied;
    assert!(browser.get("/").await.header("location").starts_with("/login"));
}

#[tokio::test]
async fn a_link_from_elsewhere_overwrites_no_session() {
    let shown = Shown::new(NOW);
    for (to, again) in [("/apps", "0; url=/apps"), ("//evil.example", "0; url=/")] {
        // `SameSite=Strict`: the browser has a cookie, and does not send it.
        let mut browser = Browser::new(&shown, &options());
        let request =
            Request::get(format!("/login?to={to}")).header("sec-fetch-site", "cross-site");
        let reply = browser.send(request, Body::empty()).await;
        assert_eq!((reply.status, reply.header("set-cookie")), (200, ""));
        assert_eq!(reply.header("refresh"), again);
        let request = Request::get("/login").header("sec-fetch-site", "same-origin");
        let reply = browser.send(request, Body::empty()).await;
        assert!(!reply.header("set-cookie").is_empty() && reply.header("refresh").is_empty());
    }
}
