//! Connections in, answers out, until it is time to stop.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use unlapse::Clock as _;
use unlapse::tokio::TokioClock;

/// More connections at once wait to be taken.
const CONNECTIONS: usize = 10_000;
/// A connection that says nothing, or too slowly, for so long is given up.
const SILENCE: Duration = Duration::from_secs(30);
/// When no connection can be taken (too many open files), the next try is so much later.
const BREATH: Duration = Duration::from_millis(100);

/// How long a server gives to others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The head of a reply is there within this time, or the request is given up.
    pub(crate) longest: Duration,
    /// What is under way when the end comes has so long.
    pub(crate) farewell: Duration,
}

/// Serves `routes` until `stop` is ready, and finishes what is under way then.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    routes: Router,
    bounds: Bounds,
    stop: impl Future<Output = ()>,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let (leave, leaving) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        let accepted = async {
            let permit = Arc::clone(&room).acquire_owned().await;
            (listener.accept().await, permit)
        };
        tokio::select! {
            () = &mut stop => break,
            (accepted, permit) = accepted => match accepted {
                Ok((stream, peer)) => {
                    let (tls, routes, leaving) = (tls.clone(), routes.clone(), leaving.clone());
                    connections.spawn(async move {
                        connection(stream, peer, tls, routes, bounds.longest, leaving).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    TokioClock::new().sleep(BREATH).await;
                }
            },
            // Those that are over need not be kept.
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    leave.send_replace(true);
    let all = async { while connections.join_next().await.is_some() {} };
    tokio::select! {
        () = all => {}
        () = TokioClock::new().sleep(bounds.farewell) => tracing::warn!("requests were cut off at the end"),
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    routes: Router,
    longest: Duration,
    leaving: watch::Receiver<bool>,
) {
    // Replies are small: waiting for more of them helps nobody.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return talk(stream, peer, routes, longest, leaving).await;
    };
    let secured = tokio::select! {
        secured = tls.accept(stream) => secured,
        () = TokioClock::new().sleep(SILENCE) => return,
    };
    match secured {
        Ok(stream) => talk(stream, peer, routes, longest, leaving).await,
        Err(error) => tracing::debug!(%error, "no TLS"),
    }
}

/// HTTP/1.1 or HTTP/2 over one connection, until it ends.
async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    routes: Router,
    longest: Duration,
    mut leaving: watch::Receiver<bool>,
) {
    let service =
        hyper::service::service_fn(move |request| answer(routes.clone(), peer, longest, request));
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(SILENCE);
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(SILENCE)
        .max_concurrent_streams(100);
    let connection = server.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        // The other side broke off, or was done.
        _ = &mut connection => return,
        _ = leaving.wait_for(|leaving| *leaving) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

async fn answer(
    routes: Router,
    peer: SocketAddr,
    longest: Duration,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    tokio::select! {
        answered = tower::ServiceExt::oneshot(routes, request) => answered,
        () = TokioClock::new().sleep(longest) => Ok(StatusCode::REQUEST_TIMEOUT.into_response()),
    }
}
