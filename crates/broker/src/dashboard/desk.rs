//! What all pages share, and who is let in.

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::Response;
use url::Url;

use super::form::Form;
use super::host::is_loopback;
use super::look::Look;
use super::options::DashboardOptions;
use super::page::{self, crowded};
use super::session::Cookies;
use super::visitor::{Visitor, is_live};
use crate::gate::Holder;
use crate::peer::peer;
use crate::places::Places;
use crate::strangers::Strangers;

/// What all pages share.
#[derive(Clone)]
pub(super) struct Desk(Arc<Shared>);

struct Shared {
    look: Box<dyn Look>,
    cookies: Cookies,
    strangers: Strangers,
    places: Places,
    public_url: Url,
    is_open: bool,
}

impl Desk {
    pub(super) fn new(look: Box<dyn Look>, options: &DashboardOptions) -> Self {
        let (cookies, strangers) = (Cookies::new(options), options.strangers.clone());
        let places = options.places.clone();
        let (public_url, is_open) = (options.public_url.clone(), options.is_open);
        Self(Arc::new(Shared { look, cookies, strangers, places, public_url, is_open }))
    }

    /// Where facts come from.
    pub(super) fn look(&self) -> &dyn Look {
        &*self.0.look
    }

    /// What sessions are sealed with.
    pub(super) fn cookies(&self) -> &Cookies {
        &self.0.cookies
    }

    /// Who has not signed in.
    pub(super) fn strangers(&self) -> &Strangers {
        &self.0.strangers
    }

    /// Where browsers reach the broker.
    pub(super) fn public_url(&self) -> &Url {
        &self.0.public_url
    }

    /// Whether nobody has to sign in.
    pub(super) fn is_open(&self) -> bool {
        self.0.is_open
    }

    /// Whether a request may reach an open dashboard at all: under a name of the loopback, and from
    /// there.
    pub(super) fn admits(&self, request: &Parts) -> bool {
        let host = request.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(|| request.uri.authority().map(axum::http::uri::Authority::as_str));
        let is_near = peer(request).is_none_or(|peer| peer.to_canonical().is_loopback());
        !self.0.is_open || (is_near && host.is_some_and(is_loopback))
    }

    /// The visitor that a request comes from, with a place among those who are answered; or the way to sign
    /// in.
    pub(super) async fn enter(&self, request: &Parts) -> Result<Visitor, Response> {
        let visitor = self.who(request).await?;
        visitor.enter(self.0.places.requests()).map_err(|it| crowded(it, visitor.now))?;
        Ok(visitor)
    }

    /// The same, without room for them.
    pub(super) async fn who(&self, request: &Parts) -> Result<Visitor, Response> {
        let now = self.look().now();
        let shown = self.cookies().shown(&request.headers, now);
        if self.is_open() {
            return Ok(Visitor::local(shown, now));
        }
        let Some((session, id)) = shown.and_then(|it| it.key.clone().map(|id| (it, id))) else {
            return Err(page::to_sign_in(request));
        };
        let room = self.0.places.lookups().enter(Holder::stranger(peer(request)));
        let _room = room.map_err(|it| crowded(it, now))?;
        match self.look().key_of_session(&id, session.hash()).await {
            Ok(Some(key)) if is_live(&key, now) => Ok(Visitor::of(session, key, now)),
            Ok(_) => Err(page::to_sign_in(request)),
            Err(problem) => Err(page::problem_to_stranger(&problem)),
        }
    }

    /// The same, for what is sent with a form: of a page that they were given, from here.
    pub(super) async fn enter_with(
        &self,
        request: &Parts,
        body: axum::body::Body,
    ) -> Result<(Visitor, Form), Response> {
        let visitor = self.who(request).await?;
        // A body takes as long as its sender likes: meanwhile, it has no place among those who are answered.
        visitor.enter(self.0.places.bodies()).map_err(|it| crowded(it, visitor.now))?;
        let form = Form::read(&request.headers, body).await;
        visitor.enter(self.0.places.requests()).map_err(|it| crowded(it, visitor.now))?;
        match form {
            Ok(form) if is_from_here(&request.headers) && visitor.session.gave(&form) => {
                Ok((visitor, form))
            }
            Ok(_) => Err(page::stale()),
            Err(problem) => Err(page::problem_to_stranger(&problem)),
        }
    }

    /// The same, for what takes as long as a provider does.
    pub(super) async fn enter_for_long(
        &self,
        request: &Parts,
        body: axum::body::Body,
    ) -> Result<(Visitor, Form), Response> {
        let (visitor, form) = self.enter_with(request, body).await?;
        visitor.enter(self.0.places.long()).map_err(|it| crowded(it, visitor.now))?;
        Ok((visitor, form))
    }
}

/// Whether a page of ours sent this, as browsers say themselves (Fetch Metadata); scripts cannot
/// write it, and old browsers do not say it.
pub(super) fn is_from_here(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    site.is_none_or(|site| matches!(site, b"same-origin" | b"none"))
}

/// Whether a page of others has led the browser here.
pub(super) fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site")
}

/// Where a request leads back to after signing in: what can be asked for again.
pub(super) fn way_back(request: &Parts) -> &str {
    let there = request.uri.path_and_query().map_or("/", |it| it.as_str());
    if request.method == Method::GET && is_ours(there) { there } else { "/" }
}

/// Whether an address is one of this site: a path, which no browser takes for a host.
pub(super) fn is_ours(path: &str) -> bool {
    let mut bytes = path.bytes();
    bytes.next() == Some(b'/')
        && path.len() <= 2048
        && !path.starts_with("//")
        && bytes.all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        for ours in ["/", "/connections?state=active&user=%3Cb%3E", "/connection?user=a//b"] {
            assert!(is_ours(ours), "{ours}");
        }
        let long = format!("/{}", "a".repeat(2048));
        for theirs in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a b",
            "/\t/x",
            &long,
        ] {
            assert!(!is_ours(theirs), "{theirs}");
        }
    }
}
