//! A browser without a screen: it keeps its cookie, and sends the forms that it was given.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use tower::ServiceExt as _;
use unlapse::unlapse_core::UnixTime;
use url::{Url, form_urlencoded};

use super::shown::Shown;
use crate::dashboard::{DashboardOptions, pages};

pub(super) const NOW: UnixTime = UnixTime::from_secs(1_795_297_803);

pub(super) struct Browser {
    router: Router,
    pub(super) cookie: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// What its forms carry.
    pub(super) fn token(&self) -> String {
        let (_, rest) = self.body.split_once("name=\"token\" value=\"").expect("a form");
        rest.split_once('"').expect("an end").0.to_owned()
    }
}

pub(super) fn options() -> DashboardOptions {
    DashboardOptions::new(&Url::parse("https://broker.example").expect("a URL"))
}

impl Browser {
    pub(super) fn new(shown: &Shown, options: &DashboardOptions) -> Self {
        Self { router: pages(Box::new(shown.clone()), options), cookie: None }
    }

    /// Signed in with this key.
    pub(super) async fn signed_in(shown: &Shown, key: &str) -> Self {
        let mut browser = Self::new(shown, &options());
        let reply = browser.sign_in(key).await;
        assert_eq!((reply.status, reply.header("location")), (303, "/"), "{reply:?}");
        browser
    }

    pub(super) async fn sign_in(&mut self, key: &str) -> Reply {
        let token = self.get("/login").await.token();
        self.post("/login", &[("token", &token), ("key", key)]).await
    }

    pub(super) async fn get(&mut self, path: &str) -> Reply {
        self.send(Request::get(path), Body::empty()).await
    }

    pub(super) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Reply {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::post(path)
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded");
        self.send(request, Body::from(body)).await
    }

    pub(super) async fn send(
        &mut self,
        mut request: axum::http::request::Builder,
        body: Body,
    ) -> Reply {
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        let request = request.body(body).expect("a request");
        let reply = self.router.clone().oneshot(request).await.expect("infallible");
        let (head, body) = reply.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
        let body = String::from_utf8(body.to_vec()).expect("UTF-8");
        if let Some(cookie) = head.headers.get("set-cookie") {
            let cookie = cookie.to_str().expect("ASCII").split(';').next().expect("a pair");
            self.cookie = Some(cookie.to_owned());
        }
        Reply { status: head.status.as_u16(), headers: head.headers, body }
    }
}
