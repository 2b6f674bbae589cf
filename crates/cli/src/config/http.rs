//! `[http]`

use core::time::Duration;
use std::path::PathBuf;

use super::environment::Environment;
use super::keys::HttpKeys;
use super::origin::{Origin, Valued};
use super::place::project_of;

/// How servers are reached. TLS is always verified: there is no switch for it (C12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpConfig {
    /// Certificates of private authorities, trusted beside the system's: a PEM file.
    pub(crate) ca_file: Option<PathBuf>,
    /// Longest wait for a connection.
    pub(crate) connect_timeout: Duration,
    /// Longest wait for the next bytes of a reply.
    pub(crate) read_timeout: Duration,
}

/// The settings, and `[http]` with everything filled in that nobody set.
pub(crate) fn http(keys: &HttpKeys, environment: &Environment) -> (HttpConfig, HttpKeys) {
    let mut shown = keys.clone();
    let ca_file = keys.ca_file.as_ref().map(|file| {
        let expanded = environment.expand(&file.value);
        let path = match &file.origin {
            Origin::File { path, .. } => project_of(path).join(expanded),
            _ => environment.absolute(&expanded),
        };
        shown.ca_file = Some(file.replaced(path.display().to_string()));
        path
    });
    let or = |set: &Option<Valued<Duration>>, secs| {
        set.clone().unwrap_or(Valued::default(Duration::from_secs(secs)))
    };
    let (connect, read) = (or(&keys.connect_timeout, 10), or(&keys.read_timeout, 30));
    let config = HttpConfig { ca_file, connect_timeout: connect.value, read_timeout: read.value };
    shown.connect_timeout = Some(connect);
    shown.read_timeout = Some(read);
    (config, shown)
}
