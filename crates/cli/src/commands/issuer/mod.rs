//! `unlapse issuer`

mod check;
mod described;
mod dev;
mod failure;
mod keys;
mod pepper;
mod peppers_file;
mod place;
mod sessions;
mod settings;
mod start;
mod user;

use crate::args::{Common, IssuerArguments, IssuerCommand};
use crate::config::Environment;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::terminal;

use settings::Settings;

/// What a run of the command works with.
struct Run<'a> {
    environment: Environment,
    arguments: &'a IssuerArguments,
    common: &'a Common,
}

impl Run<'_> {
    fn settings(&self) -> Result<Settings, Diagnosis> {
        Settings::read(self.arguments, self.common.config.as_deref(), &self.environment)
    }
}

pub(crate) fn run(arguments: &IssuerArguments, common: &Common) -> Result<Exit, Diagnosis> {
    let run = Run { environment: Environment::of_process(), arguments, common };
    let named = common.log.clone().or_else(|| {
        let filter = run.environment.os("UNLAPSE_LOG");
        filter.map(|filter| filter.to_string_lossy().into_owned())
    });
    // A server tells what goes wrong without being asked.
    terminal::log_to_stderr(named.as_deref().unwrap_or("warn"))?;
    match &arguments.command {
        None => start::run(&run),
        Some(IssuerCommand::Check) => check::run(&run),
        Some(IssuerCommand::Keys(command)) => keys::run(&run, command),
        Some(IssuerCommand::Pepper(command)) => pepper::run(&run, command),
        Some(IssuerCommand::Sessions(command)) => sessions::run(&run, command),
        Some(IssuerCommand::User(_)) => user::run(common),
    }
}
