//! All that this program says about tokens.

use std::sync::Arc;
use std::time::Duration;

use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use unlapse::reqwest::{Authorize, HttpSettings, ReqwestHttp};
use unlapse::tokio::TokioClock;
use unlapse::{
    Builder, Endpoints, Event, Key, LoggedIn, Login, LoginRung, Origin, Policy, Secret, Server,
    ServerExchange, TokenSource,
};
use unlapse_core::{Credentials, CustodyError, Rules};
use unlapse_oauth::Endpoint;
use unlapse_oauth::grant::LoginEndpoint;
use unlapse_store::custody::{Custody, KeyFile, Passphrase};
use unlapse_store::{FileStore, Layout};

use crate::failure::Failure;
use crate::project::Project;
use crate::settings::Settings;

/// The server that the environment names. It says what is too unsafe to be sent a password: anything but
/// https and this machine.
pub(crate) fn server(url: &str) -> Result<Endpoint, Failure> {
    // What it says is not repeated: a password may stand in it.
    let bad = |_| Failure::Usage("CODE_SEARCH_SERVER is no https URL".to_owned());
    Endpoint::parse(url).map_err(bad)
}

/// The project's token, kept alive.
pub(crate) async fn source(
    server: &Endpoint,
    project: &Project,
    settings: &Settings,
) -> Result<TokenSource, Failure> {
    let at = |path: &str| {
        let bad = |_| Failure::Usage("CODE_SEARCH_SERVER: nothing can be below it".to_owned());
        server.join_path(path).map_err(bad)
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
    let name = Key::new(settings.server.trim_end_matches('/'));
    let source = Builder::new(name, Arc::new(store), exchange)
        .policy(policy)
        .observer(Arc::new(|_, event| warn(event)))
        .build()
        .await;
    Ok(source)
}

/// An HTTP client whose requests carry the token, to this server alone: one that is refused is renewed,
/// and its request repeated (C9).
pub(crate) fn client(
    server: &Endpoint,
    source: &TokenSource,
) -> Result<ClientWithMiddleware, Failure> {
    let origin = Origin::of(server.uri()).map_err(std::io::Error::other)?;
    let authorize = Authorize::new(source.clone()).only_to([origin]);
    let http = HttpSettings::default().build_for(server.uri()).map_err(std::io::Error::other)?;
    Ok(ClientBuilder::new(http).with(authorize).build())
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
