//! What kind of thing a body is.

use std::collections::BTreeMap;

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use unlapse_core::Secret;
use zeroize::Zeroizing;

use super::MAX_REPLY;
use crate::form;
use crate::json::{self, Object, Value};

/// A body, told by its content; the Content-Type is asked last, because it is wrong so often.
pub(crate) enum Shape<'a> {
    Object(Object<'a>),
    /// JSON, but no object.
    OtherJson,
    /// A form with a token or an error in it.
    Form(BTreeMap<String, Secret>),
    Html,
    Empty,
    Garbage,
}

impl Shape<'_> {
    /// Looks at a body and tells `then` what it is.
    pub(crate) fn with<T>(
        headers: &HeaderMap,
        body: &[u8],
        then: impl FnOnce(Shape<'_>) -> T,
    ) -> T {
        if body.len() > MAX_REPLY {
            return then(Shape::Garbage);
        }
        if let Ok(text) = core::str::from_utf8(body) {
            return then(Shape::of(headers, text));
        }
        // Some servers describe errors in Latin-1; the code beside is readable all the same.
        let text = Zeroizing::new(String::from_utf8_lossy(body).into_owned());
        then(Shape::of(headers, &text))
    }

    fn of<'a>(headers: &HeaderMap, text: &'a str) -> Shape<'a> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim();
        if text.is_empty() {
            return Shape::Empty;
        }
        if let Some(object) = Object::parse(text) {
            return Shape::Object(object);
        }
        if json::is_json(text) {
            return Shape::OtherJson;
        }
        if looks_like_html(text) {
            return Shape::Html;
        }
        if let Some(pairs) = form_pairs(text) {
            return Shape::Form(pairs);
        }
        if says_html(headers) { Shape::Html } else { Shape::Garbage }
    }

    /// The field that `path` names; a form has no paths, only names.
    pub(crate) fn value(&self, path: &str) -> Option<Value<'_>> {
        match self {
            Shape::Object(object) => object.value(path),
            Shape::Form(pairs) => pairs.get(path).cloned().map(Value::Text),
            _ => None,
        }
    }

    /// The object that `path` leads to.
    #[cfg(feature = "providers")]
    pub(crate) fn object(&self, path: &str) -> Option<Object<'_>> {
        match self {
            Shape::Object(object) => object.object(path),
            _ => None,
        }
    }
}

fn looks_like_html(text: &str) -> bool {
    let start = &text.as_bytes()[..text.len().min(1024)];
    let starts_with = |tag: &str| {
        start.get(..tag.len()).is_some_and(|bytes| bytes.eq_ignore_ascii_case(tag.as_bytes()))
    };
    let tags = ["<!doctype html", "<html", "<head", "<body", "<title", "<meta", "<script"];
    tags.into_iter().any(starts_with)
        // After a comment or an XML declaration.
        || ["<!--", "<?xml"].into_iter().any(starts_with)
            && start.windows(5).any(|bytes| bytes.eq_ignore_ascii_case(b"<html"))
}

/// Whether the Content-Type is that of a web page.
pub(super) fn says_html(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes).unwrap_or_default();
    let media_type = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    [&b"text/html"[..], b"application/xhtml+xml"]
        .iter()
        .any(|html| media_type.eq_ignore_ascii_case(html))
}

/// Only a body of one line that has a token or an error by its very name, and nothing but names where
/// names are, is taken for a form: any prose with an equals sign would be one otherwise, and a link
/// to a login page would be its verdict.
fn form_pairs(text: &str) -> Option<BTreeMap<String, Secret>> {
    let names_one = |pair: &str| pair.starts_with("access_token=") || pair.starts_with("error=");
    let is_named = |pair: &str| pair.split('=').next().is_some_and(|name| name.bytes().all(names));
    if text.contains(char::is_control)
        || !text.split('&').any(names_one)
        || !text.split('&').all(is_named)
    {
        return None;
    }
    Some(form::pairs(text).map(|(name, value)| (name.expose().to_owned(), value)).collect())
}

/// What the name of a form's field is made of: everything else is escaped (URL standard §5.2). Some
/// servers leave brackets as they are.
fn names(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"*-._+%[]".contains(&byte)
}
