//! Serves by hand rather than with axum, for a lost reply is a connection that breaks.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::DATE;
use axum::http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use unlapse::Clock as _;

use super::Fault;

/// The endpoints that give tokens: faults fall on these.
const TOKEN_ENDPOINTS: [&str; 3] = ["/token", "/api/auth/login", "/api/auth/refresh"];
/// Largest reply of the issuer's.
const LARGEST: usize = 1 << 20;

/// Stands between the network and the issuer.
pub(crate) trait Gate: Send + Sync + 'static {
    /// A request for a token has arrived: what happens to it.
    fn fault(&self) -> Fault;

    /// What the issuer answers to one, before anybody else sees it.
    fn answered(&self, _body: &[u8]) {}

    /// How far the server's clock is ahead of ours, in milliseconds.
    fn clock_ahead(&self) -> i64 {
        0
    }
}

/// The connection is to be dropped without a reply.
#[derive(Debug, thiserror::Error)]
#[error("the reply is lost")]
struct Lost;

/// Gives each connection to `connected`, until this future is dropped: all of them end with it.
pub(crate) async fn serve<F>(listener: TcpListener, connected: impl Fn(TcpStream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connected(stream));
                }
                Err(_) => return,
            },
            // Those that are over need not be kept.
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Answers what comes over one connection, HTTP/1.1 or HTTP/2, until it ends. Once `leaving` is
/// ready, the other side is told to make no more requests here.
pub(crate) async fn connection<G: Gate>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    routes: Router,
    gate: Arc<G>,
    leaving: impl Future<Output = ()> + Send,
) {
    let service = hyper::service::service_fn(move |request| {
        answer(routes.clone(), Arc::clone(&gate), request)
    });
    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    let connection = server.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection, leaving);
    tokio::select! {
        // A connection that breaks is what this is about.
        _ = &mut connection => return,
        () = &mut leaving => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Passes a request on, or does to it what the gate says.
async fn answer<G: Gate>(
    routes: Router,
    gate: Arc<G>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Lost> {
    let for_token = TOKEN_ENDPOINTS.contains(&request.uri().path());
    let fault = if for_token { gate.fault() } else { Fault::None };
    if fault == Fault::Hang {
        std::future::pending::<()>().await;
    }
    if let Some(response) = fault.canned() {
        return Ok(dated(response, gate.clock_ahead()));
    }
    let answered: Result<_, Infallible> =
        tower::ServiceExt::oneshot(routes, request.map(Body::new)).await;
    let Ok(mut response) = answered;
    if for_token {
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, LARGEST).await.map_err(|_| Lost)?;
        gate.answered(&body);
        response = Response::from_parts(parts, Body::from(body));
    }
    match fault {
        Fault::LostReply => return Err(Lost),
        Fault::Slow(wait) => unlapse::tokio::TokioClock::new().sleep(wait).await,
        _ => {}
    }
    Ok(dated(response, gate.clock_ahead()))
}

/// The reply as a server sends it whose clock is so many milliseconds ahead. A right clock is
/// hyper's own matter.
fn dated(mut response: Response<Body>, ahead: i64) -> Response<Body> {
    if ahead != 0 {
        let now = unlapse::tokio::system_now().wall.shifted(ahead);
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(now.as_millis());
        let date = HeaderValue::try_from(httpdate::fmt_http_date(at));
        response.headers_mut().insert(DATE, date.expect("a date is plain text"));
    }
    response
}
