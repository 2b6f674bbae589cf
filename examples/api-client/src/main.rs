//! The client on the command line. `docs/recipes/api-client.md` is its guide.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it talks to a person")]

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use acme_client::{Acme, AcmeError, Afterwards, Info, Settings};

const USAGE: &str = "acme orders | order ITEM | watch | token | obtain | refresh | force-refresh | \
                     info | clear | import FILE [--remove]";

#[tokio::main]
async fn main() -> ExitCode {
    // A file-size limit is a disk that is full, and no reason to die.
    let heard = Arc::new(AtomicBool::new(false));
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, heard);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("acme: {error} ({})", error.code());
            ExitCode::from(exit(&error))
        }
    }
}

/// Whether it understood.
async fn run(arguments: &[&str]) -> Result<bool, AcmeError> {
    let acme = Acme::new(Settings::from_environment(|name| std::env::var_os(name))?).await?;
    let done = act(&acme, arguments).await;
    let closed = acme.close().await;
    done.and_then(|understood| closed.map(|()| understood))
}

async fn act(acme: &Acme, arguments: &[&str]) -> Result<bool, AcmeError> {
    match arguments {
        ["orders"] => orders(acme).await?,
        ["order", item] => println!("order {}: {item}", acme.order(item).await?.id),
        ["watch"] => watch(acme).await,
        ["token"] => println!("{}", acme.get_token().await?.expose()),
        ["obtain"] => println!("{}", acme.obtain_token().await?.expose()),
        ["refresh"] => println!("{}", acme.refresh_token().await?.expose()),
        ["force-refresh"] => println!("{}", acme.force_refresh().await?.expose()),
        ["info"] => show(&acme.token_info().await?),
        ["clear"] => acme.clear_token().await?,
        ["import", file] => import(acme, file, Afterwards::Aside).await?,
        ["import", file, "--remove"] => import(acme, file, Afterwards::Remove).await?,
        _ => return Ok(false),
    }
    Ok(true)
}

async fn orders(acme: &Acme) -> Result<(), AcmeError> {
    for order in acme.orders().await? {
        println!("{}  {}", order.id, order.item);
    }
    Ok(())
}

/// Asks for ever, and says what it got.
async fn watch(acme: &Acme) {
    let mut tick = tokio::time::interval(Duration::from_millis(200));
    loop {
        tick.tick().await;
        match acme.orders().await {
            Ok(orders) => println!("{} orders", orders.len()),
            Err(error) => println!("{}: {error}", error.code()),
        }
    }
}

fn show(info: &Info) {
    let time =
        |at: Option<_>| at.map_or("-".to_owned(), |at: unlapse_core::UnixTime| at.to_string());
    println!("source       {:?}", info.source);
    println!("generation   {}", info.generation);
    println!("obtained at  {}", time(info.obtained_at));
    println!("expires at   {}", time(info.expires_at));
    println!("expires in   {}", info.expires_in.map_or(0, |left| left.as_secs()));
    println!("is expired   {}", info.is_expired);
}

async fn import(acme: &Acme, file: &str, afterwards: Afterwards) -> Result<(), AcmeError> {
    let imported = acme.import_token(Path::new(file), afterwards).await?;
    if imported.is_taken_over {
        println!("the login of {file} is taken over");
    } else {
        println!("there is a login already; that of {file} is not taken over");
    }
    match imported.kept {
        Some(kept) => println!("the file is {} now", kept.display()),
        None => println!("the file is removed"),
    }
    if imported.was_readable {
        eprintln!("warning: others could read {file}; end that login if one of them is a stranger");
    }
    Ok(())
}

/// The exit codes of the `unlapse` command.
fn exit(error: &AcmeError) -> u8 {
    match error {
        AcmeError::Setting(_) | AcmeError::NotKept => 2,
        error if error.needs_login() => 10,
        error if error.is_retryable() => 11,
        AcmeError::Refused(_) => 13,
        _ => 1,
    }
}
