//! Serves by hand rather than with axum, for a lost reply is a connection that breaks.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::Fault;

/// The endpoints that give tokens: faults fall on these.
const TOKEN_ENDPOINTS: [&str; 3] = ["/token", "/api/auth/login", "/api/auth/refresh"];

/// Stands between the network and the issuer.
pub(crate) trait Gate: Send + Sync + 'static {
    /// A request for a token has arrived: what happens to it.
    fn fault(&self) -> Fault;
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

/// Answers what comes over one connection, HTTP/1.1 or HTTP/2, until it ends.
pub(crate) async fn connection<G: Gate>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    routes: Router,
    gate: Arc<G>,
) {
    let service = hyper::service::service_fn(move |request| {
        answer(routes.clone(), Arc::clone(&gate), request)
    });
    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    // A connection that breaks is what this is about.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

/// Passes a request on, or does to it what the gate says.
async fn answer<G: Gate>(
    routes: Router,
    gate: Arc<G>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Lost> {
    let for_token = TOKEN_ENDPOINTS.contains(&request.uri().path());
    let fault = if for_token { gate.fault() } else { Fault::None };
    if let Some(response) = fault.canned() {
        return Ok(response);
    }
    let answered: Result<_, Infallible> =
        tower::ServiceExt::oneshot(routes, request.map(Body::new)).await;
    let Ok(response) = answered;
    if fault == Fault::LostReply { Err(Lost) } else { Ok(response) }
}
