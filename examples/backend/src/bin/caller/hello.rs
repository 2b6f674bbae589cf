//! What the program is for.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use tower::ServiceExt as _;
use unlapse_oauth::Endpoint;

use crate::failure::Failure;
use crate::session::Api;

/// Largest greeting that is read.
const LARGEST: usize = 4096;

/// What the backend says to whoever has logged in.
pub(crate) async fn hello(api: &Api, backend: &Endpoint) -> Result<String, Failure> {
    let request = Request::get(backend.join_path("/hello")?.uri()).body(Empty::<Bytes>::new());
    let request = request.map_err(std::io::Error::other)?;
    let response = api.clone().oneshot(request).await?;
    if response.status() != StatusCode::OK {
        return Err(Failure::Answered(response.status().as_u16()));
    }
    let body = Limited::new(response.into_body(), LARGEST).collect().await;
    let body = body.map_err(std::io::Error::other)?.to_bytes();
    String::from_utf8(body.into()).map_err(|_| Failure::Unreadable)
}
