//! A throw-away certificate authority, and TLS connections that are given up on purpose.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    PKCS_ECDSA_P256_SHA256,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::Failed;
use super::desk::Desk;
use super::server::Door;
use crate::commands::embedded;

/// Nobody but the drill's own commands is asked to trust it; its key is never written down.
#[derive(Clone)]
pub(super) struct Authority {
    pem: Arc<str>,
    acceptor: TlsAcceptor,
}

/// How the next HTTP/2 connection is given up.
#[derive(Default)]
pub(super) struct Farewell(Mutex<Option<Goaway>>);

/// A GOAWAY frame (RFC 9113 §6.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goaway {
    /// The request was not read: it may be sent again.
    Unread,
    /// The request was read, and is answered; no other may follow.
    AfterThis,
}

impl Farewell {
    /// For the next connection.
    pub(super) fn next(&self, goaway: Goaway) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(goaway);
    }

    fn take(&self) -> Option<Goaway> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Authority {
    /// A new one, and a certificate of it for the loopback.
    pub(super) fn new() -> Result<Self, Failed> {
        let key = || KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256);
        let mut about = CertificateParams::new(Vec::new())?;
        about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Two names: OpenSSL takes a certificate for self-signed whose issuer has its own.
        about.distinguished_name.push(DnType::CommonName, "unlapse drill authority");
        let authority = CertifiedIssuer::self_signed(about, key()?)?;
        let own = key()?;
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut leaf = CertificateParams::new(names)?;
        leaf.distinguished_name.push(DnType::CommonName, "unlapse drill");
        let leaf = leaf.signed_by(&own, &authority)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivatePkcs8KeyDer::from(own.serialize_der()).into(),
            )?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { pem: authority.pem().into(), acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// Its certificate.
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// Answers a connection, or gives it up as was asked for.
    pub(super) async fn connection(
        &self,
        stream: TcpStream,
        routes: Router,
        desk: Arc<Desk>,
        door: &Door,
    ) {
        let Ok(stream) = self.acceptor.accept(stream).await else {
            door.refused.store(true, Ordering::Relaxed);
            return;
        };
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            door.http1.store(true, Ordering::Relaxed);
            return embedded::connection(stream, routes, desk, std::future::pending()).await;
        }
        door.http2.store(true, Ordering::Relaxed);
        match door.farewell.take() {
            Some(Goaway::Unread) => {
                // A client that breaks off is told nothing more.
                let _ = turn_away(stream, &desk).await;
            }
            Some(Goaway::AfterThis) => {
                let (next, seen) = (desk.requests() + 1, Arc::clone(&desk));
                let leaving = async move { seen.until_requests(next).await };
                embedded::connection(stream, routes, desk, leaving).await;
            }
            None => embedded::connection(stream, routes, desk, std::future::pending()).await,
        }
    }
}

/// `SETTINGS` with nothing in it, and `GOAWAY` with the last stream 0 and `NO_ERROR`: whatever was
/// sent was not read.
const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
const GOAWAY: [u8; 17] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// The type of the frame that a request begins with.
const HEADERS: u8 = 1;

/// Speaks HTTP/2 until the first request has begun, and says that it was not read.
async fn turn_away(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    desk: &Desk,
) -> std::io::Result<()> {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await?;
    stream.write_all(&SETTINGS).await?;
    stream.flush().await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let [a, b, c, kind, ..] = head;
        let length = u64::from(u32::from_be_bytes([0, a, b, c]));
        tokio::io::copy(&mut (&mut stream).take(length), &mut tokio::io::sink()).await?;
        if kind == HEADERS {
            break;
        }
    }
    desk.turned_away();
    stream.write_all(&GOAWAY).await?;
    stream.flush().await?;
    stream.shutdown().await?;
    // What is still under way is read, or the system would break the connection before the client
    // has seen why.
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(())
}
