//! `unlapse refresh`

use serde_json::json;

use crate::app::{App, failed};
use crate::args::RefreshArguments;
use crate::commands::running::{block_on, settled};
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::report::rfc3339;
use crate::terminal;

pub(crate) fn run(app: &App, arguments: &RefreshArguments) -> Result<Exit, Diagnosis> {
    let profile = app.profile(arguments.which.profile.as_deref())?;
    let shelf = app.shelf_of(profile);
    let token = block_on(async {
        let source = app.source(profile, &shelf).await?;
        let spinner = terminal::spinner(format!("renewing {}", profile.name), app.quiet);
        let work = async {
            let renewed =
                if arguments.force { source.force_refresh().await } else { source.refresh().await };
            renewed.map_err(failed(profile))
        };
        let token = settled(&source, work).await;
        spinner.finish_and_clear();
        token
    })?;
    let until = token.expires_at.map(rfc3339);
    if app.json {
        let value = json!({
            "profile": profile.name,
            "generation": token.generation,
            "expires_at": until,
            "source": if token.is_api_key { "api_key" } else { "token" },
            "storage": if token.is_unsaved { "unsaved" } else { "saved" },
        });
        terminal::data(&format!("{value}\n"));
    } else if !app.quiet {
        let until =
            until.map_or_else(|| "without end".to_owned(), |until| format!("until {until}"));
        terminal::note(&if token.is_api_key {
            format!("{} could not be renewed: the API key stands in", profile.name)
        } else {
            format!("renewed {}: valid {until}", profile.name)
        });
    }
    Ok(Exit::Ok)
}
