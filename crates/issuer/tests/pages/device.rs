//! A device is let in at another one (RFC 8628).

use std::time::Duration;

use crate::browser::{Browser, Page};
use crate::world::World;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

async fn begin(world: &World) -> Page {
    let page =
        world.post("/device_authorization", &[("client_id", "cli"), ("scope", "read")]).await;
    assert_eq!(page.status, 200, "{page:?}");
    page
}

async fn ask(world: &World, device_code: &str) -> Page {
    let form = [("grant_type", GRANT), ("client_id", "cli"), ("device_code", device_code)];
    world.token(&form).await
}

fn refusal(code: &str) -> (u16, String) {
    (400, code.to_owned())
}

/// The page that asks whether the device may.
async fn typed(browser: &mut Browser<'_>, user_code: &str) -> Page {
    let page = browser.get("/device").await;
    browser.submit(&page, &[("user_code", user_code)]).await
}

#[tokio::test]
async fn rfc8628_a_device_is_let_in_once() {
    let world = World::new();
    let begun = begin(&world).await;
    let (device_code, user_code) = (begun.text("device_code"), begun.text("user_code"));
    assert_eq!(begun.text("verification_uri"), "https://id.example/device");
    assert_eq!((&begun.json()["expires_in"], &begun.json()["interval"]), (&600.into(), &5.into()));
    assert_eq!(ask(&world, &device_code).await.refusal(), refusal("authorization_pending"));
    // The link leads through the login to the form, filled in.
    let link = begun.text("verification_uri_complete");
    let link = link.strip_prefix("https://id.example").expect("of the issuer");
    let mut browser = Browser::new(&world);
    let page = browser.get(link).await;
    assert_eq!(page.title(), "Log in");
    let page = browser.log_in(&page, "ada", "correct horse").await;
    let page = browser.follow(&page).await;
    assert_eq!(page.field("user_code"), user_code);
    let page = browser.submit(&page, &[]).await;
    assert_eq!(page.title(), "Let cli in?");
    for shown in [user_code.as_str(), "<code>read</code>", "<strong>ada</strong>"] {
        assert!(page.body.contains(shown), "{shown}: {page:?}");
    }
    world.pass(Duration::from_secs(5));
    assert_eq!(ask(&world, &device_code).await.refusal(), refusal("authorization_pending"));
    let done = browser.submit(&page, &[("decision", "allow")]).await;
    assert_eq!(done.title(), "Your device is logged in");
    let granted = ask(&world, &device_code).await;
    assert_eq!(granted.status, 200, "{granted:?}");
    let claims = world.issuer.verify(&granted.text("access_token")).expect("good");
    assert_eq!((claims.sub.as_str(), claims.client_id.as_str()), ("user-1", "cli"));
    assert_eq!(claims.scope.as_deref(), Some("read"));
    granted.text("refresh_token");
    assert_eq!(ask(&world, &device_code).await.refusal(), refusal("device_code_unknown"));
    world.issuer.verify(&granted.text("access_token")).expect("nothing was ended by that");
    // And nobody decides again.
    let again = browser.submit(&page, &[("decision", "deny")]).await;
    assert!(again.body.contains("No device is waiting"), "{again:?}");
}

#[tokio::test]
async fn rfc8628_3_5_no_too_late_and_too_often() {
    let world = World::new();
    let mut browser = Browser::logged_in(&world).await;
    let begun = begin(&world).await;
    let page = typed(&mut browser, &begun.text("user_code")).await;
    let done = browser.submit(&page, &[("decision", "deny")]).await;
    assert_eq!(done.title(), "The device is kept out");
    let device_code = begun.text("device_code");
    let refused = ask(&world, &device_code).await;
    assert_eq!(
        (refused.refusal(), refused.text("error").as_str()),
        (refusal("access_denied"), "access_denied")
    );
    let begun = begin(&world).await;
    let device_code = begun.text("device_code");
    assert_eq!(ask(&world, &device_code).await.text("error"), "authorization_pending");
    assert_eq!(ask(&world, &device_code).await.text("error"), "slow_down");
    world.pass(Duration::from_secs(9));
    assert_eq!(ask(&world, &device_code).await.text("error"), "slow_down");
    world.pass(Duration::from_secs(15));
    assert_eq!(ask(&world, &device_code).await.text("error"), "authorization_pending");
    world.pass(Duration::from_secs(600));
    assert_eq!(ask(&world, &device_code).await.text("error"), "expired_token");
    let page = typed(&mut browser, &begun.text("user_code")).await;
    assert!(page.body.contains("No device is waiting"), "{page:?}");
    world.pass(Duration::from_secs(600));
    assert_eq!(ask(&world, &device_code).await.refusal(), refusal("device_code_unknown"));
}

#[tokio::test]
async fn rfc8628_5_1_guesses_have_to_wait() {
    let world = World::new();
    let user_code = begin(&world).await.text("user_code");
    let mut browser = Browser::logged_in(&world).await;
    for guess in ["BBBB-BBBB", "CCCC-CCCC", "", "\"><script>", "DDDD-DDDD"] {
        let page = typed(&mut browser, guess).await;
        assert_eq!(page.status, 400, "{guess}");
        assert!(page.body.contains("role=\"alert\""), "{page:?}");
        assert!(!page.body.contains("<script"), "{page:?}");
    }
    let page = typed(&mut browser, &user_code).await;
    assert_eq!((page.status, page.header("retry-after")), (429, "1"));
    // Nobody else has to.
    let mut other = Browser::new(&world);
    let page = other.get("/device").await;
    let page = other.log_in(&page, "eve", "correct horse").await;
    other.follow(&page).await;
    assert_eq!(typed(&mut other, &user_code).await.title(), "Let cli in?");
    world.pass(Duration::from_secs(1));
    let lower = user_code.to_lowercase().replace('-', " ");
    assert_eq!(typed(&mut browser, &lower).await.title(), "Let cli in?");
}

#[tokio::test]
async fn rfc8628_5_1_a_right_code_gives_no_guesses_back() {
    let world = World::new();
    let own = begin(&world).await.text("user_code");
    let mut browser = Browser::logged_in(&world).await;
    for guess in ["BBBB-BBBB", "CCCC-CCCC", "DDDD-DDDD", "FFFF-FFFF"] {
        assert_eq!(typed(&mut browser, guess).await.status, 400);
    }
    let page = typed(&mut browser, &own).await;
    assert_eq!(page.title(), "Let cli in?");
    let done = browser.submit(&page, &[("decision", "allow")]).await;
    assert_eq!(done.title(), "Your device is logged in");
    assert_eq!(typed(&mut browser, "GGGG-GGGG").await.status, 400);
    assert_eq!(typed(&mut browser, "HHHH-HHHH").await.status, 429);
}

#[tokio::test]
async fn rfc8628_5_4_a_link_alone_lets_nothing_in() {
    let world = World::new();
    let begun = begin(&world).await;
    let mut browser = Browser::logged_in(&world).await;
    let link = format!("/device?user_code={}&decision=allow", begun.text("user_code"));
    browser.get(&link).await;
    let stranger = [("user_code", &*begun.text("user_code")), ("decision", "allow")];
    assert_eq!(browser.post("/device", &stranger).await.status, 403, "CSRF");
    let pending = ask(&world, &begun.text("device_code")).await;
    assert_eq!(pending.refusal(), refusal("authorization_pending"));
    // Nor does a form without anybody logged in.
    let mut nobody = Browser::new(&world);
    let page = nobody.get("/device").await;
    let token = page.field("token");
    let form =
        [("token", &*token), ("user_code", &*begun.text("user_code")), ("decision", "allow")];
    assert_eq!(nobody.post("/device", &form).await.location().path(), "/device");
    let pending = ask(&world, &begun.text("device_code")).await;
    assert_ne!(pending.status, 200);
}

#[tokio::test]
async fn a_device_code_is_its_clients_alone() {
    let world = World::new();
    let begun = begin(&world).await;
    let mut browser = Browser::logged_in(&world).await;
    let page = typed(&mut browser, &begun.text("user_code")).await;
    browser.submit(&page, &[("decision", "allow")]).await;
    let device_code = begun.text("device_code");
    let form = [("grant_type", GRANT), ("client_id", "app"), ("device_code", &*device_code)];
    assert_eq!(world.token(&form).await.refusal(), refusal("client_mismatch"));
    assert_eq!(ask(&world, &device_code).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_eight_at_once_one_has_the_session() {
    for _ in 0..20 {
        let world = std::sync::Arc::new(World::new());
        let begun = begin(&world).await;
        let mut browser = Browser::logged_in(&world).await;
        let page = typed(&mut browser, &begun.text("user_code")).await;
        browser.submit(&page, &[("decision", "allow")]).await;
        let asking: Vec<_> = (0..8)
            .map(|_| {
                let (world, code) = (std::sync::Arc::clone(&world), begun.text("device_code"));
                #[expect(clippy::disallowed_methods, reason = "a race needs tasks")]
                tokio::spawn(async move { ask(&world, &code).await })
            })
            .collect();
        let mut granted = Vec::new();
        for asked in asking {
            let page = asked.await.expect("asked");
            match page.status {
                200 => granted.push(page),
                _ => assert_eq!(page.refusal(), refusal("device_code_unknown")),
            }
        }
        assert_eq!(granted.len(), 1);
        world.issuer.verify(&granted[0].text("access_token")).expect("it goes on");
    }
}

#[tokio::test]
async fn a_store_that_is_away_costs_a_device_nothing() {
    use std::sync::atomic::Ordering::SeqCst;
    let world = World::new();
    let begun = begin(&world).await;
    let mut browser = Browser::logged_in(&world).await;
    let page = typed(&mut browser, &begun.text("user_code")).await;
    world.store.shut.store(true, SeqCst);
    assert_eq!(browser.submit(&page, &[("decision", "allow")]).await.status, 503);
    assert_eq!(ask(&world, &begun.text("device_code")).await.status, 503);
    let page = world.post("/device_authorization", &[("client_id", "cli")]).await;
    assert_eq!(page.refusal(), (503, "temporarily_unavailable".to_owned()));
    world.store.shut.store(false, SeqCst);
    let page = typed(&mut browser, &begun.text("user_code")).await;
    browser.submit(&page, &[("decision", "allow")]).await;
    assert_eq!(ask(&world, &begun.text("device_code")).await.status, 200);
}

#[tokio::test]
async fn rfc8628_3_1_a_request_that_is_wrong_is_told_why() {
    let world = World::new();
    let rows: [(&[(&str, &str)], _, _); 6] = [
        (&[], 401, "client_authentication_failed"),
        (&[("client_id", "nobody")], 401, "client_authentication_failed"),
        (&[("client_id", "web")], 401, "client_authentication_failed"),
        (&[("client_id", "cli"), ("scope", "admin")], 400, "scope_not_allowed"),
        (&[("client_id", "cli"), ("scope", "a\"b")], 400, "scope_not_allowed"),
        (&[("client_id", "cli"), ("client_id", "cli")], 400, "request_malformed"),
    ];
    for (form, status, code) in rows {
        let page = world.post("/device_authorization", form).await;
        assert_eq!(page.refusal(), (status, code.to_owned()), "{form:?}");
    }
    let form = [("grant_type", GRANT), ("client_id", "cli")];
    assert_eq!(world.token(&form).await.refusal(), refusal("request_malformed"));
    assert_eq!(ask(&world, "guessed").await.refusal(), refusal("device_code_unknown"));
}
