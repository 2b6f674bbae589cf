//! All that this program says about tokens.

use std::sync::Arc;
use std::time::Duration;

use reqwest_middleware::ClientWithMiddleware;
use unlapse::reqwest::{HttpSettings, ReqwestHttp};
use unlapse::tokio::TokioClock;
use unlapse::{
    Builder, Endpoints, Event, Key, LoggedIn, Login, LoginRung, Policy, Secret, Server,
    ServerExchange, TokenSource,
};
use unlapse_core::{Credentials, CustodyError, Rules};
use unlapse_oauth::Endpoint;
use unlapse_oauth::grant::LoginEndpoint;
use unlapse_store::custody::{Custody, KeyFile, Passphrase};
use unlapse_store::{FileStore, Layout};
use url::Url;

use crate::failure::Failure;
use crate::project::Project;
use crate::settings::Settings;

/// Where people log in and out, below the server's URL.
pub(crate) fn server(url: &str) -> Result<Url, Failure> {
    let bad = |_| Failure::Usage(format!("CODE_SEARCH_SERVER: {url} is no https URL"));
    // It says what is too unsafe to be sent a password: anything but https and this machine.
    Ok(Endpoint::parse(url).map_err(bad)?.url().clone())
}

/// The project's token, kept alive.
pub(crate) async fn source(project: &Project, settings: &Settings) -> Result<TokenSource, Failure> {
    let at = |path: &str| {
        let bad = |_| Failure::Usage(format!("CODE_SEARCH_SERVER: nothing can be below {path}"));
        Endpoint::parse(&settings.server).and_then(|server| server.join_path(path)).map_err(bad)
    };
    let login = LoginEndpoint::new(at(LoginEndpoint::LOGIN_PATH)?)
        .with_refresh(at(LoginEndpoint::REFRESH_PATH)?);
    let endpoints = Endpoints { revocation: Some(at("/revoke")?), ..Endpoints::default() };
    let server =
        Server { login: LoginRung::Endpoint(Box::new(login)), ..Server::public("api", endpoints) };
    let http = Arc::new(ReqwestHttp::new(HttpSettings::default()));
    let exchange = Arc::new(ServerExchange::new(server, http, Arc::new(TokioClock::new())));

    let custody: Arc<dyn Custody> = match settings.passphrase.clone() {
        Some(passphrase) => {
            Arc::new(Passphrase::new(move || Ok::<_, CustodyError>(passphrase.clone())))
        }
        None => Arc::new(KeyFile::new(settings.config_dir.join("key"))),
    };
    let store = FileStore::new(Layout::File(project.token_file()), project.identity(), custody)
        .fallbacks(settings.aside.iter().cloned());

    let policy = Policy {
        rules: Rules {
            algorithms: vec!["RS256".to_owned()],
            max_lifetime: Some(Duration::from_secs(24 * 3600)),
            ..Rules::default()
        },
        ..Policy::default()
    };
    let source = Builder::new(Key::new(&settings.server), Arc::new(store), exchange)
        .policy(policy)
        .observer(Arc::new(|_, event| warn(event)))
        .build()
        .await;
    Ok(source)
}

/// An HTTP client whose requests carry the token: one that is refused is renewed, and its request
/// repeated (C9).
pub(crate) fn client(source: &TokenSource) -> Result<ClientWithMiddleware, Failure> {
    let client = unlapse::reqwest::client(source.clone(), &HttpSettings::default());
    Ok(client.map_err(std::io::Error::other)?)
}

/// Logs in. The name and the password stay with the token, sealed: when the server ends the login,
/// the next one is made with them.
pub(crate) async fn log_in(
    source: &TokenSource,
    username: &str,
    password: Secret,
) -> Result<(), Failure> {
    let credentials = Credentials {
        username: Some(username.to_owned()),
        password: Some(password),
        ..Credentials::default()
    };
    match source.log_in(Login { credentials, ..Login::default() }).await? {
        LoggedIn::Granted(_) => Ok(()),
        LoggedIn::Kept(error) => Err(error.into()),
    }
}

/// Says what somebody should know, although everything goes on (C4, C16).
#[expect(clippy::print_stderr, reason = "it talks to a person")]
fn warn(event: &Event) {
    match event {
        Event::StoreAway { error } => eprintln!("warning: {error}"),
        Event::Unsaved { error, set_aside: true } => {
            eprintln!("warning: {error}; the token is kept elsewhere until it can be");
        }
        Event::Unsaved { error, set_aside: false } => {
            eprintln!("warning: {error}; the token lives as long as this process");
        }
        _ => {}
    }
}
