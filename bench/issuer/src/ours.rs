//! Our issuer, started as a process of its own.

use std::process::Command;

use anyhow::{Context as _, Result};
use unlapse_issuer::Algorithm;

use crate::database::{DATABASE_URL, Database};
use crate::serve;
use crate::server::Server;

/// Our name in the tables.
pub(crate) const NAME: &str = "**unlapse**";

/// Starts it with everything in memory.
pub(crate) fn in_memory(algorithm: Algorithm) -> Result<Server> {
    Server::start(&mut process(algorithm, "memory")?, None)
}

/// Starts it on a file of `SQLite`.
pub(crate) fn on_sqlite() -> Result<Server> {
    // Beside this program, on the disk of the working tree: `/tmp` may be in memory, where waiting
    // for the disk costs nothing.
    let own = std::env::current_exe()?;
    let folder = tempfile::tempdir_in(own.parent().context("a file lies in a directory")?)?;
    let store = format!("sqlite:{}", folder.path().join("issuer.db").display());
    Ok(Server::start(&mut process(Algorithm::EdDsa, &store)?, None)?.with_folder(folder))
}

/// Starts it on a database of `PostgreSQL`.
pub(crate) fn on_postgres(database: &Database) -> Result<Server> {
    let mut server = process(Algorithm::EdDsa, "postgres")?;
    server.env(DATABASE_URL, database.url());
    Server::start(&mut server, Some(database.process()))
}

fn process(algorithm: Algorithm, store: &str) -> Result<Command> {
    let mut server = Command::new(std::env::current_exe()?);
    server.args([serve::MODE, algorithm.as_str(), store]);
    Ok(server)
}
