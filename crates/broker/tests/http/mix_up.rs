//! No provider comes by another one's codes (RFC 9700 §4.4, RFC 9207).

use axum::http::header;
use serde_json::json;

use crate::browser::{Browser, sent_off};
use crate::rig::{Answer, RETURN_TO, Rig};
use crate::watched::{Asked, watched};

/// Apps at several providers, whose token endpoints are watched.
async fn apps() -> (Rig, Asked) {
    let (provider, asked) = watched().await;
    let mut rig = Rig::new().await;
    rig.router = rig.another_at(&provider).await;
    for name in ["other", "named", "stating"] {
        let app = json!({"provider": name, "client_id": "x", "return_to": [RETURN_TO]});
        let put = rig.ask("PUT", &format!("/v1/apps/{name}"), Some(app)).await;
        assert_eq!(put.status, 200, "{}", put.text());
    }
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
    let (rig, asked) = apps().await;
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
    let (rig, _) = apps().await;
    let (mut browser, state) = sent_off(&rig, "other", Some(RETURN_TO)).await;
    let denied = format!("/callback/shop/acme?state={state}&error=access_denied");
    is_mix_up(&browser.get(&rig, &denied).await);
}

#[tokio::test]
async fn rfc9700_4_4_another_browser_spends_no_state() {
    let (rig, asked) = apps().await;
    let (mut browser, state) = sent_off(&rig, "other", None).await;
    let stranger = format!("/callback/shop/acme?state={state}&code=x");
    assert_eq!(Browser::default().get(&rig, &stranger).await.status, 403);
    let right = format!("/callback/shop/other?state={state}&code=x");
    assert_eq!(browser.get(&rig, &right).await.status, 200);
    assert_eq!(asked.lock().expect("not poisoned").len(), 1);
}

#[tokio::test]
async fn rfc6749_4_1_3_the_token_request_has_the_redirect_uri_of_its_app() {
    let (rig, asked) = apps().await;
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
async fn rfc9207_2_4_a_row_for_each_answer_of_an_issuer() {
    let (rig, asked) = apps().await;
    for (app, said, is_taken) in [
        // A provider whose issuer nobody knows is held against its redirect URI alone.
        ("other", "code=c&iss=https://evil.example", true),
        ("named", "code=c", true),
        ("named", "code=c&iss=https%3A%2F%2Fnamed.example", true),
        ("named", "code=c&iss=https%3A%2F%2Fstating.example", false),
        ("named", "error=access_denied&iss=https://evil.example", false),
        ("stating", "code=c&iss=https%3A%2F%2Fstating.example", true),
        ("stating", "code=c&iss=https%3A%2F%2Fstating.example%2F", false),
        ("stating", "code=c&iss=", false),
        ("stating", "code=c", false),
        ("stating", "error=access_denied", false),
    ] {
        let (mut browser, state) = sent_off(&rig, app, None).await;
        let mut again = browser.clone();
        let back = format!("/callback/shop/{app}?state={state}&{said}");
        let answer = browser.get(&rig, &back).await;
        let requests = std::mem::take(&mut *asked.lock().expect("not poisoned")).len();
        assert_eq!(requests, usize::from(is_taken), "{app} {said}: {}", answer.text());
        if is_taken {
            assert_eq!(answer.status, 200, "{app} {said}: {}", answer.text());
        } else {
            is_mix_up(&answer);
            let iss =
                format!("/callback/shop/{app}?state={state}&code=c&iss=https://{app}.example");
            assert_eq!(again.get(&rig, &iss).await.status, 400, "the state is spent");
        }
    }
}

#[tokio::test]
async fn rfc9207_2_4_an_error_of_the_right_issuer_is_believed() {
    let (rig, _) = apps().await;
    let (mut browser, state) = sent_off(&rig, "stating", Some(RETURN_TO)).await;
    let denied = format!("state={state}&error=access_denied&iss=https://stating.example");
    let back = browser.get(&rig, &format!("/callback/shop/stating?{denied}")).await;
    assert_eq!(back.status, 303, "{}", back.text());
    assert!(back.header(header::LOCATION).contains("error=USER_REVOKED"), "{back:?}");
}

#[tokio::test]
async fn rfc9700_4_4_apps_say_which_redirect_uri_is_theirs() {
    let (rig, _) = apps().await;
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
