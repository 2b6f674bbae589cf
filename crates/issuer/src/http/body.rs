//! Bodies as they arrive: of one type, and of one size at most.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};

use crate::denied::Code;

/// Largest body that is read.
const MAX: usize = 16 * 1024;

/// The form type (RFC 6749 appendix B).
pub(super) const FORM: &str = "application/x-www-form-urlencoded";
/// JSON. Demanded, as no page of another origin can send it without being asked first.
pub(super) const JSON: &str = "application/json";

/// Reads a body that says to be of `content_type`.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
    content_type: &str,
) -> Result<Bytes, Code> {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let said = said.and_then(|value| value.split(';').next()).map(str::trim);
    if !said.is_some_and(|said| said.eq_ignore_ascii_case(content_type)) {
        return Err(Code::ContentTypeUnsupported);
    }
    // It also fails when the connection breaks, but then nobody reads the answer.
    axum::body::to_bytes(body, MAX).await.map_err(|_| Code::RequestTooLarge)
}
