//! Takes the login of a plain file over, once.
#![expect(clippy::disallowed_methods, reason = "the plain file is not of our store")]

use std::ffi::OsString;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use unlapse::TokenSource;
use unlapse_core::{Now, UnixTime};
use zeroize::Zeroizing;

use crate::error::AcmeError;
use crate::token_file::{LARGEST, TokenFile, TokenFileError};

/// What becomes of a plain file whose login was taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Afterwards {
    /// It is renamed, to a name that its former reader does not know, for its owner alone.
    #[default]
    Aside,
    /// It is removed.
    Remove,
}

/// What an import came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Whether the file's login is the client's now. If not, there was one already, which stays.
    pub is_taken_over: bool,
    /// Where the file is now; `None` when it was removed.
    pub kept: Option<PathBuf>,
    /// Others could read the file: whoever did has the login as well.
    pub was_readable: bool,
}

/// A file, and what is known of it.
struct Found {
    login: TokenFile,
    was_readable: bool,
}

/// Takes the login in the file at `path` over, unless there is one already: under the lease, and
/// durably before the file is touched. Killed in between, the next import finds the login in its
/// place, and only puts the file away.
pub(crate) async fn import(
    source: &TokenSource,
    path: &Path,
    afterwards: Afterwards,
) -> Result<Imported, AcmeError> {
    // What cannot be read is not worth a lease.
    open(path, Now::default())?;
    let mut read = Err(TokenFileError::Missing);
    let mut is_taken_over = false;
    source
        .edit(|record, now| {
            // Under the lease: whoever imported it before has put it away.
            read = open(path, now);
            match &read {
                Ok(found) if found.login.takes_place_of(&record) => {
                    is_taken_over = true;
                    found.login.brought_to(&record, now)
                }
                _ => record,
            }
        })
        .await?;
    let was_readable = read?.was_readable;
    let kept = put_away(path, is_taken_over, afterwards)?;
    Ok(Imported { is_taken_over, kept, was_readable })
}

fn open(path: &Path, now: Now) -> Result<Found, TokenFileError> {
    // A link leads to a file of somebody else, and a pipe to nowhere.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| match error {
        Errno::NOENT => TokenFileError::Missing,
        _ => TokenFileError::NotAFile,
    })?;
    let file = std::fs::File::from(file);
    let about = file.metadata().map_err(|_| TokenFileError::NotAFile)?;
    if !about.is_file() || about.uid() != rustix::process::geteuid().as_raw() {
        return Err(TokenFileError::NotAFile);
    }
    if about.mode() & 0o022 != 0 {
        return Err(TokenFileError::Exposed);
    }
    let mut text = Zeroizing::new(Vec::with_capacity(4096));
    file.take(LARGEST + 1).read_to_end(&mut text).map_err(|_| TokenFileError::NotAFile)?;
    if text.len() as u64 > LARGEST {
        return Err(TokenFileError::TooLarge);
    }
    let written = about.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let written = written.map_or(UnixTime::default(), |since| UnixTime::default().plus(since));
    let login = TokenFile::parse(&text, written.min(now.wall))?;
    Ok(Found { login, was_readable: about.mode() & 0o044 != 0 })
}

/// Renames or removes the file. Where the login could not be taken over, nobody has its secrets but the
/// file: that one is renamed in any case.
fn put_away(
    path: &Path,
    is_taken_over: bool,
    afterwards: Afterwards,
) -> Result<Option<PathBuf>, AcmeError> {
    if is_taken_over && afterwards == Afterwards::Remove {
        std::fs::remove_file(path)?;
        return Ok(None);
    }
    let mut name = OsString::from(path);
    name.push(if is_taken_over { ".imported" } else { ".not-imported" });
    let aside = PathBuf::from(name);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(path, &aside)?;
    Ok(Some(aside))
}
