//! A private authority, and a listener with a certificate of it.

use std::net::Ipv4Addr;
use std::sync::Arc;

use aws_lc_rs::digest;
use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData as _,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A socket of `localhost` with a certificate.
pub(crate) struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    /// The authority's certificate, as PEM.
    pub(crate) authority: String,
    /// What a browser knows the certificate by: the hash of its key.
    pub(crate) spki: String,
}

impl Tls {
    pub(crate) async fn bind() -> Self {
        let key = || KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        let mut about = CertificateParams::new(Vec::new()).expect("parameters");
        about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        about.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        about.distinguished_name = named("an authority for tests");
        let authority = CertifiedIssuer::self_signed(about, key()).expect("an authority");
        let own = key();
        let mut leaf = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
        leaf.distinguished_name = named("localhost");
        leaf.use_authority_key_identifier_extension = true;
        let leaf = leaf.signed_by(&own, &authority).expect("signed");

        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().expect("versions");
        let secret = PrivatePkcs8KeyDer::from(own.serialize_der()).into();
        let config = config
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], secret)
            .expect("a certificate and its key");

        let spki = digest::digest(&digest::SHA256, &own.subject_public_key_info());
        Self {
            listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket"),
            acceptor: TlsAcceptor::from(Arc::new(config)),
            authority: authority.pem(),
            spki: STANDARD.encode(spki),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.listener.local_addr().expect("bound").port()
    }

    /// Serves until it is aborted.
    pub(crate) fn serve(self, router: Router) -> JoinHandle<()> {
        let Self { listener, acceptor, .. } = self;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, router) = (acceptor.clone(), router.clone());
                // Each on its own: browsers open connections that they never use.
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let server = auto::Builder::new(TokioExecutor::new());
                    let service = TowerToHyperService::new(router);
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        })
    }
}

/// Some take a certificate whose issuer has its own name for one that signed itself.
fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}
