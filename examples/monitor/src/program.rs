//! The process.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it talks to a person")]

use std::io::{IsTerminal as _, Read as _};
use std::process::ExitCode;

use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use tracing_subscriber::EnvFilter;
use unlapse::tokio::TokioClock;
use unlapse::{Info, Secret, Source};
use zeroize::Zeroizing;

use crate::alerts;
use crate::arguments::{Command, Task};
use crate::failure::Failure;
use crate::metrics::{Metric, metrics};
use crate::scope::Scope;
use crate::session::Session;
use crate::settings::Settings;
use crate::tokens::Tokens;
use crate::watch::watch;

/// Longest password that is read.
const LONGEST: u64 = 4096;

/// Runs the program, and says how it ended.
pub fn main() -> ExitCode {
    // A core dump has every secret of the process in it.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(Failure::from).and_then(|runtime| runtime.block_on(run()));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{}", told(&failure));
            ExitCode::from(failure.exit())
        }
    }
}

async fn run() -> Result<(), Failure> {
    let command = Command::parse(std::env::args().skip(1))?;
    let settings = Settings::read(|name| std::env::var_os(name))?;
    if let Some(filter) = settings.environment.log() {
        log(filter)?;
    }
    let tokens = Tokens::new(&settings)?;
    match command {
        Command::Login { account } => {
            let password = password()?;
            let session = tokens.session(Some(account)).await?;
            session.log_in(&password).await?;
            println!("logged in as {}", session.account());
        }
        Command::Accounts => {
            for account in tokens.accounts().await? {
                println!("{account}");
            }
        }
        Command::Clear => {
            tokens.clear().await?;
            println!("cleared");
        }
        Command::As { account, task } => {
            let session = tokens.session(account.or(settings.account)).await?;
            if let Some(password) = settings.password.filter(|_| !tokens.is_kept) {
                session.bring(&password).await?;
            }
            let done = tokio::select! {
                done = act(task, &session) => done,
                // For `watch`, this is how it ends.
                _ = tokio::signal::ctrl_c() => Ok(()),
            };
            if let Err(failure) = tokens.settle().await {
                eprintln!("warning: {failure}");
            }
            return done;
        }
    }
    Ok(())
}

async fn act(task: Task, session: &Session) -> Result<(), Failure> {
    match task {
        Task::Metrics => show(metrics(&session.api(Scope::MetricsRead)?).await?),
        Task::Watch { every } => {
            let api = session.api(Scope::MetricsRead)?;
            let looked = |looked| match looked {
                Ok(metrics) => show(metrics),
                Err(failure) => eprintln!("{}", told(&failure)),
            };
            watch(&api, &TokioClock::new(), every, looked).await;
        }
        Task::Alert { text } => {
            let id = alerts::raise(&session.api(Scope::AlertsWrite)?, &text).await?;
            println!("alert {id}");
        }
        Task::Status => {
            for (scope, info) in session.status().await? {
                println!("{}: {}", scope.as_str(), standing(&info));
            }
        }
        Task::Renew => {
            session.renew().await?;
            println!("renewed");
        }
        Task::Revoke => {
            session.revoke().await?;
            println!("revoked");
        }
    }
    Ok(())
}

fn show(metrics: Vec<Metric>) {
    for metric in metrics {
        println!("{metric}");
    }
}

fn told(failure: &Failure) -> String {
    format!("error: {failure}\nhint: {}\n[{}]", failure.hint(), failure.code())
}

fn standing(info: &Info) -> String {
    match (info.source, info.expires_in) {
        (Source::ApiKey, _) => "the API key".to_owned(),
        (_, Some(left)) if !info.is_expired => {
            format!("generation {}, valid for {} s more", info.generation, left.as_secs())
        }
        (_, Some(_)) => format!("generation {}, expired", info.generation),
        (_, None) => "no token".to_owned(),
    }
}

/// Logs what the renewals do, on standard error. There is never a secret in it (R18).
fn log(filter: &str) -> Result<(), Failure> {
    let bad = |_| Failure::Usage("UNLAPSE_LOG is a filter such as unlapse=debug".to_owned());
    let filter = EnvFilter::try_new(filter).map_err(bad)?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter);
    subscriber.with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr).init();
    Ok(())
}

/// What stands on standard input, without the end of its line.
fn password() -> Result<Secret, Failure> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin().take(LONGEST).read_to_string(&mut text)?;
    match text.trim_end_matches(['\n', '\r']) {
        "" => Err(Failure::Usage("the password is read from standard input".to_owned())),
        password => Ok(Secret::new(password)),
    }
}
