//! TLS and HTTP/2: verified (C12), and as silent as the rest.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::TlsAcceptor;

use crate::harness::{Project, Run};
use crate::search::{ACCESS_TOKEN, ALL, ENV_SECRET, REFRESH_TOKEN, search};

/// A token server with a certificate of a private authority.
struct TlsServer {
    port: u16,
    /// The authority's certificate.
    authority: String,
    versions: Arc<Mutex<Vec<Version>>>,
    _runtime: tokio::runtime::Runtime,
}

impl TlsServer {
    fn start() -> Self {
        let key = || KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        let mut about = CertificateParams::new(Vec::new()).expect("parameters");
        about.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(about, key()).expect("an authority");
        let own = key();
        let leaf = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
        let leaf = leaf.signed_by(&own, &authority).expect("signed");

        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().expect("versions");
        let secret = PrivatePkcs8KeyDer::from(own.serialize_der()).into();
        let config =
            config.with_no_client_auth().with_single_cert(vec![leaf.der().clone()], secret);
        let mut config = config.expect("a certificate and its key");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];

        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().expect("a runtime");
        let versions = Arc::<Mutex<Vec<Version>>>::default();
        let seen = Arc::clone(&versions);
        let listener = runtime.block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let listener = listener.expect("a socket");
        let port = listener.local_addr().expect("an address").port();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
                tokio::spawn(async move {
                    // A client that does not trust us ends here.
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = hyper::service::service_fn(move |request| {
                        seen.lock().expect("no panic before").push(request.version());
                        async move { Ok::<_, Infallible>(grant(&request)) }
                    });
                    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { port, authority: authority.pem(), versions, _runtime: runtime }
    }
}

/// Secrets wherever a reply has room for one.
fn grant(_request: &Request<hyper::body::Incoming>) -> Response<Body> {
    let body = format!(
        r#"{{"access_token":"{ACCESS_TOKEN}","refresh_token":"{REFRESH_TOKEN}","expires_in":60}}"#
    );
    let response = Response::builder().header("content-type", "application/json");
    let response = response.header("set-cookie", format!("session={REFRESH_TOKEN}"));
    response.body(Body::from(body)).expect("a reply")
}

fn project(server: &TlsServer, trusted: bool) -> Project {
    let mut project = Project::empty();
    let authority = project.root().join("authority.pem");
    std::fs::write(&authority, &server.authority).expect("written");
    let http = format!("[http]\nca_file = \"{}\"", authority.display());
    project.configure(
        &format!(
            "[profile.acme]\ntoken_endpoint = \"https://localhost:{}/token\"\nclient_id = \"cid\"\n\
             client_auth = \"basic\"\nclient_secret_env = \"SECRET\"\n[profile.acme.policy]\n\
             attempts = 1\n{}\n",
            server.port,
            if trusted { &http } else { "" }
        ),
        "",
    );
    for (name, value) in [("SECRET", ENV_SECRET), ("UNLAPSE_LOG", "trace"), ("RUST_BACKTRACE", "1")]
    {
        project.env.push((name.to_owned(), value.to_owned()));
    }
    project
}

fn log_in(project: &Project) -> Run {
    project.run_with(&["login", "acme", "--refresh-token-stdin"], REFRESH_TOKEN)
}

#[test]
fn r18_nothing_leaks_from_tls_and_http_2_at_their_loudest() {
    let server = TlsServer::start();
    let project = project(&server, true);
    let run = log_in(&project).ok();
    assert!(run.stderr.contains("TRACE h2::") || run.stderr.contains(" h2::"), "loud: {run}");
    search("the log of HTTP/2", run.stderr.as_bytes(), &ALL);
    let versions = server.versions.lock().expect("no panic before").clone();
    assert_eq!(versions, [Version::HTTP_2], "C12");
}

#[test]
fn c12_a_certificate_of_nobody_we_trust_is_refused_and_nothing_is_sent() {
    let server = TlsServer::start();
    let project = project(&server, false);
    let run = log_in(&project).ok();
    assert!(
        run.stderr.contains("warning: acme is kept, but the server could not be asked"),
        "{run}"
    );
    search("the log of a refused handshake", run.stderr.as_bytes(), &ALL);
    let run = project.run(&["token"]).failed(11, "temporary_failure");
    assert!(run.stderr.contains("`http.ca_file`"), "{run}");
    search("the log of a refused handshake", run.stderr.as_bytes(), &ALL);
    assert!(server.versions.lock().expect("no panic before").is_empty(), "no request was made");
}
