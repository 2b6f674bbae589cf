//! What the system's errors mean to a store.

use std::io::{self, ErrorKind};
use std::path::Path;

use unlapse_core::StoreError;

/// `error` at `path`, in the store's words.
pub(crate) fn failure(path: &Path, error: &io::Error) -> StoreError {
    let place = path.display().to_string();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            StoreError::Full { place }
        }
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
            StoreError::ReadOnly { place }
        }
        kind => StoreError::Io { place, kind },
    }
}

/// For `map_err`.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |error| failure(path, &error)
}

/// Done, also when there was nothing to do it to.
pub(super) fn unless_missing(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn c16_a_row_for_each_error_of_the_system() {
        let path = Path::new("/p");
        let place = || "/p".to_owned();
        let full = StoreError::Full { place: place() };
        let read_only = StoreError::ReadOnly { place: place() };
        for (errno, expected) in [
            (Errno::NOSPC, &full),
            (Errno::DQUOT, &full),
            (Errno::FBIG, &full),
            (Errno::ROFS, &read_only),
            (Errno::ACCESS, &read_only),
            (Errno::PERM, &read_only),
        ] {
            assert_eq!(&failure(path, &errno.into()), expected, "{errno:?}");
        }
        assert!(matches!(failure(path, &Errno::IO.into()), StoreError::Io { .. }));
    }
}
