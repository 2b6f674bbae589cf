//! No provider comes by another one's codes (RFC 9700 §4.4).

use axum::http::header;
use serde_json::json;

use crate::browser::{Browser, sent_off};
use crate::rig::{Answer, RETURN_TO, Rig};
use crate::watched::{Asked, watched};

/// Two apps at two providers whose token endpoints are watched.
async fn two_apps() -> (Rig, Asked) {
    let (provider, asked) = watched().await;
    let mut rig = Rig::new().await;
    rig.router = rig.another_at(&provider).await;
    let app = json!({"provider": "other", "client_id": "x", "return_to": [RETURN_TO]});
    assert_eq!(rig.ask("PUT", "/v1/apps/other", Some(app)).await.status, 200);
    (rig, asked)
}

/// A page for the person, and not a way on to anywhere.
fn is_mix_up(answer: &Answer) {
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(answer.header("content-type").starts_with("text/html"));
    assert!(answer.text().contains("<code>MIX_UP</code>"), "{}", answer.text());
    assert!(!answer.headers.contains_key(header::LOCATION), "{answer:?}");
}

#[tokio::test]
async fn rfc9700_4_4_a_code_of_one_provider_is_never_sent_to_another() {
    let (rig, asked) = two_apps().await;
    // Ada connects her account at `other`, whose server sends her on to acme's with the `state` it
    // was given: she comes back with a code of acme's, to where acme's codes belong.
    for path in ["/callback/shop/acme", "/callback/default/other", "/callback/shop/%2e%2e%2fother"]
    {
        let (mut browser, state) = sent_off(&rig, "other", Some(RETURN_TO)).await;
        let mut again = browser.clone();
        is_mix_up(&browser.get(&rig, &format!("{path}?state={state}&code=of-acme")).await);
        assert_eq!(asked.lock().expect("not poisoned").len(), 0, "{path}");
        // The state is spent: it is good for nothing on the right path either.
        let right = format!("/callback/shop/other?state={state}&code=of-other");
        assert_eq!(browser.get(&rig, &right).await.status, 403, "{path}: forgotten there");
        assert_eq!(again.get(&rig, &right).await.status, 400, "{path}: and here");
        assert_eq!(asked.lock().expect("not poisoned").len(), 0, "{path}");
    }
}

#[tokio::test]
async fn rfc9700_4_4_an_error_of_another_provider_is_not_believed() {
    let (rig, _) = two_apps().await;
    let (mut browser, state) = sent_off(&rig, "other", Some(RETURN_TO)).await;
    let denied = format!("/callback/shop/acme?state={state}&error=access_denied");
    is_mix_up(&browser.get(&rig, &denied).await);
}

#[tokio::test]
async fn rfc9700_4_4_another_browser_spends_no_state() {
    let (rig, asked) = two_apps().await;
    let (mut browser, state) = sent_off(&rig, "other", None).await;
    let stranger = format!("/callback/shop/acme?state={state}&code=x");
    assert_eq!(Browser::default().get(&rig, &stranger).await.status, 403);
    let right = format!("/callback/shop/other?state={state}&code=x");
    assert_eq!(browser.get(&rig, &right).await.status, 200);
    assert_eq!(asked.lock().expect("not poisoned").len(), 1);
}

#[tokio::test]
async fn rfc6749_4_1_3_the_token_request_has_the_redirect_uri_of_its_app() {
    let (rig, asked) = two_apps().await;
    for (app, endpoint) in [("acme", "/node/token"), ("other", "/other.example/token")] {
        let (mut browser, state) = sent_off(&rig, app, None).await;
        let back = format!("/callback/shop/{app}?state={state}&code=of-{app}");
        let done = browser.get(&rig, &back).await;
        assert_eq!(done.status, 200, "{}", done.text());
        let (path, form) = asked.lock().expect("not poisoned").pop().expect("a request");
        let value = |name: &str| {
            form.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        };
        assert_eq!(path, endpoint);
        let uri = format!("https://broker.example/callback/shop/{app}");
        assert_eq!(value("redirect_uri"), Some(uri));
        assert_eq!(value("code"), Some(format!("of-{app}")));
        assert!(value("code_verifier").is_some_and(|verifier| verifier.len() >= 43));
    }
}

#[tokio::test]
async fn rfc9700_4_4_apps_say_which_redirect_uri_is_theirs() {
    let (rig, _) = two_apps().await;
    let apps = rig.ask("GET", "/v1/apps", None).await.json();
    for app in apps["apps"].as_array().expect("a list") {
        let name = app["name"].as_str().expect("a name");
        let uri = format!("https://broker.example/callback/shop/{name}");
        assert_eq!(app["redirect_uri"], uri);
        let shown = rig.ask("GET", &format!("/v1/apps/{name}"), None).await.json();
        assert_eq!(shown["redirect_uri"], uri);
    }
    // What no app has is no route.
    for path in ["/callback", "/callback/", "/callback/shop", "/callback/shop/acme/x"] {
        rig.ask("GET", path, None).await.is_problem(404, "NOT_FOUND");
    }
}
