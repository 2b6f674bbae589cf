//! The process.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it talks to a person")]

use std::io::Read as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use tokio::task::JoinSet;
use unlapse::{Revoked, Secret, TokenSource};
use unlapse_oauth::Endpoint;
use zeroize::Zeroizing;

use crate::api::Api;
use crate::arguments::Command;
use crate::failure::Failure;
use crate::project::{Project, TOKEN};
use crate::search::{Hit, search};
use crate::settings::Settings;
use crate::{index, session};

/// Longest password that is read.
const LONGEST: u64 = 4096;

/// Runs the program, and says how it ended.
pub fn main() -> ExitCode {
    // A core dump has every secret of the process in it (C13).
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    // A file-size limit is a disk that is full, and no reason to die (C16).
    let heard = Arc::new(AtomicBool::new(false));
    let _ = signal_hook::flag::register(signal_hook::consts::signal::SIGXFSZ, heard);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(Failure::from).and_then(|runtime| runtime.block_on(run()));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}\nhint: {}\n[{}]", failure.hint(), failure.code());
            ExitCode::from(failure.exit())
        }
    }
}

async fn run() -> Result<(), Failure> {
    let command = Command::parse(std::env::args().skip(1))?;
    let settings = Settings::read(|name| std::env::var(name).ok())?;
    let project = Project::around(&std::env::current_dir()?)?;
    let server = session::server(&settings.server)?;
    let source = session::source(&server, &project, &settings).await?;
    let done = tokio::select! {
        done = act(command, &project, &server, &source) => done,
        _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted),
    };
    // A renewal under way is finished, and what could not be saved is (R5, R6).
    let settled = source.settle().await;
    done.and_then(|()| {
        settled.or_else(|error| {
            eprintln!("warning: {error}; the next command logs in again");
            Ok(())
        })
    })
}

async fn act(
    command: Command,
    project: &Project,
    server: &Endpoint,
    source: &TokenSource,
) -> Result<(), Failure> {
    let api = || {
        Ok::<_, Failure>(Arc::new(Api::new(session::client(server, source)?, server.url().clone())))
    };
    match command {
        Command::Login { username } => {
            session::log_in(source, &username, password()?).await?;
            println!("logged in; the token is in {TOKEN} of the project");
        }
        Command::Search { queries } => {
            let api = api()?;
            let mut searches = JoinSet::new();
            for query in queries {
                let api = Arc::clone(&api);
                searches.spawn(async move { search(&api, &query).await });
            }
            while let Some(found) = searches.join_next().await {
                for Hit { file, line, text } in found.map_err(std::io::Error::other)?? {
                    println!("{file}:{line}: {text}");
                }
            }
        }
        Command::Index => {
            let sent = index::index(&api()?, project.files(), |path| println!("{path}")).await?;
            println!("{sent} files");
        }
        Command::Status => {
            let info = source.info().await?;
            println!("generation {}", info.generation);
            match info.expires_in {
                Some(left) => println!("valid for {} s more", left.as_secs()),
                None => println!("no token"),
            }
        }
        Command::Logout => {
            if let Revoked::Failed(cause) = source.log_out().await? {
                return Err(Failure::NotRevoked(cause));
            }
            println!("logged out");
        }
    }
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
