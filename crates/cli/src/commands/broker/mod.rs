//! `unlapse broker`

mod apps;
mod bulk;
mod client;
mod connections;
pub(crate) mod failure;
mod keys;
mod offline;
mod providers;
mod rotate_key;
mod shown;
mod tenants;

use crate::app::App;
use crate::args::{BrokerArguments, BrokerCommand, Common};
use crate::config::Environment;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;

use client::Client;

/// What a run of the command works with.
struct Run<'a> {
    environment: Environment,
    arguments: &'a BrokerArguments,
    common: &'a Common,
}

impl Run<'_> {
    /// A running broker.
    fn client(&self) -> Result<Client, Diagnosis> {
        let app = App::new(self.common, true, None)?;
        Client::new(&app, self.arguments, &self.environment)
    }
}

pub(crate) fn run(arguments: &BrokerArguments, common: &Common) -> Result<Exit, Diagnosis> {
    let run = Run { environment: Environment::of_process(), arguments, common };
    match &arguments.command {
        BrokerCommand::Keys(command) => keys::run(&run, command),
        BrokerCommand::Apps(command) => apps::run(&run, command),
        BrokerCommand::Connections(command) => connections::run(&run, command),
        BrokerCommand::Tenants(command) => tenants::run(&run, command),
        BrokerCommand::Providers(arguments) => providers::run(&run, arguments),
        BrokerCommand::Import(arguments) => bulk::import(&run, arguments),
        BrokerCommand::Export(arguments) => bulk::export(&run, arguments),
        BrokerCommand::RotateKey(arguments) => rotate_key::run(&run, arguments),
    }
}
