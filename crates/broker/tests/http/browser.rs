//! A user's browser, on its way to a provider and back.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::json;
use url::Url;

use crate::rig::{Answer, Rig, send};

/// A browser: it keeps cookies.
#[derive(Clone, Default)]
pub(crate) struct Browser(Vec<(String, String)>);

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

    pub(crate) async fn get(&mut self, rig: &Rig, path: &str) -> Answer {
        let request = Request::builder().uri(path).header(header::COOKIE, self.cookies());
        let answer = send(&rig.router, request.body(Body::empty()).expect("a request")).await;
        self.learn(&answer);
        answer
    }

    pub(crate) async fn press(&mut self, rig: &Rig, form: String, site: &str) -> Answer {
        let request = Request::post("/connect")
            .header(header::COOKIE, self.cookies())
            .header("sec-fetch-site", site)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = send(&rig.router, request.body(Body::from(form)).expect("a request")).await;
        self.learn(&answer);
        answer
    }
}

/// Where a user of the product is sent, to connect an account at `app`.
pub(crate) async fn begin(rig: &Rig, app: &str, return_to: Option<&str>) -> String {
    let wanted =
        json!({"user": "ada <b>", "provider": app, "account": "main", "return_to": return_to});
    let begun = rig.ask("POST", "/v1/connect", Some(wanted)).await;
    assert_eq!(begun.status, 200, "{}", begun.text());
    let url: Url = begun.json()["url"].as_str().and_then(|url| url.parse().ok()).expect("a URL");
    assert_eq!((url.host_str(), url.path()), (Some("broker.example"), "/connect"));
    format!("/connect?{}", url.query().expect("a ticket"))
}

/// What the button of the page sends.
pub(crate) fn form(page: &Answer) -> String {
    let text = page.text();
    let value = |name: &str| {
        let after = text.split(&format!("name=\"{name}\" value=\"")).nth(1).expect("a field");
        after.split('"').next().expect("a value").to_owned()
    };
    format!("ticket={}&token={}", value("ticket"), value("token"))
}

pub(crate) fn location(answer: &Answer) -> Url {
    answer.header("location").parse().unwrap_or_else(|_| panic!("{answer:?}"))
}

pub(crate) fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// A browser that was sent to the provider of `app`, and the `state` that it has to bring back.
pub(crate) async fn sent_off(rig: &Rig, app: &str, return_to: Option<&str>) -> (Browser, String) {
    let start = begin(rig, app, return_to).await;
    let mut browser = Browser::default();
    let page = browser.get(rig, &start).await;
    let sent = browser.press(rig, form(&page), "same-origin").await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    let state = parameter(&location(&sent), "state").expect("a state");
    (browser, state)
}
