//! `yup-oauth2`: an authorized user, renewed with a refresh token.

use std::hint::black_box;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderValue, Response, Uri};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{DuplexStream, duplex};
use yup_oauth2::authenticator::Authenticator;
use yup_oauth2::authorized_user::AuthorizedUserSecret;
use yup_oauth2::{AccessToken, AuthorizedUserAuthenticator, CustomHyperClientBuilder};

use crate::contender::{Contender, bearer};
use crate::server::Server;

/// `Authenticator::token`.
pub(crate) struct Yup(Authenticator<InProcess>);

impl Yup {
    async fn access_token(&self) -> Option<AccessToken> {
        self.0.token(&["https://api.example/scope"]).await.ok()
    }
}

impl Contender for Yup {
    const NAME: &'static str = "yup-oauth2 12.1.2 `token`";
    const FAKED: &'static str = "hyper's connector, to a hyper server in this process";

    async fn new(server: Arc<Server>) -> Self {
        let client = Client::builder(TokioExecutor::new()).build(InProcess(server));
        let secret = AuthorizedUserSecret {
            client_id: "cid".to_owned(),
            client_secret: "secret".to_owned(),
            refresh_token: "refresh".to_owned(),
            key_type: "authorized_user".to_owned(),
        };
        let client = CustomHyperClientBuilder::from(client);
        let authenticator = AuthorizedUserAuthenticator::with_client(secret, client).build().await;
        let ready = Self(authenticator.expect("valid parameters"));
        ready.token().await;
        ready
    }

    async fn token(&self) {
        black_box(self.access_token().await.expect("the server answers"));
    }

    async fn try_header(&self) -> Option<HeaderValue> {
        Some(bearer(self.access_token().await?.token().expect("the server grants one")))
    }
}

/// Leads every address to the server, without a socket.
#[derive(Clone)]
struct InProcess(Arc<Server>);

impl tower_service::Service<Uri> for InProcess {
    type Response = Pipe;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Pipe>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let server = Arc::clone(&self.0);
        Box::pin(async move {
            let (ours, theirs) = duplex(16 * 1024);
            tokio::spawn(async move {
                let answer = service_fn(|_| async {
                    let answer = server.grant_json().await;
                    let status = if answer.is_some() { 200 } else { 503 };
                    let mut reply = Response::new(answer.unwrap_or_default());
                    *reply.status_mut() = status.try_into().expect("a status");
                    Ok::<_, io::Error>(reply)
                });
                // It ends when the client closes it.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(theirs), answer).await;
            });
            Ok(Pipe(TokioIo::new(ours)))
        })
    }
}

/// A connection within the process.
struct Pipe(TokioIo<DuplexStream>);

impl Connection for Pipe {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl hyper::rt::Write for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
