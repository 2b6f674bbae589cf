//! `unlapse issuer pepper`

use serde_json::json;

use super::{Run, failure, peppers_file};
use crate::args::PepperCommand;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::terminal;

pub(super) fn run(run: &Run<'_>, command: &PepperCommand) -> Result<Exit, Diagnosis> {
    let settings = run.settings()?;
    let at = settings.peppers.as_ref().ok_or_else(failure::no_database)?;
    match command {
        PepperCommand::List => {}
        PepperCommand::Add { newest } => {
            if at.path.exists() {
                let kid = peppers_file::add(&at.path, *newest)?;
                say(
                    run,
                    &format!("{kid} is drawn; nodes that run take it up when they start anew"),
                );
            } else {
                peppers_file::create(&at.path)?;
                say(run, &format!("{} is made: every node needs a copy", at.path.display()));
            }
        }
    }
    let peppers = peppers_file::read(&at.path)?;
    if run.common.json {
        let kids: Vec<_> = peppers.kids().collect();
        terminal::data(&format!("{}\n", json!({ "peppers": kids })));
        return Ok(Exit::Ok);
    }
    for (place, kid) in peppers.kids().enumerate() {
        let role = if place == 0 { "newest" } else { "verifies" };
        terminal::data(&format!("{kid:16}  {role}\n"));
    }
    Ok(Exit::Ok)
}

fn say(run: &Run<'_>, text: &str) {
    if !run.common.quiet {
        terminal::note(text);
    }
}
