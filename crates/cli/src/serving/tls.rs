//! TLS, where a server speaks it itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::serving::TlsKeys;
use crate::config::{ConfigError, Environment, Origin};
use crate::diagnosis::Diagnosis;

/// What connections are secured with, as `[tls]` of a configuration that stands at `at` says. A file
/// that cannot be used is told by `failure`, which takes its path and the end of a sentence.
pub(crate) fn acceptor(
    keys: &TlsKeys,
    at: &Origin,
    environment: &Environment,
    failure: fn(&Path, &str) -> Diagnosis,
) -> Result<TlsAcceptor, Diagnosis> {
    let (Some(certificate), Some(key)) = (&keys.certificate, &keys.key) else {
        return Err(Diagnosis::of_config(&ConfigError::BadValue {
            key: "tls".to_owned(),
            at: at.clone(),
            allowed: "a table with `certificate` and `key`".to_owned(),
            nearest: None,
        }));
    };
    let path = |text: &str| environment.absolute(&environment.expand(text));
    let read = read(&path(&certificate.value), &path(&key.value));
    read.map_err(|bad| failure(&bad.path, bad.problem))
}

/// A file that TLS cannot use.
struct BadTls {
    path: PathBuf,
    problem: &'static str,
}

fn read(certificate: &Path, key: &Path) -> Result<TlsAcceptor, BadTls> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|_| bad(certificate, "holds no certificates in PEM that can be read"))?;
    if chain.is_empty() {
        return Err(bad(certificate, "holds no certificate"));
    }
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|_| bad(key, "holds no private key in PEM that can be read"))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(chain, private));
    let mut config = config.map_err(|_| bad(key, "is not the key of the certificate"))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn bad(path: &Path, problem: &'static str) -> BadTls {
    BadTls { path: path.to_owned(), problem }
}
