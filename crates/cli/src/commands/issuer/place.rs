//! What an issuer keeps, opened.

use std::path::Path;
use std::sync::Arc;

use unlapse_issuer::{
    Algorithm, KeyPolicy, MemoryStore, Pepper, Peppers, PostgresOptions, PostgresStore,
    SigningKeys, SqliteStore, Store, system_clock,
};

use super::settings::{Database, Settings};
use super::{failure, peppers_file};
use crate::diagnosis::Diagnosis;

impl Settings {
    /// Opens the store, which is made when it is not there.
    pub(super) async fn store(&self) -> Result<Arc<dyn Store>, Diagnosis> {
        match &self.database {
            None => Err(failure::no_database()),
            Some(Database::Memory) => Ok(Arc::new(MemoryStore::new())),
            Some(Database::Sqlite(path)) => {
                if let Some(directory) = path.parent() {
                    make_directory(directory)?;
                }
                let store = SqliteStore::open(path).map_err(|bad| failure::database(path, bad))?;
                Ok(Arc::new(store))
            }
            Some(Database::Postgres(url)) => {
                let store = PostgresStore::connect(url.expose(), PostgresOptions::default()).await;
                Ok(Arc::new(store.map_err(failure::server)?))
            }
        }
    }

    /// The same, for a command beside the server.
    pub(super) async fn store_beside(&self) -> Result<Arc<dyn Store>, Diagnosis> {
        match &self.database {
            Some(Database::Memory) => Err(failure::in_memory()),
            Some(Database::Sqlite(path)) if !path.exists() => {
                let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
                Err(failure::file(path, &missing))
            }
            _ => self.store().await,
        }
    }

    /// Reads the peppers, or makes the first for an issuer that begins here.
    pub(super) fn peppers(&self) -> Result<Peppers, Diagnosis> {
        match &self.peppers {
            Some(at) => {
                if at.ours && !at.path.exists() {
                    peppers_file::create(&at.path)?;
                }
                peppers_file::read(&at.path)
            }
            None if self.database == Some(Database::Memory) => {
                let drawn = Pepper::generate("memory").map(Peppers::new);
                drawn.map_err(|bad| failure::configuration(bad.into()))
            }
            None => Err(failure::no_peppers(Path::new("UNLAPSE_ISSUER_PEPPER_FILE"))),
        }
    }

    /// How signing keys succeed one another.
    pub(super) fn key_policy(&self) -> KeyPolicy {
        let (said, policy) = (&self.file.signing, KeyPolicy::default());
        KeyPolicy {
            rotate_every: said.rotate_every.as_ref().map_or(policy.rotate_every, |set| set.value),
            publish_for: said.publish_for.as_ref().map_or(policy.publish_for, |set| set.value),
        }
    }

    /// What it signs with: access tokens with the first, and with the others what clients want.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        let first = self.file.keys.algorithm.as_ref().map(|set| set.value).unwrap_or_default();
        let also = self.file.signing.also.as_ref().map(|set| set.value.clone()).unwrap_or_default();
        let clients = self.file.clients.values();
        let wanted =
            clients.filter_map(|(keys, _)| keys.id_token_alg.as_ref().map(|set| set.value));
        let mut algorithms = vec![first];
        for algorithm in also.into_iter().chain(wanted) {
            if !algorithms.contains(&algorithm) {
                algorithms.push(algorithm);
            }
        }
        algorithms
    }

    /// The signing keys, for a command beside the server.
    pub(super) async fn keys_beside(&self) -> Result<SigningKeys, Diagnosis> {
        let store = self.store_beside().await?;
        let peppers = Arc::new(self.peppers()?);
        let (algorithms, policy) = (self.algorithms(), self.key_policy());
        Ok(SigningKeys::new(store, peppers, algorithms, policy, system_clock()))
    }
}

/// A directory that only this user can enter, where there is none.
pub(super) fn make_directory(path: &Path) -> Result<(), Diagnosis> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| failure::file(path, &error))
}
