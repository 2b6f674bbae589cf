//! The crate beside a server of its own, in one command: `docs/recipes/api-client.md`.
//!
//! ```sh
//! cargo run -p unlapse-example-api-client --example api-client-demo
//! ```
#![expect(clippy::disallowed_methods, reason = "it writes the token file that is imported")]

#[path = "../tests/recipe/acme_server.rs"]
mod acme_server;

use std::io::{self, Write};
use std::path::Path;

use acme_client::{Acme, AcmeError, Afterwards, Settings};
use unlapse_example_stage::{Stage, Tally};

#[tokio::main]
async fn main() -> Result<(), AcmeError> {
    demonstrate(&mut io::stdout()).await.map(drop)
}

/// Lets the crate live through all of it, and tells it to `out`; what the server has counted.
pub(crate) async fn demonstrate(out: &mut (dyn Write + Send)) -> Result<Tally, AcmeError> {
    let mut stage = acme_server::acme();
    let dir = tempfile::tempdir()?;
    let acme = client(&stage, dir.path()).await?;

    happens(out, "a token.json of before")?;
    let file = dir.path().join("token.json");
    let session = stage.open_session(Stage::USER, Stage::CLIENT, "");
    std::fs::write(&file, format!(r#"{{"refresh_token": "{}"}}"#, session.expose()))?;
    let imported = acme.import_token(&file, Afterwards::Remove).await?;
    writeln!(out, "taken over: {}, still there: {}", imported.is_taken_over, file.exists())?;
    writeln!(out, "{} order", acme.orders().await?.len())?;

    happens(out, "the token methods")?;
    let first = acme.get_token().await?;
    writeln!(out, "get_token      the same once more: {}", acme.get_token().await? == first)?;
    writeln!(out, "refresh_token  another: {}", acme.refresh_token().await? != first)?;
    writeln!(out, "obtain_token   another: {}", acme.obtain_token().await? != first)?;
    let info = acme.token_info().await?;
    writeln!(out, "token_info     generation {}, {:?} left", info.generation, info.expires_in)?;

    happens(out, "the server refuses every access token; fifty calls at once")?;
    stage.expire();
    let before = stage.tally();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let acme = acme.clone();
        calls.spawn(async move { acme.order("anvil").await });
    }
    let placed = calls.join_all().await.into_iter().flatten().count();
    let since = stage.tally() - before;
    let (refused, renewals) = (since.unauthorized, since.refreshes);
    writeln!(out, "{placed} placed, {refused} refused at first, {renewals} renewal")?;

    happens(out, "the server goes away, and comes back")?;
    stage.down();
    if let Err(error) = acme.orders().await {
        writeln!(out, "{}: {error}; worth another try: {}", error.code(), error.is_retryable())?;
    }
    stage.up();
    writeln!(out, "{} orders", acme.orders().await?.len())?;

    happens(out, "another start, after an operator has ended every session")?;
    acme.close().await?;
    stage.end_sessions();
    let acme = client(&stage, dir.path()).await?;
    writeln!(out, "{} orders", acme.orders().await?.len())?;
    acme.close().await?;

    happens(out, "what the server has counted")?;
    let tally = stage.tally();
    writeln!(
        out,
        "logins                    {}   (obtain_token, and the ended session)",
        tally.logins
    )?;
    writeln!(out, "renewals                  {}", tally.refreshes)?;
    writeln!(out, "sessions ended for reuse  {}", tally.reuses)?;
    Ok(tally)
}

async fn client(stage: &Stage, home: &Path) -> Result<Acme, AcmeError> {
    let settings = Settings::from_environment(|name| match name {
        "ACME_URL" => Some(stage.url().into()),
        "ACME_USERNAME" => Some(Stage::USER.into()),
        "ACME_PASSWORD" => Some(Stage::PASSWORD.into()),
        "ACME_HOME" => Some(home.join("state").into()),
        // A server on this machine looks like a test's, of which nothing is kept (A3).
        "UNLAPSE_PERSIST" => Some("on".into()),
        _ => None,
    });
    Acme::new(settings?).await
}

fn happens(out: &mut (dyn Write + Send), what: &str) -> io::Result<()> {
    writeln!(out, "\n-- {what}")
}
