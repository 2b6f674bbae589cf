//! Why a server cannot be the store.

use tokio_postgres::error::SqlState;

/// The server cannot be the store. Nothing of it was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadServer {
    /// The URL.
    #[error("no URL of PostgreSQL: postgres://user:password@host/database?sslmode=verify-full")]
    Url,
    /// The certificates that the server's is checked with.
    #[error("the certificates of `sslrootcert`, or of the system, cannot be read")]
    Certificates,
    /// Nobody answers there, or not as PostgreSQL, or not with the certificate it should have.
    #[error("the server cannot be reached")]
    Unreachable,
    /// The user, the password or the database.
    #[error("the server refuses the user, the password or the database")]
    Refused,
    /// The user has not the rights.
    #[error("the user may not create the schema, or not use what is in it")]
    Forbidden,
    /// A newer version of this program has written it.
    #[error("the database has schema {found}, and this version knows up to {known}: upgrade")]
    Newer {
        /// The version of its schema.
        found: u32,
        /// The newest that is known here.
        known: u32,
    },
    /// There is something else of the names of ours.
    #[error("the schema of that name in the database is somebody else's")]
    NotOurs,
    /// The server gave up, or somebody else is changing the schema and does not come to an end.
    #[error("the server did not do as asked: its log says why")]
    Failed,
}

impl From<tokio_postgres::Error> for BadServer {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(code) = error.code() else { return Self::Unreachable };
        let all = [
            (SqlState::INVALID_PASSWORD, Self::Refused),
            (SqlState::INVALID_AUTHORIZATION_SPECIFICATION, Self::Refused),
            (SqlState::INVALID_CATALOG_NAME, Self::Refused),
            (SqlState::INSUFFICIENT_PRIVILEGE, Self::Forbidden),
            (SqlState::DUPLICATE_TABLE, Self::NotOurs),
            (SqlState::DUPLICATE_OBJECT, Self::NotOurs),
            (SqlState::UNDEFINED_COLUMN, Self::NotOurs),
            (SqlState::CANNOT_CONNECT_NOW, Self::Unreachable),
        ];
        all.into_iter().find(|(known, _)| known == code).map_or(Self::Failed, |(_, bad)| bad)
    }
}
