//! TLS, where the issuer speaks it itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::failure;
use super::settings::Settings;
use crate::config::{ConfigError, Environment};
use crate::diagnosis::Diagnosis;

impl Settings {
    /// What connections are secured with, when the configuration says so.
    pub(super) fn tls(&self, environment: &Environment) -> Result<Option<TlsAcceptor>, Diagnosis> {
        let Some((keys, at)) = &self.file.tls else { return Ok(None) };
        let (Some(certificate), Some(key)) = (&keys.certificate, &keys.key) else {
            return Err(Diagnosis::of_config(&ConfigError::BadValue {
                key: "tls".to_owned(),
                at: at.clone(),
                allowed: "a table with `certificate` and `key`".to_owned(),
                nearest: None,
            }));
        };
        let path = |text: &str| environment.absolute(&environment.expand(text));
        acceptor(&path(&certificate.value), &path(&key.value)).map(Some)
    }
}

fn acceptor(certificate: &Path, key: &PathBuf) -> Result<TlsAcceptor, Diagnosis> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|_| failure::tls(certificate, "holds no certificates in PEM that can be read"))?;
    if chain.is_empty() {
        return Err(failure::tls(certificate, "holds no certificate"));
    }
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|_| failure::tls(key, "holds no private key in PEM that can be read"))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(chain, private));
    let mut config = config.map_err(|_| failure::tls(key, "is not the key of the certificate"))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
