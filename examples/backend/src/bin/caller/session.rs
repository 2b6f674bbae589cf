//! Everything about tokens.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tower::Layer as _;
use unlapse::reqwest::{HttpSettings, ReqwestHttp};
use unlapse::tokio::TokioClock;
use unlapse::tower::{Authorize, AuthorizeLayer};
use unlapse::{
    Builder, Endpoints, Key, LoggedIn, Login, LoginRung, Origin, Policy, RequestPolicy, Secret,
    Server, ServerExchange, TokenSource,
};
use unlapse_core::{BreakerPolicy, Credentials, Reuse};
use unlapse_oauth::grant::LoginEndpoint;
use unlapse_oauth::{Endpoint, EndpointError};
use unlapse_store::custody::KeyFile;
use unlapse_store::{FileStore, Layout};

use crate::failure::Failure;

/// hyper with the session's token on every request.
pub(crate) type Api = Authorize<Client<HttpConnector, Empty<Bytes>>>;

/// The session with the backend, which rests sealed in `home`.
pub(crate) async fn source(backend: &Endpoint, home: PathBuf) -> Result<TokenSource, Failure> {
    let http = Arc::new(ReqwestHttp::new(HttpSettings::default()));
    let exchange = ServerExchange::new(server(backend)?, http, Arc::new(TokioClock::new()));
    let custody = Arc::new(KeyFile::new(home.join("caller.key")));
    let store = Arc::new(FileStore::new(Layout::Directory(home), "backend-caller", custody));
    // For so long the backend answers a refresh token that was used with the same successor.
    let policy = Policy { reuse: Reuse::Grace(Duration::from_secs(30)), ..Policy::default() };
    Ok(Builder::new(Key::new("backend"), store, Arc::new(exchange)).policy(policy).build().await)
}

/// Logs in with a name and a password, which is not kept: a session that has ended asks for it again.
pub(crate) async fn log_in(
    source: &TokenSource,
    name: &str,
    password: Secret,
) -> Result<(), Failure> {
    let credentials = Credentials {
        username: Some(name.to_owned()),
        password: Some(password),
        client_secret: None,
    };
    match source.log_in(Login { credentials, ..Login::default() }).await? {
        LoggedIn::Granted(_) => {
            source.edit(|record, _| record.next(|record| record.credentials = None)).await?;
            Ok(())
        }
        LoggedIn::Kept(error) => {
            source.clear().await?;
            Err(error.into())
        }
    }
}

/// The backend's API. When it is away, it is for seconds.
pub(crate) fn api(backend: &Endpoint, source: &TokenSource) -> Result<Api, Failure> {
    let origin = Origin::of(backend.uri()).map_err(std::io::Error::other)?;
    let breaker =
        BreakerPolicy { open_for: Duration::from_secs(2), ..RequestPolicy::default().breaker };
    let layer = AuthorizeLayer::new(source.clone())
        .only_to([origin])
        .policy(RequestPolicy { breaker, ..RequestPolicy::default() });
    let hyper = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    Ok(layer.layer(hyper))
}

/// The JSON pair of login and refresh (C9), and where a session is ended (RFC 7009).
fn server(backend: &Endpoint) -> Result<Server, EndpointError> {
    let refresh = backend.join_path(LoginEndpoint::REFRESH_PATH)?;
    let login = LoginEndpoint::at(backend)?.with_refresh(refresh);
    let revocation = Some(backend.join_path("/revoke")?);
    let server = Server::public("api", Endpoints { revocation, ..Endpoints::default() });
    Ok(Server { login: LoginRung::Endpoint(Box::new(login)), ..server })
}
