//! Why a file cannot be the store.

use std::io;

/// The file cannot be the store. It was left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadFile {
    /// Something else than a file lies there: a directory, a link, a socket.
    #[error("the database is no regular file")]
    NotAFile,
    /// Others than its owner may read or change it.
    #[error("others may read or change the database: chmod 600")]
    Exposed,
    /// A file that this program has not made, or not for this.
    #[error("the file is no database of this program for this use; name another one")]
    NotOurs,
    /// A newer version of this program has written it.
    #[error("the database has schema {found}, and this version knows up to {known}: upgrade")]
    Newer {
        /// The version of its schema.
        found: u32,
        /// The newest that is known here.
        known: u32,
    },
    /// It cannot be read as what it claims to be.
    #[error("the database is damaged: restore a backup")]
    Damaged,
    /// Another process did not let go of it in time.
    #[error("another process has locked the database")]
    Locked,
    /// The disk.
    #[error("the database cannot be opened: {0}")]
    Io(io::ErrorKind),
}

impl From<io::Error> for BadFile {
    fn from(error: io::Error) -> Self {
        Self::Io(error.kind())
    }
}

impl From<rusqlite::Error> for BadFile {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::NotADatabase) => Self::NotOurs,
            Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
                Self::Io(io::ErrorKind::PermissionDenied)
            }
            Some(ErrorCode::DiskFull) => Self::Io(io::ErrorKind::StorageFull),
            Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure) => {
                Self::Io(io::ErrorKind::Other)
            }
            _ => Self::Damaged,
        }
    }
}
