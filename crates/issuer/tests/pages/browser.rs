//! A browser: it keeps cookies, fills in forms and follows what the issuer says.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use axum::response::Response;
use url::{Url, form_urlencoded};

use crate::world::World;

pub(crate) struct Browser<'a> {
    world: &'a World,
    pub(crate) cookies: BTreeMap<String, String>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Page {
    pub(crate) async fn read(reply: Response) -> Self {
        let (head, body) = reply.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
        let body = String::from_utf8(body.to_vec()).expect("UTF-8");
        Self { status: head.status.as_u16(), headers: head.headers, body }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Where it leads to.
    pub(crate) fn location(&self) -> Url {
        assert_eq!(self.status, 303, "{self:?}");
        let base = Url::parse("https://id.example").expect("a URL");
        base.join(self.header("location")).expect("a URL")
    }

    /// A parameter of where it leads to.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let location = self.location();
        let mut pairs = location.query_pairs();
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    /// The code that a client is sent.
    pub(crate) fn code(&self) -> String {
        self.parameter("code").unwrap_or_else(|| panic!("a code: {self:?}"))
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("JSON: {self:?}"))
    }

    pub(crate) fn text(&self, member: &str) -> String {
        let json = self.json();
        let text = json[member].as_str();
        text.unwrap_or_else(|| panic!("`{member}`: {self:?}")).to_owned()
    }

    /// Status and code of a refusal.
    pub(crate) fn refusal(&self) -> (u16, String) {
        (self.status, self.text("code"))
    }

    /// The headline.
    pub(crate) fn title(&self) -> String {
        let (_, rest) = self.body.split_once("<h1>").unwrap_or_else(|| panic!("{self:?}"));
        unescaped(rest.split_once("</h1>").expect("an end").0)
    }

    /// The values of its `n`th form, and where it goes.
    pub(crate) fn form(&self, n: usize) -> (String, Vec<(String, String)>) {
        let form = self.body.split("<form ").nth(n + 1).unwrap_or_else(|| panic!("{self:?}"));
        let form = form.split("</form>").next().expect("an end");
        let inputs = form.split("<input ").skip(1).map(|input| {
            let tag = input.split('>').next().expect("an end");
            (attribute(tag, "name").expect("named"), attribute(tag, "value").unwrap_or_default())
        });
        (attribute(form, "action").expect("an action"), inputs.collect())
    }

    /// The value that a form holds for `name`.
    pub(crate) fn field(&self, name: &str) -> String {
        let (_, fields) = self.form(0);
        let found = fields.into_iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("{name}: {self:?}")).1
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    Some(unescaped(rest.split_once('"')?.0))
}

fn unescaped(text: &str) -> String {
    let pairs = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    pairs.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

impl<'a> Browser<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        Self { world, cookies: BTreeMap::new() }
    }

    /// One that `ada` is logged in with.
    pub(crate) async fn logged_in(world: &'a World) -> Self {
        let mut browser = Self::new(world);
        let page = browser.get(&crate::world::authorize(&[])).await;
        let page = browser.log_in(&page, "ada", "correct horse").await;
        assert_eq!(page.status, 303, "{page:?}");
        browser
    }

    pub(crate) async fn get(&mut self, path: &str) -> Page {
        self.send(Request::get(path), Body::empty()).await
    }

    pub(crate) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Page {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::post(path)
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded");
        self.send(request, Body::from(body)).await
    }

    /// Sends the first form of a page with these values.
    pub(crate) async fn submit(&mut self, page: &Page, filled: &[(&str, &str)]) -> Page {
        let (action, fields) = page.form(0);
        let mut form: BTreeMap<&str, &str> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        form.extend(filled.iter().copied());
        let form: Vec<_> = form.into_iter().collect();
        self.post(&action, &form).await
    }

    pub(crate) async fn log_in(&mut self, page: &Page, name: &str, password: &str) -> Page {
        self.submit(page, &[("username", name), ("password", password)]).await
    }

    /// On to where a reply leads.
    pub(crate) async fn follow(&mut self, page: &Page) -> Page {
        let location = page.location();
        assert_eq!(location.host_str(), Some("id.example"), "{page:?}");
        let query = location.query().map(|query| format!("?{query}")).unwrap_or_default();
        self.get(&format!("{}{query}", location.path())).await
    }

    async fn send(&mut self, request: axum::http::request::Builder, body: Body) -> Page {
        let cookies: Vec<_> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header("cookie", cookies.join("; ")).body(body);
        let page = self.world.send(request.expect("a request")).await;
        for cookie in page.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().expect("ASCII").split(';').next().expect("a pair");
            let (name, value) = cookie.split_once('=').expect("a pair");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        page
    }
}
