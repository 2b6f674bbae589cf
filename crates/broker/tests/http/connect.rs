//! A user connects an account, and nobody is tricked into it (RFC 9700 §4.7).

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::json;
use url::Url;

use crate::rig::{Answer, RETURN_TO, Rig, id, send};

/// A browser: it keeps cookies.
#[derive(Default)]
struct Browser(Vec<(String, String)>);

impl Browser {
    fn learn(&mut self, answer: &Answer) {
        for line in answer.headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().expect("text");
            assert!(
                line.contains("HttpOnly; SameSite=Lax; Secure") && line.starts_with("__Host-"),
                "{line}"
            );
            let (name, value) =
                line.split(';').next().and_then(|pair| pair.split_once('=')).expect("a pair");
            self.0.retain(|(known, _)| known != name);
            if !line.contains("Max-Age=0") {
                self.0.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    fn cookies(&self) -> String {
        let pairs: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    async fn get(&mut self, rig: &Rig, path: &str) -> Answer {
        let request = Request::builder().uri(path).header(header::COOKIE, self.cookies());
        let answer = send(&rig.router, request.body(Body::empty()).expect("a request")).await;
        self.learn(&answer);
        answer
    }

    async fn press(&mut self, rig: &Rig, form: String, site: &str) -> Answer {
        let request = Request::post("/connect")
            .header(header::COOKIE, self.cookies())
            .header("sec-fetch-site", site)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = send(&rig.router, request.body(Body::from(form)).expect("a request")).await;
        self.learn(&answer);
        answer
    }
}

async fn begin(rig: &Rig, return_to: Option<&str>) -> String {
    let wanted =
        json!({"user": "ada <b>", "provider": "acme", "account": "main", "return_to": return_to});
    let begun = rig.ask("POST", "/v1/connect", Some(wanted)).await;
    assert_eq!(begun.status, 200, "{}", begun.text());
    let url: Url = begun.json()["url"].as_str().and_then(|url| url.parse().ok()).expect("a URL");
    assert_eq!((url.host_str(), url.path()), (Some("broker.example"), "/connect"));
    format!("/connect?{}", url.query().expect("a ticket"))
}

/// What the button of the page sends.
fn form(page: &Answer) -> String {
    let text = page.text();
    let value = |name: &str| {
        let after = text.split(&format!("name=\"{name}\" value=\"")).nth(1).expect("a field");
        after.split('"').next().expect("a value").to_owned()
    };
    format!("ticket={}&token={}", value("ticket"), value("token"))
}

fn location(answer: &Answer) -> Url {
    answer.header("location").parse().unwrap_or_else(|_| panic!("{answer:?}"))
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

#[tokio::test]
async fn rfc6749_4_1_a_user_connects_an_account() {
    let rig = Rig::new().await;
    let start = begin(&rig, Some(RETURN_TO)).await;
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
        Some("https://broker.example/callback")
    );
    assert_eq!(parameter(&provider, "code_challenge_method").as_deref(), Some("S256"));
    let state = parameter(&provider, "state").expect("a state");
    // The ticket is good once.
    assert_eq!(browser.press(&rig, form(&again), "same-origin").await.status, 400);
    assert_eq!(browser.get(&rig, &start).await.status, 400);

    let denied = browser.get(&rig, &format!("/callback?state={state}&error=access_denied")).await;
    assert_eq!(denied.status, 303, "{}", denied.text());
    let back = location(&denied);
    assert!(back.as_str().starts_with(RETURN_TO), "{back}");
    assert_eq!(parameter(&back, "error").as_deref(), Some("USER_REVOKED"));
    assert_eq!(parameter(&back, "connection").as_deref(), Some("ada+%3Cb%3E/acme/main"));
    // And so is the state.
    assert_eq!(browser.get(&rig, &format!("/callback?state={state}&code=x")).await.status, 403);
}

#[tokio::test]
async fn rfc9700_4_7_the_providers_page_is_worth_nothing_in_another_browser() {
    let rig = Rig::new().await;
    let start = begin(&rig, None).await;
    let mut mallory = Browser::default();
    let page = mallory.get(&rig, &start).await;
    let state =
        parameter(&location(&mallory.press(&rig, form(&page), "same-origin").await), "state");
    let callback = format!("/callback?state={}&error=access_denied", state.expect("a state"));
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
    let start = begin(&rig, None).await;
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
        "/callback",
        "/callback?state=&code=",
        "/callback?state=a&state=b",
        "/callback?code=%ff%00%3Cscript%3E",
    ] {
        let answer = Browser::default().get(&rig, path).await;
        assert!(matches!(answer.status.as_u16(), 400 | 403), "{path}: {}", answer.status);
        assert!(answer.header("content-type").starts_with("text/html"), "{path}");
        assert!(!answer.text().contains("<script>"), "{path}");
    }
}
