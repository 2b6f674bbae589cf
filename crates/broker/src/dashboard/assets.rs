//! The stylesheet, the script and the icon: part of the program, under names that change with them.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use unlapse_verify::sha256;

/// The style of all pages.
pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("style", "css", "text/css", include_str!("../../templates/dashboard/style.css"))
});
/// What keeps a page up to date.
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("../../templates/dashboard/live.js");
    Asset::new("live", "js", "text/javascript", text)
});
/// What stands on a tab.
pub(super) static ICON: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("../../templates/dashboard/icon.svg");
    Asset::new("icon", "svg", "image/svg+xml", text)
});

/// Something that pages load.
pub(super) struct Asset {
    path: String,
    content_type: &'static str,
    text: &'static str,
}

impl Asset {
    fn new(name: &str, extension: &str, content_type: &'static str, text: &'static str) -> Self {
        // Of 72 bits: it tells versions apart, and guards nothing.
        let hash = URL_SAFE_NO_PAD.encode(&sha256(text.as_bytes())[..9]);
        Self { path: format!("/assets/{name}-{hash}.{extension}"), content_type, text }
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &str {
        &self.path
    }
}

/// `GET /assets/{file}`: what lies there never changes, and may be kept for ever.
pub(super) async fn asset(Path(file): Path<String>) -> Response {
    let all: [&Asset; 3] = [&STYLE, &SCRIPT, &ICON];
    let found = all.into_iter().find(|asset| asset.path.strip_prefix("/assets/") == Some(&file));
    let Some(asset) = found else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut response = asset.text.into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // An image that is opened by itself is a page of its own.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
