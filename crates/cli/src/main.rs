//! The `unlapse` command. See `docs/` for its guides; `unlapse --help` for its commands.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command prints")]

mod app;
mod args;
mod breakers;
mod commands;
mod config;
mod diagnosis;
mod exit;
mod report;
mod signals;
mod terminal;
mod wiring;

use std::process::ExitCode;

use clap::Parser as _;

use app::App;
use args::{Arguments, Command};
use diagnosis::Diagnosis;
use exit::Exit;

fn main() -> ExitCode {
    signals::ignore_file_size_signal();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version go to stdout and are no failure; clap's own code for usage is 2.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { Exit::Usage } else { Exit::Ok }.code());
        }
    };
    let json = arguments.common.json;
    match run(arguments) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(diagnosis) => {
            terminal::report(&diagnosis, json);
            ExitCode::from(diagnosis.exit.code())
        }
    }
}

fn run(arguments: Arguments) -> Result<Exit, Diagnosis> {
    let Arguments { common, command } = arguments;
    // These need no configuration.
    match command {
        Command::Completion { shell } => return commands::completion::run(shell),
        Command::Demo(demo) => return commands::demo::run(&demo, &common),
        Command::DemoWorker(worker) => return commands::demo::worker::run(&worker),
        _ => {}
    }
    let app = App::new(&common)?;
    match command {
        Command::Login(arguments) => commands::login::run(&app, &arguments),
        Command::Token(arguments) => commands::token::run(&app, &arguments),
        Command::Status(arguments) => commands::status::run(&app, &arguments),
        Command::Refresh(arguments) => commands::refresh::run(&app, &arguments),
        Command::Logout(arguments) => commands::logout::run(&app, &arguments),
        Command::List => commands::list::run(&app),
        Command::Exec(arguments) => commands::exec::run(&app, &arguments),
        Command::Doctor(arguments) => commands::doctor::run(&app, &arguments),
        Command::Config(args::ConfigCommand::Show) => commands::config::run(&app),
        Command::Completion { .. } | Command::Demo(_) | Command::DemoWorker(_) => {
            unreachable!("handled above, before the configuration is read")
        }
    }
}
