//! The service beside three providers of its own, in one command: `docs/recipes/integrations.md`.
//!
//! ```sh
//! cargo run -p unlapse-example-integrations --example integrations-demo
//! ```
#![expect(clippy::disallowed_methods, reason = "it measures, and waits for what it has started")]

#[path = "../tests/recipe/three_providers.rs"]
mod three_providers;

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use integrations::{
    BadId, Connection, ConnectionError, ConnectionId, Connections, Providers, RefreshOptions,
};
use three_providers::{CLIENT_SECRET, ThreeProviders};
use unlapse::Policy;
use unlapse_example_stage::{Issuing, Tally};
use unlapse_store::custody::KeyFile;
use unlapse_store::{FileStore, Layout};

const USERS: [&str; 4] = ["ada", "bob", "cleo", "dan"];

type Failure = Box<dyn std::error::Error>;
type Out<'a> = &'a mut (dyn Write + Send);

#[tokio::main]
async fn main() -> Result<(), Failure> {
    demonstrate(&mut io::stdout()).await.map(drop)
}

/// Lets the service live through all of it, and tells it to `out`; what mail has counted.
pub(crate) async fn demonstrate(out: Out<'_>) -> Result<Tally, Failure> {
    let providers = ThreeProviders::start();
    let dir = tempfile::tempdir()?;
    let connections = open(&providers, dir.path())?;

    happens(out, "four users come back from each of three providers")?;
    for user in USERS {
        for provider in ["mail", "files", "notes"] {
            let reply = providers.reply(user, provider).to_string();
            connections.connect(&id(user, provider)?, reply.as_bytes()).await?;
        }
    }
    let ada = id("ada", "mail")?;
    show(out, &connections.refresh(&ada, RefreshOptions::default()).await?)?;
    show(out, &connections.connection(&id("ada", "notes")?).await?)?;

    away(out, &providers, &connections, &ada).await?;
    hanging(out, &providers, &connections).await?;

    happens(out, "ada ends her login at mail")?;
    providers.mail.end_sessions();
    failed(out, connections.refresh(&ada, RefreshOptions::default()).await)?;
    failed(out, connections.refresh(&id("ada", "notes")?, RefreshOptions::default()).await)?;
    failed(out, connections.refresh(&id("nobody", "mail")?, RefreshOptions::default()).await)?;
    show(out, &connections.connection(&ada).await?)?;

    happens(out, "she connects again, and the service is started again")?;
    connections.connect(&ada, providers.reply("ada", "mail").to_string().as_bytes()).await?;
    connections.settle().await?;
    drop(connections);
    let connections = open(&providers, dir.path())?;
    show(out, &connections.refresh(&ada, RefreshOptions::default()).await?)?;
    connections.settle().await?;

    let tally = providers.mail.tally();
    writeln!(out, "\nmail has counted {} renewals and {} reuses", tally.refreshes, tally.reuses)?;
    Ok(tally)
}

async fn away(
    out: Out<'_>,
    providers: &ThreeProviders,
    connections: &Connections,
    ada: &ConnectionId,
) -> Result<(), Failure> {
    happens(out, "mail answers 503, and is asked again")?;
    providers.mail.issuing(Issuing::Unavailable);
    let options = RefreshOptions::new(2, Duration::from_millis(100), Duration::from_secs(2))?;
    failed(out, connections.refresh(ada, options).await)?;
    show(out, &connections.connection(ada).await?)?;
    writeln!(out, "its token is still given out: {}", connections.access_token(ada).await.is_ok())?;
    Ok(())
}

async fn hanging(
    out: Out<'_>,
    providers: &ThreeProviders,
    connections: &Connections,
) -> Result<(), Failure> {
    happens(out, "mail hangs, and nobody else waits")?;
    providers.mail.issuing(Issuing::Slow(Duration::from_secs(3)));
    let started = Instant::now();
    let (waiting, bob) = (connections.clone(), id("bob", "mail")?);
    let waiting =
        tokio::spawn(async move { waiting.refresh(&bob, RefreshOptions::default()).await });
    for user in USERS {
        connections.refresh(&id(user, "files")?, RefreshOptions::default()).await?;
    }
    writeln!(out, "files renewed four after {} ms", started.elapsed().as_millis())?;
    waiting.await??;
    writeln!(out, "mail renewed one after {} ms", started.elapsed().as_millis())?;
    providers.mail.issuing(Issuing::Prompt);
    Ok(())
}

fn open(providers: &ThreeProviders, home: &std::path::Path) -> Result<Connections, Failure> {
    let secret = |_: &str| Some(CLIENT_SECRET.to_owned());
    let parsed = Providers::parse(&providers.file(), &Policy::default(), secret)?;
    let custody = Arc::new(KeyFile::new(home.join("connections.key")));
    let layout = Layout::Directory(home.join("connections"));
    Ok(Connections::new(Arc::new(FileStore::new(layout, "integrations", custody)), parsed))
}

/// The user's account at this provider, which has the user's name.
fn id(user: &str, provider: &str) -> Result<ConnectionId, BadId> {
    ConnectionId::parse(user, provider, user)
}

fn show(out: Out<'_>, connection: &Connection) -> io::Result<()> {
    writeln!(out, "{}", serde_json::to_string(connection)?)
}

fn failed(out: Out<'_>, refreshed: Result<Connection, ConnectionError>) -> io::Result<()> {
    let Err(error) = refreshed else { return writeln!(out, "it did not fail") };
    let (code, why) = (error.code, error.finer);
    writeln!(out, "{code:?} {why:?}, attempts {}: {error}", error.attempts)
}

fn happens(out: Out<'_>, what: &str) -> io::Result<()> {
    writeln!(out, "\n-- {what}")
}
