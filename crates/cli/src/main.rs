//! The `unlapse` command. See `docs/` for its guides; `unlapse --help` for its commands.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command prints")]

mod app;
mod args;
mod breakers;
mod commands;
mod config;
mod diagnosis;
mod diary;
mod exit;
mod prompt;
mod report;
mod serving;
mod signals;
mod terminal;
mod usage;
mod wiring;

use std::process::ExitCode;

use clap::Parser as _;

use app::App;
use args::{Arguments, Command, DemoWorkerArguments};
use diagnosis::Diagnosis;
use exit::Exit;

fn main() -> ExitCode {
    keep_secrets_out_of_core_dumps();
    signals::ignore_file_size_signal();
    if std::env::args_os().nth(1).is_some_and(|word| word == commands::demo::worker::COMMAND) {
        let worker = DemoWorkerArguments::parse_from(std::env::args_os().skip(1));
        return ended(commands::demo::worker::run(&worker), false);
    }
    match Arguments::try_parse() {
        Ok(arguments) => {
            let json = arguments.common.json;
            ended(run(arguments), json)
        }
        Err(error) => misread(&error),
    }
}

/// A core dump has every secret of the process in it (C13), and whoever may read it may trace us.
/// What `exec` becomes is not bound by this: the mark ends with the program that set it.
fn keep_secrets_out_of_core_dumps() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // Without it the limits of the system count, as for any other program.
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

fn ended(outcome: Result<Exit, Diagnosis>, json: bool) -> ExitCode {
    match outcome.and_then(|exit| terminal::delivered().map(|()| exit)) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(diagnosis) => {
            terminal::report(&diagnosis, json);
            ExitCode::from(diagnosis.exit.code())
        }
    }
}

/// Help and version are what was asked for; everything else is a mistake.
fn misread(error: &clap::Error) -> ExitCode {
    let json = usage::asks_for_json(std::env::args_os());
    if !error.use_stderr() {
        let text = error.render();
        terminal::data(&match terminal::stdout_style() {
            report::Style::Coloured => text.ansi().to_string(),
            report::Style::Plain => text.to_string(),
        });
        return ended(Ok(Exit::Ok), json);
    }
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand && !json {
        // Somebody who does not know the way yet: the help itself is the best hint.
        let _ = error.print();
        return ExitCode::from(Exit::Usage.code());
    }
    ended(Err(usage::diagnosis(error)), json)
}

fn run(arguments: Arguments) -> Result<Exit, Diagnosis> {
    let Arguments { common, command } = arguments;
    // These need no configuration.
    match command {
        Command::Completion { shell } => return commands::completion::run(shell),
        Command::Demo(demo) => return commands::demo::run(&demo, &common),
        Command::Drill(drill) => return commands::drill::run(&drill, &common),
        Command::Issuer(issuer) => return commands::issuer::run(&issuer, &common),
        Command::Serve(serve) => return commands::serve::run(&serve, &common),
        Command::Broker(broker) => return commands::broker::run(&broker, &common),
        _ => {}
    }
    let asks = !matches!(&command, Command::Token(arguments) if arguments.no_input);
    let app = App::new(&common, asks, program(&command))?;
    let outcome = work(&app, command);
    app.warn_of_news();
    outcome
}

/// The program that a token is for, where the command line names it.
fn program(command: &Command) -> Option<String> {
    let Command::Exec(arguments) = command else { return None };
    let path = std::path::Path::new(arguments.command.first()?);
    Some(diary::named(&path.file_name()?.to_string_lossy()))
}

fn work(app: &App, command: Command) -> Result<Exit, Diagnosis> {
    match command {
        Command::Login(arguments) => commands::login::run(app, &arguments),
        Command::Token(arguments) => commands::token::run(app, &arguments),
        Command::Status(arguments) => commands::status::run(app, &arguments),
        Command::Refresh(arguments) => commands::refresh::run(app, &arguments),
        Command::Logout(arguments) => commands::logout::run(app, &arguments),
        Command::List => commands::list::run(app),
        Command::Exec(arguments) => commands::exec::run(app, &arguments),
        Command::Curl(arguments) => commands::curl::run(app, &arguments),
        Command::Queue(command) => commands::queue::run(app, &command),
        Command::Log(arguments) => commands::log::run(app, &arguments),
        Command::Stats(arguments) => commands::stats::run(app, &arguments),
        Command::Doctor(arguments) => commands::doctor::run(app, &arguments),
        Command::Config(args::ConfigCommand::Show) => commands::config::run(app),
        Command::Completion { .. }
        | Command::Demo(_)
        | Command::Drill(_)
        | Command::Issuer(_)
        | Command::Serve(_)
        | Command::Broker(_) => {
            unreachable!("handled above, before the configuration is read")
        }
    }
}
