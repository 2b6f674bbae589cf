//! Why a place cannot be the database.

/// The place cannot be the database. It was left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadDatabase {
    /// The file.
    #[cfg(feature = "sqlite")]
    #[error(transparent)]
    File(#[from] super::sqlite::BadFile),
    /// The server.
    #[cfg(feature = "postgres")]
    #[error(transparent)]
    Server(#[from] super::postgres::BadServer),
    /// It is well, and did not answer in time.
    #[error("the database does not answer")]
    Away,
    /// The folder of the spool cannot be written to: the log says why.
    #[error("the folder of the spool cannot be used")]
    Spool,
    /// This program was built without it.
    #[error("this program was built without this kind of database")]
    NotBuilt,
}

impl From<super::Away> for BadDatabase {
    fn from(_: super::Away) -> Self {
        Self::Away
    }
}
