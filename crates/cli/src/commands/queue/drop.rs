//! `unlapse queue drop`

use std::time::Duration;

use serde_json::json;
use unlapse::outbox::{EntryId, OutboxError};
use unlapse_store::FileOutbox;

use super::{contents, failure};
use crate::app::App;
use crate::args::DropArguments;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::terminal;

/// Longest wait for whoever is sending: none is dropped while it is under way.
const WAIT: Duration = Duration::from_secs(5);

pub(super) fn run(
    app: &App,
    outbox: Option<&FileOutbox>,
    arguments: &DropArguments,
) -> Result<Exit, Diagnosis> {
    let entries = contents(outbox)?.entries;
    let chosen: Vec<EntryId> = if arguments.ids.is_empty() {
        let wanted = entries.iter().filter(|it| arguments.all || it.progress.is_failed);
        wanted.map(|entry| entry.id).collect()
    } else {
        for id in &arguments.ids {
            if !entries.iter().any(|entry| entry.id == *id) {
                // Before anything is dropped: a name that is wrong may be one of several.
                return Err(failure::of(&OutboxError::NoEntry { id: *id }));
            }
        }
        arguments.ids.clone()
    };
    let (Some(outbox), false) = (outbox, chosen.is_empty()) else {
        return Ok(ended(app, &[]));
    };
    let is_named = !arguments.ids.is_empty();
    if !arguments.yes && (terminal::can_ask() || !is_named) {
        let what = match chosen.len() {
            1 => "1 request".to_owned(),
            many => format!("{many} requests"),
        };
        if !terminal::confirm(&format!("Drop {what} that nobody will send?"), "--yes")? {
            return Ok(ended(app, &[]));
        }
    }
    let sender = outbox.lock_sender(WAIT).map_err(|error| failure::of(&error))?;
    for id in &chosen {
        sender.delete(*id).map_err(|error| failure::of(&error))?;
    }
    Ok(ended(app, &chosen))
}

fn ended(app: &App, dropped: &[EntryId]) -> Exit {
    if app.json {
        let ids: Vec<_> = dropped.iter().map(EntryId::to_string).collect();
        terminal::data(&format!("{}\n", json!({ "dropped": ids })));
    } else if !app.quiet {
        terminal::note(&format!("{} dropped", dropped.len()));
    }
    Exit::Ok
}
