//! A user connects an account, and nobody is tricked into it (RFC 9700 §4.7).

use serde_json::json;

use crate::browser::{Browser, begin, form, location, parameter};
use crate::rig::{RETURN_TO, Rig, id};

#[tokio::test]
async fn rfc6749_4_1_a_user_connects_an_account() {
    let rig = Rig::new().await;
    let start = begin(&rig, "acme", Some(RETURN_TO)).await;
    let mut browser = Browser::default();
    let page = browser.get(&rig, &start).await;
    assert_eq!(page.status, 200);
    assert!(
        page.text().contains("ada &#60;b&#62;") && page.text().contains("Acme &#60;Cloud&#62;"),
        "{}",
        page.text()
    );
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    // Looking at the page uses up nothing.
    let again = browser.get(&rig, &start).await;
    let sent = browser.press(&rig, form(&again), "same-origin").await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    let provider = location(&sent);
    assert_eq!(
        parameter(&provider, "redirect_uri").as_deref(),
        Some("https://broker.example/callback/shop/acme")
    );
    assert_eq!(parameter(&provider, "code_challenge_method").as_deref(), Some("S256"));
    let state = parameter(&provider, "state").expect("a state");
    // The ticket is good once.
    assert_eq!(browser.press(&rig, form(&again), "same-origin").await.status, 400);
    assert_eq!(browser.get(&rig, &start).await.status, 400);

    let denied =
        browser.get(&rig, &format!("/callback/shop/acme?state={state}&error=access_denied")).await;
    assert_eq!(denied.status, 303, "{}", denied.text());
    let back = location(&denied);
    assert!(back.as_str().starts_with(RETURN_TO), "{back}");
    assert_eq!(parameter(&back, "error").as_deref(), Some("USER_REVOKED"));
    assert_eq!(parameter(&back, "connection").as_deref(), Some("ada+%3Cb%3E/acme/main"));
    // And so is the state.
    assert_eq!(
        browser.get(&rig, &format!("/callback/shop/acme?state={state}&code=x")).await.status,
        403
    );
}

#[tokio::test]
async fn rfc9700_4_7_the_providers_page_is_worth_nothing_in_another_browser() {
    let rig = Rig::new().await;
    let start = begin(&rig, "acme", None).await;
    let mut mallory = Browser::default();
    let page = mallory.get(&rig, &start).await;
    let state =
        parameter(&location(&mallory.press(&rig, form(&page), "same-origin").await), "state");
    let callback =
        format!("/callback/shop/acme?state={}&error=access_denied", state.expect("a state"));
    // Mallory sends the address of the provider's page to Ada, who is sent back with her own consent.
    let ada = Browser::default().get(&rig, &callback).await;
    assert_eq!(ada.status, 403);
    assert!(ada.text().contains("FORBIDDEN") && !ada.headers.contains_key("location"));
    // Nothing was used up by that.
    assert_eq!(mallory.get(&rig, &callback).await.status, 409, "the user has said no");
}

#[tokio::test]
async fn rfc9700_4_7_no_other_page_presses_the_button() {
    let rig = Rig::new().await;
    let start = begin(&rig, "acme", None).await;
    let mut mallory = Browser::default();
    let page = mallory.get(&rig, &start).await;
    let mut ada = Browser::default();
    // A form of Mallory's, in a browser that has been here before and in one that has not.
    assert_eq!(ada.press(&rig, form(&page), "cross-site").await.status, 403);
    ada.get(&rig, &start).await;
    assert_eq!(ada.press(&rig, form(&page), "same-origin").await.status, 403);
    let own = ada.get(&rig, &start).await;
    assert_eq!(ada.press(&rig, form(&own), "cross-site").await.status, 403);
    assert_eq!(ada.press(&rig, form(&own), "same-origin").await.status, 303);
}

#[tokio::test]
async fn rfc9700_4_11_users_are_sent_nowhere_but_where_the_app_says() {
    let rig = Rig::new().await;
    for place in ["https://evil.example/", "https://shop.example/done", "javascript:alert(1)"] {
        let wanted =
            json!({"user": "ada", "provider": "acme", "account": "main", "return_to": place});
        rig.ask("POST", "/v1/connect", Some(wanted)).await.is_problem(400, "BAD_REQUEST");
    }
    let nobody = json!({"user": "ada", "provider": "nobody", "account": "main"});
    rig.ask("POST", "/v1/connect", Some(nobody)).await.is_problem(404, "NOT_FOUND");
    assert!(rig.broker.connection(&id("ada")).await.is_err());
}

#[tokio::test]
async fn what_strangers_open_is_answered_with_a_page() {
    let rig = Rig::new().await;
    for path in [
        "/connect",
        "/connect?ticket=x",
        "/connect?ticket=%00&ticket=x",
        "/callback/shop/acme",
        "/callback/shop/acme?state=&code=",
        "/callback/shop/acme?state=a&state=b",
        "/callback/shop/acme?code=%ff%00%3Cscript%3E",
        "/callback/%ff/acme?state=a&code=b",
        "/callback/%3Cscript%3E/%00?state=a&code=b",
    ] {
        let answer = Browser::default().get(&rig, path).await;
        assert!(matches!(answer.status.as_u16(), 400 | 403), "{path}: {}", answer.status);
        assert!(answer.header("content-type").starts_with("text/html"), "{path}");
        assert!(!answer.text().contains("<script>"), "{path}");
    }
}
