//! The first tenant and the first API key of a broker that begins.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use unlapse_broker::{Name, Tables, Verb};
use unlapse_core::Secret;

use super::failure;
use super::open::make_directory;
use crate::diagnosis::Diagnosis;

/// What the first tenant is called.
pub(super) const TENANT: &str = "default";
/// The file of a first key that nobody would read where it is printed, in the data directory.
const FILE: &str = "first-key";

/// Where the first key goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// To the person who has started the broker.
    Terminal,
    /// Into a file that is not there yet.
    File(PathBuf),
}

impl Place {
    /// Into the file that was `named`, or to whoever reads along. What nobody reads along goes into a
    /// log, which others read, or is lost: then a file in `data` has it.
    pub(super) fn of(named: Option<PathBuf>, is_read_along: bool, data: &Path) -> Self {
        match named {
            Some(path) => Self::File(path),
            None if is_read_along => Self::Terminal,
            None => Self::File(data.join(FILE)),
        }
    }
}

/// The first key, and where it is.
pub(super) struct FirstKey {
    pub(super) secret: Secret,
    pub(super) place: Place,
}

/// Makes the first tenant and its first key, where there is neither a tenant nor a key; `None`: it
/// was begun before, or another node has begun it just now. A file is made before the key: one that
/// could not be kept would be nobody's, and the only one.
pub(super) async fn first_key(
    tables: &Tables,
    place: Place,
) -> Result<Option<FirstKey>, Diagnosis> {
    if has_begun(tables).await? {
        return Ok(None);
    }
    let secret = match &place {
        Place::Terminal => make(tables).await?,
        Place::File(path) => {
            let mut file = match new_file(path) {
                Ok(file) => file,
                Err(_) if is_begun_by_another(tables).await? => return Ok(None),
                Err(failure) => return Err(failure),
            };
            let made = make(tables).await;
            if !matches!(made, Ok(Some(_))) {
                remove(path);
            }
            let made = made?;
            if let Some(secret) = &made {
                write(&mut file, secret).map_err(|error| failure::file(path, &error))?;
            }
            made
        }
    };
    Ok(secret.map(|secret| FirstKey { secret, place }))
}

async fn has_begun(tables: &Tables) -> Result<bool, Diagnosis> {
    let failed = |problem| failure::problem(&problem);
    let has_tenants = !tables.tenants().await.map_err(failed)?.is_empty();
    Ok(has_tenants || !tables.api_keys(None).await.map_err(failed)?.is_empty())
}

/// A file that is in the way may be that of a node which begins at this moment, in the same directory:
/// its key is in the database a moment after its file.
#[expect(clippy::disallowed_methods, reason = "it is another process that is waited for")]
async fn is_begun_by_another(tables: &Tables) -> Result<bool, Diagnosis> {
    for _ in 0..10 {
        if has_begun(tables).await? {
            return Ok(true);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    has_begun(tables).await
}

/// `None`: another node was first.
async fn make(tables: &Tables) -> Result<Option<Secret>, Diagnosis> {
    let tenant: Name = TENANT.parse().expect("a name of letters");
    let verbs = Verb::ALL.into_iter().collect();
    let made = tables.make_first_api_key(&tenant, "first", verbs).await;
    made.map_err(|problem| failure::problem(&problem))
}

/// A file that was not there, for this user alone.
fn new_file(path: &Path) -> Result<File, Diagnosis> {
    if let Some(directory) = path.parent() {
        make_directory(directory)?;
    }
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => failure::first_key(path),
        _ => failure::file(path, &error),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r18_a_row_for_each_place_of_the_first_key() {
        let file = |path: &str| Place::File(path.into());
        for (named, is_read_along, expected) in [
            (None, true, Place::Terminal),
            (None, false, file("/data/first-key")),
            (Some("/run/key"), true, file("/run/key")),
            (Some("/run/key"), false, file("/run/key")),
        ] {
            let place = Place::of(named.map(PathBuf::from), is_read_along, Path::new("/data"));
            assert_eq!(place, expected, "{named:?} {is_read_along}");
        }
    }
}
