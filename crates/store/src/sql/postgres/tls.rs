//! TLS to the server.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::bad_server::BadServer;
use super::place::Place;

/// What checks the server's certificate: with those of the file that the URL names, else with
/// those that the system trusts. Reads files.
pub fn tls(place: &Place) -> Result<MakeRustlsConnect, BadServer> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| BadServer::Certificates)?;
    let builder = if place.config.get_ssl_mode() == SslMode::Disable {
        // Never asked.
        builder.with_root_certificates(RootCertStore::empty())
    } else if let Some(file) = &place.roots {
        builder.with_root_certificates(roots(file)?)
    } else {
        builder.with_platform_verifier().map_err(|_| BadServer::Certificates)?
    };
    Ok(MakeRustlsConnect::new(builder.with_no_client_auth()))
}

fn roots(file: &str) -> Result<RootCertStore, BadServer> {
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|_| BadServer::Certificates)?;
    for certificate in certificates {
        let certificate = certificate.map_err(|_| BadServer::Certificates)?;
        roots.add(certificate).map_err(|_| BadServer::Certificates)?;
    }
    if roots.is_empty() { Err(BadServer::Certificates) } else { Ok(roots) }
}
