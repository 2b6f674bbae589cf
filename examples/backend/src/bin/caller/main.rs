//! A program that calls the backend. `docs/recipes/backend.md` is its guide.
//!
//! ```sh
//! printf 'correct horse' | cargo run -p unlapse-example-backend --bin caller -- login ada
//! cargo run -p unlapse-example-backend --bin caller -- hello
//! ```
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it talks to a person")]

mod failure;
mod hello;
mod session;

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use unlapse::{Revoked, Secret, TokenSource};
use unlapse_oauth::Endpoint;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::hello::hello;

const USAGE: &str = "caller login NAME < PASSWORD | hello | watch | logout";

#[tokio::main]
async fn main() -> ExitCode {
    // A file-size limit is a disk that is full, and no reason to die.
    let heard = Arc::new(AtomicBool::new(false));
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, heard);
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("caller: {failure} ({})", failure.code());
            ExitCode::from(failure.exit())
        }
    }
}

async fn run() -> Result<(), Failure> {
    let variable = |name, usual: &str| std::env::var(name).unwrap_or_else(|_| usual.to_owned());
    let backend = Endpoint::parse(&variable("BACKEND", "http://127.0.0.1:8080"))?;
    let home = PathBuf::from(variable("CALLER_HOME", ".caller"));
    let source = session::source(&backend, home).await?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = act(&arguments, &backend, &source).await;
    // A renewal under way is finished, and what could not be saved is.
    let settled = source.settle().await;
    done.and_then(|()| Ok(settled?))
}

async fn act(arguments: &[&str], backend: &Endpoint, source: &TokenSource) -> Result<(), Failure> {
    let api = session::api(backend, source)?;
    match arguments {
        ["login", name] => {
            session::log_in(source, name, password()?).await?;
            println!("logged in");
        }
        ["hello"] => print!("{}", hello(&api, backend).await?),
        ["watch"] => {
            let mut tick = tokio::time::interval(Duration::from_millis(100));
            loop {
                tick.tick().await;
                match hello(&api, backend).await {
                    Ok(said) => print!("{said}"),
                    Err(failure) => println!("{}: {failure}", failure.code()),
                }
            }
        }
        ["logout"] => {
            if let Revoked::Failed(cause) = source.log_out().await? {
                return Err(Failure::NotRevoked(cause));
            }
            println!("logged out");
        }
        _ => return Err(Failure::Usage(USAGE)),
    }
    Ok(())
}

/// What stands on standard input, without the end of its line.
fn password() -> Result<Secret, Failure> {
    const LONGEST: u64 = 4096;
    let mut text = Zeroizing::new(String::new());
    std::io::stdin().take(LONGEST).read_to_string(&mut text)?;
    match text.trim_end_matches(['\n', '\r']) {
        "" => Err(Failure::Usage(USAGE)),
        password => Ok(Secret::new(password)),
    }
}
