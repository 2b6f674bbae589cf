//! `unlapse serve`

mod check;
pub(crate) mod failure;
mod first_key;
mod keys;
mod metrics;
mod open;
mod routes;
mod settings;
mod start;

pub(crate) use settings::{DEFAULT_URL, Place, Settings, own_providers};

use crate::args::{Common, ServeArguments};
use crate::config::Environment;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::terminal;

/// What a run of the command works with.
struct Run<'a> {
    environment: Environment,
    arguments: &'a ServeArguments,
    common: &'a Common,
}

pub(crate) fn run(arguments: &ServeArguments, common: &Common) -> Result<Exit, Diagnosis> {
    let run = Run { environment: Environment::of_process(), arguments, common };
    let settings = Settings::read(arguments, common.config.as_deref(), &run.environment)?;
    let named = common.log.clone().or_else(|| {
        let filter = run.environment.os("UNLAPSE_LOG");
        filter.map(|filter| filter.to_string_lossy().into_owned())
    });
    terminal::log(named.as_deref().unwrap_or("info"), settings.log_format())?;
    if arguments.check {
        return check::run(&run, &settings);
    }
    start::run(&run, &settings)
}
