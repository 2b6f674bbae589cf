//! The service beside three providers of its own, in one command: `docs/recipes/integrations.md`.
//!
//! ```sh
//! cargo run -p unlapse-example-integrations --example demo
//! ```
#![expect(clippy::print_stdout, reason = "it talks to a person")]
#![expect(clippy::disallowed_methods, reason = "it measures, and waits for what it has started")]

#[path = "../tests/recipe/three_providers.rs"]
mod three_providers;

use std::sync::Arc;
use std::time::{Duration, Instant};

use integrations::{
    BadId, Connection, ConnectionError, ConnectionId, Connections, Providers, RefreshOptions,
};
use three_providers::{CLIENT_SECRET, ThreeProviders};
use unlapse::Policy;
use unlapse_example_stage::Issuing;
use unlapse_store::custody::KeyFile;
use unlapse_store::{FileStore, Layout};

const USERS: [&str; 4] = ["ada", "bob", "cleo", "dan"];

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome {
    let providers = ThreeProviders::start();
    let dir = tempfile::tempdir()?;
    let connections = open(&providers, dir.path())?;

    happens("four users come back from each of three providers");
    for user in USERS {
        for provider in ["mail", "files", "notes"] {
            let reply = providers.reply(user, provider).to_string();
            connections.connect(&id(user, provider)?, reply.as_bytes()).await?;
        }
    }
    let ada = id("ada", "mail")?;
    show(&connections.refresh(&ada, RefreshOptions::default()).await?)?;
    show(&connections.connection(&id("ada", "notes")?).await?)?;

    away(&providers, &connections, &ada).await?;
    hanging(&providers, &connections).await?;

    happens("ada ends her login at mail");
    providers.mail.end_sessions();
    failed(connections.refresh(&ada, RefreshOptions::default()).await);
    failed(connections.refresh(&id("ada", "notes")?, RefreshOptions::default()).await);
    failed(connections.refresh(&id("nobody", "mail")?, RefreshOptions::default()).await);
    show(&connections.connection(&ada).await?)?;

    happens("she connects again, and the service is started again");
    connections.connect(&ada, providers.reply("ada", "mail").to_string().as_bytes()).await?;
    connections.settle().await?;
    drop(connections);
    let connections = open(&providers, dir.path())?;
    show(&connections.refresh(&ada, RefreshOptions::default()).await?)?;
    connections.settle().await?;

    let tally = providers.mail.tally();
    println!("\nmail has counted {} renewals and {} reuses", tally.refreshes, tally.reuses);
    Ok(())
}

async fn away(
    providers: &ThreeProviders,
    connections: &Connections,
    ada: &ConnectionId,
) -> Outcome {
    happens("mail answers 503, and is asked again");
    providers.mail.issuing(Issuing::Unavailable);
    let options = RefreshOptions::new(2, Duration::from_millis(100), Duration::from_secs(2))?;
    failed(connections.refresh(ada, options).await);
    show(&connections.connection(ada).await?)?;
    println!("its token is still given out: {}", connections.access_token(ada).await.is_ok());
    Ok(())
}

async fn hanging(providers: &ThreeProviders, connections: &Connections) -> Outcome {
    happens("mail hangs, and nobody else waits");
    providers.mail.issuing(Issuing::Slow(Duration::from_secs(3)));
    let started = Instant::now();
    let (waiting, bob) = (connections.clone(), id("bob", "mail")?);
    let waiting =
        tokio::spawn(async move { waiting.refresh(&bob, RefreshOptions::default()).await });
    for user in USERS {
        connections.refresh(&id(user, "files")?, RefreshOptions::default()).await?;
    }
    println!("files renewed four after {} ms", started.elapsed().as_millis());
    waiting.await??;
    println!("mail renewed one after {} ms", started.elapsed().as_millis());
    providers.mail.issuing(Issuing::Prompt);
    Ok(())
}

fn open(
    providers: &ThreeProviders,
    home: &std::path::Path,
) -> Result<Connections, Box<dyn std::error::Error>> {
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

fn show(connection: &Connection) -> Result<(), serde_json::Error> {
    println!("{}", serde_json::to_string(connection)?);
    Ok(())
}

fn failed(refreshed: Result<Connection, ConnectionError>) {
    match refreshed {
        Ok(_) => println!("it did not fail"),
        Err(error) => {
            let (code, why) = (error.code, error.finer);
            println!("{code:?} {why:?}, attempts {}: {error}", error.attempts);
        }
    }
}

fn happens(what: &str) {
    println!("\n-- {what}");
}
