//! TLS, where the issuer speaks it itself.

use tokio_rustls::TlsAcceptor;

use super::failure;
use super::settings::Settings;
use crate::config::{ConfigError, Environment};
use crate::diagnosis::Diagnosis;
use crate::serving;

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
        let acceptor = serving::acceptor(&path(&certificate.value), &path(&key.value));
        acceptor.map(Some).map_err(|bad| failure::tls(&bad.path, bad.problem))
    }
}
