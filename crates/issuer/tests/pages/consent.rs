//! A person is asked whether a client may act for them.

use std::time::Duration;

use crate::browser::Browser;
use crate::world::{World, authorize};

const WEB: [(&str, &str); 2] =
    [("client_id", "web"), ("redirect_uri", "https://web.example/cb?k=v")];

fn web(changed: &[(&'static str, &'static str)]) -> String {
    authorize(&[&WEB[..], changed].concat())
}

#[tokio::test]
async fn a_client_of_others_is_asked_about_once() {
    let world = World::new();
    let mut browser = Browser::logged_in(&world).await;
    let page = browser.get(&web(&[])).await;
    assert_eq!(page.title(), "Allow Ada & <b>Bob</b>'s \"Web\"?");
    assert!(page.body.contains("web.example") && page.body.contains("<code>read</code>"));
    assert!(page.body.contains("<strong>ada</strong>"), "who is logged in");
    let page = browser.submit(&page, &[("decision", "allow")]).await;
    assert_eq!(page.parameter("k").as_deref(), Some("v"), "the query is kept");
    page.code();
    browser.get(&web(&[])).await.code();
    browser.get(&web(&[("prompt", "none")])).await.code();
    // More than was allowed, or when the client wants it.
    for changed in [("scope", "read email"), ("prompt", "consent")] {
        let page = browser.get(&web(&[changed])).await;
        assert!(page.title().starts_with("Allow "), "{changed:?}");
    }
    let page = browser.get(&web(&[("scope", "email"), ("prompt", "none")])).await;
    assert_eq!(page.parameter("error").as_deref(), Some("consent_required"));
    // Both are remembered together.
    let page = browser.get(&web(&[("scope", "email")])).await;
    browser.submit(&page, &[("decision", "allow")]).await.code();
    browser.get(&web(&[("scope", "read email")])).await.code();
    world.pass(Duration::from_secs(366 * 86_400));
    let mut browser = Browser::logged_in(&world).await;
    assert!(browser.get(&web(&[])).await.title().starts_with("Allow "));
}

#[tokio::test]
async fn consent_is_of_one_person_and_one_client() {
    let world = World::new();
    let mut browser = Browser::logged_in(&world).await;
    let page = browser.get(&web(&[])).await;
    browser.submit(&page, &[("decision", "allow")]).await.code();
    let page = browser.get(&web(&[("prompt", "login")])).await;
    let page = browser.log_in(&page, "eve", "correct horse").await;
    assert!(browser.follow(&page).await.title().starts_with("Allow "));
}

#[tokio::test]
async fn rfc6749_4_1_2_1_no_is_told_to_the_client_and_not_remembered() {
    let world = World::new();
    let mut browser = Browser::logged_in(&world).await;
    let page = browser.get(&web(&[])).await;
    let denied = browser.submit(&page, &[("decision", "deny")]).await;
    assert_eq!(denied.parameter("error").as_deref(), Some("access_denied"));
    assert_eq!(denied.parameter("state").as_deref(), Some("st&te=1"));
    assert!(browser.get(&web(&[])).await.title().starts_with("Allow "));
    assert_eq!(browser.submit(&page, &[("decision", "perhaps")]).await.status, 400);
}

#[tokio::test]
async fn rfc8252_8_6_who_could_be_anybody_is_asked_about_every_time() {
    let world = World::new();
    let mut browser = Browser::logged_in(&world).await;
    let cli = authorize(&[("client_id", "cli"), ("redirect_uri", "http://127.0.0.1:1/cb")]);
    for _ in 0..2 {
        let page = browser.get(&cli).await;
        assert!(page.body.contains("an application on this device"), "{page:?}");
        browser.submit(&page, &[("decision", "allow")]).await.code();
    }
}

#[tokio::test]
async fn somebody_else_may_log_in_instead() {
    let world = World::new();
    let mut browser = Browser::logged_in(&world).await;
    let page = browser.get(&web(&[])).await;
    let (_, other) = page.body.split_once("href=\"").expect("a link");
    let other = other.split('"').next().expect("an end").replace("&#38;", "&");
    let page = browser.get(&other).await;
    assert_eq!(page.title(), "Log in");
    let page = browser.log_in(&page, "eve", "correct horse").await;
    let page = browser.follow(&page).await;
    assert!(page.body.contains("<strong>eve</strong>"), "{page:?}");
}

#[tokio::test]
async fn a_login_that_ends_meanwhile_is_asked_for_again() {
    let world = World::with(|builder| builder.browser_lifetime(Duration::from_secs(60)));
    let mut browser = Browser::logged_in(&world).await;
    let page = browser.get(&web(&[])).await;
    world.pass(Duration::from_secs(60));
    let page = browser.submit(&page, &[("decision", "allow")]).await;
    assert_eq!(browser.follow(&page).await.title(), "Log in");
}
