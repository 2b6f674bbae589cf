//! `unlapse issuer check`

use serde_json::json;

use super::Run;
use super::described::Described;
use super::failure;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::terminal;

/// Reads everything that a start reads, and makes nothing.
pub(super) fn run(run: &Run<'_>) -> Result<Exit, Diagnosis> {
    let settings = run.settings()?;
    if settings.database.is_none() {
        return Err(failure::no_database());
    }
    let described = Described::read(&settings, &run.environment)?;
    settings.tls(&run.environment)?;
    let url = settings.url(settings.listen)?;
    let builder = described.builder(&settings, &url)?;
    let begins = settings.peppers.as_ref().is_some_and(|at| at.ours && !at.path.exists());
    if !begins {
        settings.peppers()?;
    }
    builder.check().map_err(failure::configuration)?;
    if run.common.json {
        let (users, clients) = (settings.file.users.len(), settings.file.clients.len());
        let value = json!({ "issuer": url, "users": users, "clients": clients });
        terminal::data(&format!("{value}\n"));
    } else if !run.common.quiet {
        terminal::note(&format!("{url} can be served as it is configured"));
    }
    Ok(Exit::Ok)
}
