//! People look at their own sessions and end them; a login in a browser ends.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use unlapse_issuer::{Client, MemoryClients, SessionId};

use crate::browser::{Browser, Page};
use crate::world::{World, authorize, scopes};

/// An access token of a new session of `user-1`, and the session.
async fn session(world: &World, client: &str, scope: &str) -> (String, SessionId) {
    let opened = world.issuer.open_session("user-1", client, scopes(scope)).await.expect("opened");
    (opened.access_token.expose().to_owned(), opened.session.expect("a session"))
}

async fn ask(world: &World, method: &str, path: &str, access_token: &str) -> Page {
    let request = Request::builder().method(method).uri(path);
    let request = request.header("authorization", format!("Bearer {access_token}"));
    world.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn k9_a_person_lists_and_ends_their_sessions_with_a_token() {
    let world = World::new();
    let (token, own) = session(&world, "app", "read").await;
    let (other, other_id) = session(&world, "web", "email").await;
    let stranger = world.issuer.open_session("user-2", "app", scopes("")).await.expect("opened");
    let listed = ask(&world, "GET", "/sessions", &token).await;
    assert_eq!((listed.status, listed.header("cache-control")), (200, "no-store"));
    let listed = listed.json();
    let listed = listed["sessions"].as_array().expect("a list");
    let mut ids: Vec<_> = listed.iter().map(|it| (&it["id"], &it["current"])).collect();
    ids.sort_by_key(|(_, current)| current.as_bool());
    let expected =
        [(other_id.to_string().into(), false.into()), (own.to_string().into(), true.into())];
    assert_eq!(ids, expected.iter().map(|(a, b)| (a, b)).collect::<Vec<_>>());
    let ended = ask(&world, "DELETE", &format!("/sessions/{other_id}"), &token).await;
    assert_eq!((ended.status, ended.body.as_str()), (204, ""));
    assert!(world.issuer.verify(&other).is_err(), "at once");
    // Not twice, not that of somebody else, and nothing that is none.
    let theirs = stranger.session.expect("a session").to_string();
    for id in [&other_id.to_string(), &theirs, "x", "%20", &"A".repeat(22)] {
        let refused = ask(&world, "DELETE", &format!("/sessions/{id}"), &token).await;
        assert_eq!(refused.refusal(), (400, "session_unknown".to_owned()), "{id}");
    }
    world.issuer.verify(stranger.access_token.expose()).expect("goes on");
    let (third, _) = session(&world, "web", "").await;
    assert_eq!(ask(&world, "DELETE", "/sessions", &token).await.status, 204);
    assert!(world.issuer.verify(&third).is_err());
    world.issuer.verify(&token).expect("its own goes on");
    assert_eq!(ask(&world, "DELETE", &format!("/sessions/{own}"), &token).await.status, 204);
    assert_eq!(ask(&world, "GET", "/sessions", &token).await.status, 401);
}

#[tokio::test]
async fn a_client_of_others_sees_no_sessions_unless_it_may() {
    let world = World::new();
    let (token, own) = session(&world, "web", "read").await;
    let (app, app_id) = session(&world, "app", "read").await;
    for (method, path) in
        [("GET", "/sessions"), ("DELETE", "/sessions"), ("DELETE", &format!("/sessions/{app_id}"))]
    {
        let refused = ask(&world, method, path, &token).await;
        assert_eq!(refused.refusal(), (403, "scope_insufficient".to_owned()), "{method} {path}");
        assert!(refused.header("www-authenticate").contains("scope=\"sessions\""));
    }
    world.issuer.verify(&app).expect("goes on");
    let (may, _) = session(&world, "web", "sessions").await;
    assert_eq!(ask(&world, "GET", "/sessions", &may).await.status, 200);
    // Its own session any client may end.
    assert_eq!(ask(&world, "DELETE", &format!("/sessions/{own}"), &token).await.status, 204);
}

#[tokio::test]
async fn a_token_of_a_client_itself_is_nobodys() {
    // Even when somebody is called as the client is.
    let world = World::with(|builder| {
        let secret = unlapse_core::Secret::new("s3cret");
        let client = Client::confidential("user-1", &secret).with_first_party();
        builder.clients(Arc::new(MemoryClients::new([client])))
    });
    session(&world, "app", "read").await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "user-1"),
        ("client_secret", "s3cret"),
    ];
    let token = world.token(&form).await.text("access_token");
    for method in ["GET", "DELETE"] {
        assert_eq!(ask(&world, method, "/sessions", &token).await.status, 401);
    }
    assert_eq!(ask(&world, "GET", "/sessions", "x").await.status, 401);
}

#[tokio::test]
async fn k9_a_person_ends_sessions_on_the_page() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    let page = browser.get("/sessions").await;
    assert_eq!(page.title(), "Log in");
    let again = browser.log_in(&page, "ada", "wrong").await;
    let page = browser.log_in(&again, "ada", "correct horse").await;
    let page = browser.follow(&page).await;
    assert!(page.body.contains("You are logged in nowhere"), "{page:?}");
    let code = browser.get(&authorize(&[])).await.code();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "app"),
        ("code", &code),
        ("redirect_uri", crate::world::CALLBACK),
        ("code_verifier", crate::world::VERIFIER),
    ];
    let label = "<script>alert(1)</script>";
    let first = world.post_from(label, "/token", &form).await.text("access_token");
    let (second, id) = session(&world, "web", "").await;
    world.pass(std::time::Duration::from_secs(120));
    let page = browser.get("/sessions").await;
    for shown in ["&#60;script&#62;", "Ada &#38; &#60;b&#62;", "2 minutes ago"] {
        assert!(page.body.contains(shown), "{shown}: {page:?}");
    }
    assert!(!page.body.contains("<script"), "{page:?}");
    let after = browser.submit(&page, &[("session", &id.to_string())]).await;
    assert_eq!(after.location().path(), "/sessions");
    assert!(world.issuer.verify(&second).is_err());
    world.issuer.verify(&first).expect("goes on");
    let stranger = world.issuer.open_session("user-2", "app", scopes("")).await.expect("opened");
    let theirs = stranger.session.expect("a session").to_string();
    browser.submit(&page, &[("session", &theirs)]).await;
    world.issuer.verify(stranger.access_token.expose()).expect("not theirs to end");
    assert_eq!(browser.submit(&page, &[("session", "x")]).await.status, 400);
    // Of another site, nothing ends.
    let forged = browser.post("/sessions", &[("session", "all")]).await;
    assert_eq!(forged.status, 403);
    world.issuer.verify(&first).expect("goes on");
    browser.submit(&page, &[("session", "all")]).await;
    assert!(world.issuer.verify(&first).is_err());
    world.issuer.verify(stranger.access_token.expose()).expect("not theirs to end");
}

#[tokio::test]
async fn a_login_ends_and_sessions_go_on() {
    let world = World::new();
    let mut browser = Browser::logged_in(&world).await;
    let granted = world.redeem(&browser.get(&authorize(&[])).await.code()).await;
    let cookies = browser.cookies.clone();
    assert_eq!(browser.post("/logout", &[]).await.status, 403, "CSRF");
    browser.get(&authorize(&[])).await.code();
    let page = browser.get("/logout").await;
    let out = browser.submit(&page, &[]).await;
    assert_eq!(out.title(), "You are logged out");
    assert!(out.header("set-cookie").contains("Max-Age=0"), "{out:?}");
    // Nor does the old cookie help who has kept it.
    let mut thief = Browser::new(&world);
    thief.cookies = cookies;
    assert_eq!(thief.get(&authorize(&[])).await.title(), "Log in");
    world.issuer.verify(&granted.text("access_token")).expect("the session goes on");
}

#[tokio::test]
async fn who_has_logged_in_elsewhere_is_logged_out_by_the_end_of_all_sessions() {
    let world = World::new();
    let mut thief = Browser::logged_in(&world).await;
    let code = thief.get(&authorize(&[])).await.code();
    let begun = world.post("/device_authorization", &[("client_id", "cli")]).await;
    let page = thief.get("/device").await;
    let page = thief.submit(&page, &[("user_code", &begun.text("user_code"))]).await;
    thief.submit(&page, &[("decision", "allow")]).await;
    let mut other = Browser::new(&world);
    let page = other.get("/sessions").await;
    let page = other.log_in(&page, "eve", "correct horse").await;
    other.follow(&page).await;
    // The page lets people do it, also when it has no session to show.
    let mut owner = Browser::logged_in(&world).await;
    let page = owner.get("/sessions").await;
    assert!(page.body.contains("You are logged in nowhere"), "{page:?}");
    owner.submit(&page, &[("session", "all")]).await;
    world.pass(std::time::Duration::from_millis(1));
    for browser in [&mut thief, &mut owner] {
        assert_eq!(browser.get(&authorize(&[])).await.title(), "Log in");
    }
    let refused = |code: &str| (400, code.to_owned());
    assert_eq!(world.redeem(&code).await.refusal(), refused("code_unknown"));
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", "cli"),
        ("device_code", &begun.text("device_code")),
    ];
    assert_eq!(world.token(&form).await.refusal(), refused("device_code_unknown"));
    let left = world.issuer.sessions_of("user-1").await.expect("in memory");
    assert!(left.is_empty(), "{left:?}");
    // Nobody else is logged out, and a new login counts.
    other.get(&authorize(&[])).await.code();
    let mut owner = Browser::logged_in(&world).await;
    let code = owner.get(&authorize(&[])).await.code();
    assert_eq!(world.redeem(&code).await.status, 200);
}
