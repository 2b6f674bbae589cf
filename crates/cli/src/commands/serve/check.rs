//! `unlapse serve --check`

use serde_json::json;

use super::{Place, Run, Settings, routes};
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::{serving, terminal};

/// Reads everything that a start reads, and makes nothing.
pub(super) fn run(run: &Run<'_>, settings: &Settings) -> Result<Exit, Diagnosis> {
    settings.tls(&run.environment)?;
    settings.catalogue()?;
    let proxies = serving::proxies(&settings.file.proxies);
    proxies.map_err(|error| Diagnosis::of_config(&error))?;
    if run.arguments.new_master_key || !settings.place.is_new() {
        settings.master_keys(run.arguments.new_master_key)?;
    }
    let url = settings.public_url(settings.listen)?;
    routes::verifier(settings, &url)?;
    let engine = match settings.place {
        Place::Sqlite(_) => "sqlite",
        Place::Postgres { .. } => "postgres",
    };
    if run.common.json {
        let value = json!({ "public_url": url.url().as_str(), "engine": engine });
        terminal::data(&format!("{value}\n"));
    } else if !run.common.quiet {
        terminal::note(&format!("{url} can be served as it is configured"));
    }
    Ok(Exit::Ok)
}
