//! Sessions of the dashboard, over the nodes of a fleet.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use unlapse_broker::dashboard::{self, DashboardOptions};
use url::form_urlencoded::Serializer;

use crate::rig::{Answer, Rig, send};

/// A browser that goes wherever it is sent.
struct Browser(String);

impl Browser {
    async fn get(&self, node: &Router, path: &str) -> Answer {
        let request = Request::get(path).header(header::COOKIE, &self.0);
        send(node, request.body(Body::empty()).expect("a request")).await
    }

    /// Sends a form with the token of `page`, and keeps the cookie that comes back.
    async fn post(&mut self, node: &Router, path: &str, page: &str, key: &str) -> Answer {
        let token = page.split_once("name=\"token\" value=\"").expect("a form").1;
        let token = token.split('"').next().expect("a token");
        let form = Serializer::new(String::new())
            .append_pair("token", token)
            .append_pair("key", key)
            .finish();
        let request = Request::post(path)
            .header(header::COOKIE, &self.0)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = send(node, request.body(Body::from(form)).expect("a request")).await;
        self.keep(&answer);
        answer
    }

    fn keep(&mut self, answer: &Answer) {
        if let Some((cookie, _)) = answer.header(header::SET_COOKIE).split_once(';') {
            cookie.clone_into(&mut self.0);
        }
    }

    async fn signed_in(node: &Router, key: &str) -> Self {
        let mut browser = Self(String::new());
        let page = browser.get(node, "/login").await;
        browser.keep(&page);
        assert_eq!(browser.post(node, "/login", &page.text(), key).await.status, 303);
        browser
    }
}

fn options() -> DashboardOptions {
    DashboardOptions::new(&"https://broker.example".parse().expect("a URL"))
}

#[tokio::test]
async fn a_session_is_every_nodes_and_so_is_its_end() {
    let rig = Rig::new().await;
    let one = dashboard::router(rig.broker.clone(), &options());
    let other = dashboard::router(rig.another_node().await, &options());
    let mut browser = Browser::signed_in(&one, &rig.key).await;
    let page = browser.get(&other, "/").await;
    assert_eq!(page.status, 200, "the key of sessions is derived from the master key");
    let (second, copy) = (Browser::signed_in(&other, &rig.key).await, Browser(browser.0.clone()));
    assert_eq!(browser.post(&other, "/logout", &page.text(), "").await.status, 303);
    for node in [&one, &other] {
        assert_eq!(copy.get(node, "/").await.status, 303, "a copy of the cookie is worth nothing");
        assert_eq!(second.get(node, "/").await.status, 200, "another session of the key goes on");
    }
}

#[tokio::test]
async fn a_session_of_another_broker_is_none() {
    let (rig, stranger) = (Rig::new().await, Rig::new().await);
    let browser =
        Browser::signed_in(&dashboard::router(stranger.broker.clone(), &options()), &stranger.key)
            .await;
    let own = dashboard::router(rig.broker.clone(), &options());
    assert_eq!(browser.get(&own, "/").await.status, 303);
}
