//! The login page, and the cookie that a login is.

use std::sync::Arc;
use std::time::Duration;

use unlapse_issuer::{Event, MemoryStore, Store};

use crate::browser::Browser;
use crate::world::{World, authorize};

#[tokio::test]
async fn j2_a_wrong_password_and_an_unknown_name_are_one_page() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    let page = browser.get(&authorize(&[])).await;
    let wrong = browser.log_in(&page, "ada", "wrong").await;
    let unknown = browser.log_in(&page, "bob", "wrong").await;
    for (page, name) in [(&wrong, "ada"), (&unknown, "bob")] {
        assert_eq!(page.status, 403);
        assert!(page.body.contains("role=\"alert\""), "{page:?}");
        assert_eq!(page.field("username"), name, "need not be typed again");
    }
    assert_eq!(wrong.body.replace("ada", "bob"), unknown.body);
    assert!(!wrong.body.contains("wrong"), "never the password");
    // And the same form goes on.
    assert_eq!(browser.log_in(&wrong, "ada", "correct horse").await.status, 303);
}

#[tokio::test]
async fn j2_failures_are_those_of_every_other_door() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    let page = browser.get(&authorize(&[])).await;
    for _ in 0..5 {
        assert_eq!(browser.log_in(&page, "ada", "wrong").await.status, 403);
    }
    let waiting = browser.log_in(&page, "ada", "correct horse").await;
    assert_eq!((waiting.status, waiting.header("retry-after")), (429, "1"));
    world.pass(Duration::from_secs(1));
    assert_eq!(browser.log_in(&page, "ada", "correct horse").await.status, 303);
}

#[tokio::test]
async fn the_cookie_is_kept_from_scripts_other_hosts_and_plain_http() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    let page = browser.get(&authorize(&[])).await;
    let cookie = page.header("set-cookie");
    assert!(cookie.starts_with("__Host-unlapse-"), "{cookie}");
    for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Domain") && !cookie.contains("Max-Age"), "{cookie}");
    let again = browser.get(&authorize(&[])).await;
    assert_eq!(again.header("set-cookie"), "", "it has one");
}

#[tokio::test]
async fn the_cookie_changes_with_every_login() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    let page = browser.get(&authorize(&[])).await;
    let before = browser.cookies.clone();
    let page = browser.log_in(&page, "ada", "correct horse").await;
    browser.follow(&page).await.code();
    let first = browser.cookies.clone();
    assert_ne!(before, first, "session fixation");
    // Somebody who gave the browser its first cookie is not logged in by it.
    let mut planted = Browser::new(&world);
    planted.cookies = before;
    assert_eq!(planted.get(&authorize(&[])).await.title(), "Log in");
    // Another login ends the one before.
    let page = browser.get(&authorize(&[("prompt", "login")])).await;
    browser.log_in(&page, "eve", "correct horse").await;
    let mut old = Browser::new(&world);
    old.cookies = first;
    assert_eq!(old.get(&authorize(&[])).await.title(), "Log in");
}

#[tokio::test]
async fn c13_the_store_never_sees_a_cookie_or_a_code() {
    let store = Arc::new(MemoryStore::new());
    let kept = Arc::clone(&store);
    let world = World::with(|builder| builder.store(kept as Arc<dyn Store>));
    let mut browser = Browser::logged_in(&world).await;
    let code = browser.get(&authorize(&[])).await.code();
    let shown = format!("{store:?}");
    assert!(shown.contains("tickets"), "{shown}");
    for secret in browser.cookies.values().chain([&code]) {
        // A ticket's value is printed as numbers.
        let numbers = format!("{:?}", secret.as_bytes());
        let numbers = numbers.trim_matches(['[', ']']);
        assert!(!shown.contains(secret) && !shown.contains(numbers), "{shown}");
    }
}

#[tokio::test]
async fn j2_logins_are_audited() {
    let log = Arc::new(std::sync::Mutex::new(Vec::new()));
    let writer = Arc::clone(&log);
    let world = World::with(|builder| {
        builder.audit(move |audit| {
            let entry = (audit.event, audit.subject.map(str::to_owned));
            writer.lock().expect("no panic held it").push(entry);
        })
    });
    let mut browser = Browser::logged_in(&world).await;
    let code = browser.get(&authorize(&[])).await.code();
    world.redeem(&code).await;
    let ada = || Some("user-1".to_owned());
    let expected = [(Event::LoggedIn, ada()), (Event::SessionOpened, ada())];
    assert_eq!(*log.lock().expect("no panic held it"), expected);
}
