//! A program that calls an API with a token that never lapses.
//!
//! ```sh
//! export TOKEN_ENDPOINT=https://login.example/token CLIENT_ID=cid CLIENT_SECRET=…
//! cargo run -p unlapse --example bearer -- https://api.example/hello
//! ```

use std::sync::Arc;

use unlapse::reqwest::{HttpSettings, ReqwestHttp};
use unlapse::tokio::TokioClock;
use unlapse::{AuthMethod, Builder, Endpoints, Key, LoginRung, Secret, Server, ServerExchange};
use unlapse_store::custody::KeyFile;
use unlapse_store::{FileStore, Layout};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let variable = |name| std::env::var(name).map_err(|_| format!("set {name}"));
    let url = std::env::args().nth(1).ok_or("which URL?")?;

    // Who we are to the server, and how we log in without a person.
    let server = Server {
        auth: AuthMethod::Basic,
        client_secret: Some(Secret::from(variable("CLIENT_SECRET")?)),
        login: LoginRung::ClientCredentials,
        ..Server::public(
            variable("CLIENT_ID")?,
            Endpoints { token: Some(variable("TOKEN_ENDPOINT")?.parse()?), ..Endpoints::default() },
        )
    };
    let settings = HttpSettings::default();
    let api = settings.build()?;
    let http = Arc::new(ReqwestHttp::new(settings));
    let exchange = Arc::new(ServerExchange::new(server, http, Arc::new(TokioClock::new())));

    // Where the token rests: sealed, and shared with every process that names the same place.
    let custody = Arc::new(KeyFile::new(".unlapse/unlapse.key"));
    let layout = Layout::Directory(".unlapse".into());
    let store = Arc::new(FileStore::new(layout, "bearer-example", custody));

    let source = Builder::new(Key::new("example"), store, exchange).build().await;
    let bearer = source.bearer().await?;
    let call = |bearer: unlapse::Bearer| {
        api.get(&url).header("authorization", bearer.into_header()).send()
    };
    let mut response = call(bearer.clone()).await?;
    if response.status() == 401 {
        // The next token: renewed once, however many ask for it.
        response = call(source.reject(bearer.generation()).await?).await?;
    }
    #[allow(clippy::print_stdout, reason = "a program of its own")]
    {
        println!("{}: {} bytes", response.status(), response.text().await?.len());
    }
    // Before the process ends: a renewal under way is finished, and what could not be saved is.
    source.settle().await?;
    Ok(())
}
