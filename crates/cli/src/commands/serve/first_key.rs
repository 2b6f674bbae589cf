//! The first tenant and the first API key of a broker that begins.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use unlapse_broker::{Name, Speed, Tables, Verb};
use unlapse_core::Secret;

use super::failure;
use crate::diagnosis::Diagnosis;

/// What the first tenant is called.
pub(super) const TENANT: &str = "default";

/// Makes the first tenant and its first key, where there is neither a tenant nor a key; `None`: it
/// was begun before.
pub(super) async fn first_key(tables: &Tables) -> Result<Option<Secret>, Diagnosis> {
    let failed = |problem| failure::problem(&problem);
    if !tables.tenants().await.map_err(failed)?.is_empty()
        || !tables.api_keys(None).await.map_err(failed)?.is_empty()
    {
        return Ok(None);
    }
    let tenant: Name = TENANT.parse().expect("a name of letters");
    tables.put_tenant(&tenant, Speed::Eager).await.map_err(failed)?;
    let verbs = Verb::ALL.into_iter().collect();
    let made = tables.make_api_key(Some(tenant), "first", verbs, None).await;
    made.map(|(_, secret)| Some(secret)).map_err(failed)
}

/// Writes a secret into a file that was not there, for this user alone.
pub(super) fn write(path: &Path, secret: &Secret) -> Result<(), Diagnosis> {
    let written = (|| -> io::Result<()> {
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(secret.expose().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    })();
    written.map_err(|error| failure::file(path, &error))
}
