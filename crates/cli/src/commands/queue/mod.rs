//! `unlapse queue`

mod drop;
pub(crate) mod failure;
mod flush;
mod list;

use unlapse_store::FileOutbox;

use crate::app::App;
use crate::args::QueueCommand;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;

pub(crate) fn run(app: &App, command: &QueueCommand) -> Result<Exit, Diagnosis> {
    // Where nothing is kept, nothing waits.
    let outbox = app.outbox();
    match command {
        QueueCommand::List => list::run(app, outbox.as_ref()),
        QueueCommand::Flush(arguments) => flush::run(app, outbox, arguments),
        QueueCommand::Drop(arguments) => drop::run(app, outbox.as_ref(), arguments),
    }
}

/// The profile whose line an entry stands in, if one is configured.
fn profile_of<'a>(app: &'a App, key: &unlapse::Key) -> Option<&'a crate::config::Profile> {
    app.config.profiles.values().find(|profile| profile.key() == *key)
}

fn contents(outbox: Option<&FileOutbox>) -> Result<unlapse::outbox::Contents, Diagnosis> {
    let contents = outbox.map(FileOutbox::contents).transpose();
    contents.map(Option::unwrap_or_default).map_err(|error| failure::of(&error))
}
