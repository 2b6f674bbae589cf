//! More than can be done at once is told to come back.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, header};
use http_body::Frame;

use crate::rig::{Rig, until};

/// A body that never ends.
struct Endless;

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        std::task::Poll::Pending
    }
}

#[tokio::test]
async fn requests_at_once_are_bounded_and_those_who_watch_are_let_in() {
    let rig = Rig::with(|options| options.requests = 1).await;
    let slow = Request::put("/v1/connections/a/acme/b")
        .header(header::AUTHORIZATION, format!("Bearer {}", rig.key))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::new(Endless))
        .expect("a request");
    let router = rig.router.clone();
    let slow = tokio::spawn(async move { crate::rig::send(&router, slow).await });
    until("there is no room", async || rig.ask("GET", "/openapi.json", None).await.status == 503)
        .await;
    let refused = rig.ask("GET", "/v1/connections", None).await;
    refused.is_problem(503, "OVERLOADED");
    assert_eq!(refused.header("retry-after"), "1");
    for path in ["/healthz", "/readyz"] {
        assert_eq!(rig.ask("GET", path, None).await.status, 200, "{path}");
    }
    // A body that does not come is given up.
    let given_up = tokio::time::timeout(Duration::from_secs(20), slow).await;
    given_up.expect("in time").expect("an answer").is_problem(408, "BAD_REQUEST");
    assert_eq!(rig.ask("GET", "/v1/connections", None).await.status, 200);
}
