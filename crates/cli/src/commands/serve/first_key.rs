//! The first tenant and the first API key of a broker that begins.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use unlapse_broker::{Name, Speed, Tables, Verb};
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
/// was begun before. A file is made before the key: one that could not be kept would be nobody's, and
/// the only one.
pub(super) async fn first_key(
    tables: &Tables,
    place: Place,
) -> Result<Option<FirstKey>, Diagnosis> {
    let failed = |problem| failure::problem(&problem);
    if !tables.tenants().await.map_err(failed)?.is_empty()
        || !tables.api_keys(None).await.map_err(failed)?.is_empty()
    {
        return Ok(None);
    }
    let secret = match &place {
        Place::Terminal => make(tables).await?,
        Place::File(path) => {
            let mut file = new_file(path)?;
            let made = make(tables).await;
            if made.is_err() {
                remove(path);
            }
            let secret = made?;
            write(&mut file, &secret).map_err(|error| failure::file(path, &error))?;
            secret
        }
    };
    Ok(Some(FirstKey { secret, place }))
}

async fn make(tables: &Tables) -> Result<Secret, Diagnosis> {
    let failed = |problem| failure::problem(&problem);
    let tenant: Name = TENANT.parse().expect("a name of letters");
    tables.put_tenant(&tenant, Speed::Eager).await.map_err(failed)?;
    let verbs = Verb::ALL.into_iter().collect();
    let made = tables.make_api_key(Some(tenant), "first", verbs, None).await;
    made.map(|(_, secret)| secret).map_err(failed)
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
