//! A connection that is kept: HTTP/1.1, one request at a time.

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::door::Ask;

/// A connection to a server on the loopback. Opened again when the server has closed it.
pub(crate) struct Connection {
    port: u16,
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    pub(crate) async fn open(port: u16) -> Result<Self> {
        Ok(Self { port, sender: connect(port).await? })
    }

    /// Asks, whatever the answer.
    pub(crate) async fn ask(&mut self, ask: Ask) -> Result<(StatusCode, Bytes)> {
        // Only here, and never after something was sent: no request is sent twice.
        if self.sender.ready().await.is_err() {
            self.sender = connect(self.port).await?;
            self.sender.ready().await?;
        }
        let reply = self.sender.send_request(ask).await.context("asking the server")?;
        let (head, body) = reply.into_parts();
        let body = body.collect().await.context("reading the server's reply")?;
        Ok((head.status, body.to_bytes()))
    }

    /// Asks for what has to be granted.
    pub(crate) async fn demand(&mut self, ask: Ask) -> Result<Bytes> {
        let (status, body) = self.ask(ask).await?;
        ensure!(status == StatusCode::OK, "{status}: {}", String::from_utf8_lossy(&body));
        Ok(body)
    }
}

async fn connect(port: u16) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.context("reaching the server")?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // It ends with its sender, or when the server closes it: either is seen by the next request.
    tokio::spawn(connection);
    Ok(sender)
}
