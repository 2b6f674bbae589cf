//! The service. `docs/recipes/integrations.md` is its guide.
//!
//! ```sh
//! cargo run -p unlapse-example-integrations -- providers.json 127.0.0.1:8080
//! ```
#![expect(clippy::print_stdout, reason = "it says where it listens")]

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, Result};
use integrations::{Connections, Providers};
use tracing_subscriber::EnvFilter;
use unlapse::{Environment, Policy};
use unlapse_store::custody::KeyFile;
use unlapse_store::{FileStore, Layout};

#[tokio::main]
async fn main() -> Result<()> {
    // A file-size limit is a disk that is full, and no reason to die.
    let heard = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, heard)?;
    let environment = Environment::of_process()?;
    let filter = EnvFilter::try_new(environment.log().unwrap_or("info"))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    log.with_ansi(std::io::stderr().is_terminal()).init();

    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().context("which file names the providers?")?;
    let listen = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    #[expect(clippy::disallowed_methods, reason = "the configuration is not of our store")]
    let text = std::fs::read_to_string(&file).with_context(|| file.clone())?;
    let policy = environment.policy(Policy::default());
    let providers = Providers::parse(&text, &policy, |name| std::env::var(name).ok())?;

    let home = PathBuf::from(std::env::var_os("CONNECTIONS").context("set CONNECTIONS")?);
    let custody = Arc::new(KeyFile::new(home.join("connections.key")));
    let store = Arc::new(FileStore::new(Layout::Directory(home), "integrations", custody));
    let connections = Connections::new(store, providers);

    let app = integrations::front(connections.clone());
    let listener = tokio::net::TcpListener::bind(&listen).await.context(listen)?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).with_graceful_shutdown(interrupted()).await?;
    Ok(connections.settle().await?)
}

async fn interrupted() {
    // Where Ctrl-C cannot be heard, the service ends as others do.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
