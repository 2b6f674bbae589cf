//! The first tenant and the first API key of a broker that begins.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use unlapse_broker::{Name, Speed, Tables, Verb};
use unlapse_core::Secret;

use super::failure;
use crate::config::Environment;
use crate::diagnosis::Diagnosis;

/// What the first tenant is called.
pub(super) const TENANT: &str = "default";

/// Makes the first tenant and its first key, where there is neither a tenant nor a key; `None`: it
/// was begun before. The key is written to `path`, where there is one, and the file is made before it:
/// a key that could not be kept would be nobody's, and the only one.
pub(super) async fn first_key(
    tables: &Tables,
    path: Option<&Path>,
    environment: &Environment,
) -> Result<Option<Secret>, Diagnosis> {
    let failed = |problem| failure::problem(&problem);
    if !tables.tenants().await.map_err(failed)?.is_empty()
        || !tables.api_keys(None).await.map_err(failed)?.is_empty()
    {
        return Ok(None);
    }
    let Some(path) = path else {
        if goes_into_the_journal(environment, std::io::stderr().is_terminal()) {
            return Err(failure::first_key_in_journal());
        }
        return make(tables).await.map(Some);
    };
    let mut file = new_file(path).map_err(|error| failure::file(path, &error))?;
    let made = make(tables).await;
    if made.is_err() {
        remove(path);
    }
    let secret = made?;
    write(&mut file, &secret).map_err(|error| failure::file(path, &error))?;
    Ok(Some(secret))
}

async fn make(tables: &Tables) -> Result<Secret, Diagnosis> {
    let failed = |problem| failure::problem(&problem);
    let tenant: Name = TENANT.parse().expect("a name of letters");
    tables.put_tenant(&tenant, Speed::Eager).await.map_err(failed)?;
    let verbs = Verb::ALL.into_iter().collect();
    let made = tables.make_api_key(Some(tenant), "first", verbs, None).await;
    made.map(|(_, secret)| secret).map_err(failed)
}

/// Whether what is printed is kept by systemd, for everybody who may read logs. It says so itself
/// (systemd.exec(5)); a shell that was started from such a service has a terminal all the same.
fn goes_into_the_journal(environment: &Environment, has_terminal: bool) -> bool {
    !has_terminal && environment.os("JOURNAL_STREAM").is_some()
}

/// A file that was not there, for this user alone.
fn new_file(path: &Path) -> io::Result<File> {
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// An empty file would be in the way of the next attempt.
#[expect(clippy::disallowed_methods, reason = "the file that was made for a key, and holds none")]
fn remove(path: &Path) {
    let _ = std::fs::remove_file(path);
}

fn write(file: &mut File, secret: &Secret) -> io::Result<()> {
    file.write_all(secret.expose().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}
