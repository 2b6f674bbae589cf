//! From configuration to the things that do the work.

use std::sync::Arc;

use unlapse::dpop::{Algorithm, Dpop, SystemRandom};
use unlapse::reqwest::{HttpSettings, ReqwestHttp};
use unlapse::tokio::TokioClock;
use unlapse::{AuthMethod, Builder, Endpoints, LoginRung, Persistence, Server, ServerExchange};
use unlapse_core::{Credentials, CustodyError, Rungs, Secret, Store};
use unlapse_oauth::ReplyFields;
use unlapse_oauth::grant::{LoginEndpoint, LoginFields};
use unlapse_store::custody::{KeyFile, Machine, Passphrase, Stretch};
use unlapse_store::{FileOutbox, FileStore, Layout, MemoryStore};

use crate::config::{
    self, Client, ClientSecret, Custody, Derivation, DpopAlg, Grant, HttpConfig, Method, Profile,
    StoreConfig,
};
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::terminal;

/// Where records rest.
pub(crate) enum Shelf {
    File(FileStore),
    Memory(MemoryStore),
}

impl Shelf {
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::File(store) => Arc::new(store.clone()),
            Self::Memory(store) => Arc::new(store.clone()),
        }
    }
}

/// The store that the configuration asks for.
pub(crate) fn shelf(
    config: &StoreConfig,
    custody: Arc<dyn unlapse_store::custody::Custody>,
) -> Shelf {
    let store = FileStore::new(layout(config), config.project.as_str(), custody);
    Shelf::File(store.fallbacks(config.aside.iter().cloned()))
}

/// Where the records lie.
pub(crate) fn layout(config: &StoreConfig) -> Layout {
    match config.layout {
        config::Layout::Directory => Layout::Directory(config.path.clone()),
        config::Layout::File => Layout::File(config.path.clone()),
    }
}

/// Where requests wait: beside the records, under the same key (K12).
pub(crate) fn outbox(
    config: &StoreConfig,
    custody: Arc<dyn unlapse_store::custody::Custody>,
) -> FileOutbox {
    let dir = match config.layout {
        config::Layout::Directory => config.path.join("outbox"),
        config::Layout::File => {
            let mut name = config.path.file_name().unwrap_or_default().to_owned();
            name.push(".outbox");
            config.path.with_file_name(name)
        }
    };
    FileOutbox::new(dir, config.project.as_str(), custody)
}

/// What keeps the sealing key. Without `asks`, nobody is asked for a passphrase.
pub(crate) fn custody(custody: &Custody, asks: bool) -> Arc<dyn unlapse_store::custody::Custody> {
    match custody {
        Custody::KeyFile { path } => Arc::new(KeyFile::new(path)),
        Custody::Machine => Arc::new(Machine::new()),
        Custody::Passphrase { passphrase, derivation } => {
            let given = passphrase.clone();
            let ask = move || match &given {
                Some(passphrase) => Ok(passphrase.clone()),
                None if !asks => Err(CustodyError::PassphraseNeeded),
                None => terminal::ask_secret("Passphrase of the store", "UNLAPSE_PASSPHRASE")
                    .map_err(|_| CustodyError::PassphraseNeeded),
            };
            let stretch = match *derivation {
                Derivation::Pbkdf2 { rounds } => Stretch::Pbkdf2 { rounds },
                Derivation::Argon2id { rounds } => match Stretch::ARGON2ID {
                    Stretch::Argon2id { memory_kib, lanes, .. } => {
                        Stretch::Argon2id { memory_kib, passes: rounds, lanes }
                    }
                    other => other,
                },
            };
            match Passphrase::new(ask.clone()).stretch(stretch) {
                Ok(passphrase) => Arc::new(passphrase),
                // The configuration has checked the range; should the two ever differ, the default
                // is safe.
                Err(_) => Arc::new(Passphrase::new(ask)),
            }
        }
    }
}

/// A source of the profile's tokens.
pub(crate) fn builder(
    profile: &Profile,
    http: &HttpConfig,
    shelf: &Shelf,
) -> Result<Builder, Diagnosis> {
    let http = Arc::new(ReqwestHttp::new(settings(http)?));
    let clock = Arc::new(TokioClock::new());
    // A login that is bound already stays so, whatever the configuration says of new ones.
    let exchange =
        ServerExchange::new(server(profile), http, clock).prover(Arc::new(prover(profile)));
    let builder = Builder::new(profile.key(), shelf.store(), Arc::new(exchange))
        .policy(profile.policy.clone());
    Ok(match api_key(profile) {
        Some(key) => builder.api_key(key),
        None => builder,
    })
}

/// Whether the profile's login is kept beyond the process (A3).
pub(crate) fn is_kept(profile: &Profile, persistence: Persistence) -> bool {
    let username = match &profile.grant {
        Grant::Password { username, .. } => Some(username),
        Grant::LoginEndpoint { login, .. } | Grant::RefreshToken { login: Some(login), .. } => {
            Some(&login.username)
        }
        _ => None,
    };
    let credentials = Credentials { username: username.cloned(), ..Credentials::default() };
    persistence.is_on(&server(profile), Some(&credentials))
}

/// The profile's API key, if it has one and its variable is set.
pub(crate) fn api_key(profile: &Profile) -> Option<Secret> {
    let key = match &profile.grant {
        Grant::ApiKey(key) => Some(key),
        _ => profile.api_key.as_ref(),
    };
    key?.key.clone()
}

/// The settings of an HTTP client, with the private CA that the configuration names.
pub(crate) fn settings(http: &HttpConfig) -> Result<HttpSettings, Diagnosis> {
    let extra_ca = match &http.ca_file {
        None => None,
        Some(path) => {
            #[expect(clippy::disallowed_methods, reason = "part of reading the configuration")]
            let pem = std::fs::read(path).map_err(|error| Diagnosis {
                code: "config_unreadable",
                message: format!("`http.ca_file` {} cannot be read: {error}", path.display()),
                hint: "name a file of PEM certificates that this user can read".to_owned(),
                retry_at: None,
                exit: Exit::Usage,
            })?;
            Some(pem)
        }
    };
    Ok(HttpSettings {
        connect_timeout: http.connect_timeout,
        read_timeout: http.read_timeout,
        extra_ca,
        ..HttpSettings::default()
    })
}

/// The profile's server as the library knows it.
pub(crate) fn server(profile: &Profile) -> Server {
    let (server, client, login) = match &profile.grant {
        Grant::RefreshToken { server, client, login } => {
            let rung = login.as_ref().map_or(LoginRung::None, login_rung);
            (Some(server), Some(client), rung)
        }
        Grant::ClientCredentials { server, client } => {
            (Some(server), Some(client), LoginRung::ClientCredentials)
        }
        Grant::Password { server, client, .. } => (Some(server), Some(client), LoginRung::Password),
        Grant::LoginEndpoint { login, server, client } => {
            (server.as_ref(), Some(client), login_rung(login))
        }
        Grant::Broker { connection, .. } => {
            (None, None, LoginRung::Broker(Box::new(connection.clone())))
        }
        Grant::ApiKey(_) => (None, None, LoginRung::None),
    };
    let (client_id, auth, client_secret) = match &profile.grant {
        // No client: its key stands for the secret.
        Grant::Broker { key, .. } => (String::new(), AuthMethod::None, given(key)),
        _ => client.map_or_else(Default::default, identity),
    };
    let joined = profile.scopes.join(" ");
    Server {
        endpoints: server.map(endpoints).unwrap_or_default(),
        client_id,
        auth,
        client_secret,
        scope: (!joined.is_empty()).then_some(joined),
        resource: profile.resource.clone(),
        audience: profile.audience.clone(),
        login,
        dpop: profile.dpop,
    }
}

/// What makes proofs (RFC 9449).
pub(crate) fn prover(profile: &Profile) -> Dpop {
    let algorithm = match profile.dpop_alg {
        DpopAlg::Es256 => Algorithm::Es256,
        DpopAlg::EdDsa => Algorithm::EdDsa,
    };
    Dpop::new(algorithm, Arc::new(TokioClock::new()), Arc::new(SystemRandom))
}

fn endpoints(server: &config::Server) -> Endpoints {
    match server {
        config::Server::Named { token_endpoint, revocation_endpoint, issuer } => Endpoints {
            token: Some(token_endpoint.clone()),
            revocation: revocation_endpoint.clone(),
            issuer: issuer.clone(),
        },
        config::Server::Discovered { issuer, revocation_endpoint } => Endpoints {
            token: None,
            revocation: revocation_endpoint.clone(),
            issuer: Some(issuer.clone()),
        },
    }
}

fn identity(client: &Client) -> (String, AuthMethod, Option<Secret>) {
    match client {
        Client::Anonymous => (String::new(), AuthMethod::None, None),
        Client::Public { id } => (id.clone(), AuthMethod::None, None),
        Client::Undecided { id } => (id.clone(), AuthMethod::BasicIfSecret, None),
        Client::Confidential { id, method, secret } => {
            let method = match method {
                Method::Basic => AuthMethod::Basic,
                Method::Post => AuthMethod::Post,
            };
            (id.clone(), method, given(secret))
        }
    }
}

/// A secret that is in the environment.
fn given(secret: &ClientSecret) -> Option<Secret> {
    match secret {
        ClientSecret::Given { secret, .. } => Some(secret.clone()),
        ClientSecret::Stored | ClientSecret::Unset { .. } => None,
    }
}

fn login_rung(login: &config::LoginEndpoint) -> LoginRung {
    let mut replied = ReplyFields::default();
    // The configured name goes first; the usual ones stay behind it.
    replied.access_token.insert(0, login.token_field.clone());
    LoginRung::Endpoint(Box::new(LoginEndpoint {
        login_url: login.url.clone(),
        refresh_url: login.refresh_url.clone(),
        sent: LoginFields {
            username: login.username_field.clone(),
            password: login.password_field.clone(),
            ..LoginFields::default()
        },
        replied,
    }))
}

/// The profile's ways to a token at its server, with its configured credentials or those that its
/// record keeps (R14).
pub(crate) fn rungs(profile: &Profile, stored: Option<&Credentials>) -> Rungs {
    server(profile).rungs(stored)
}

/// The name that the breaker of the profile's token endpoint is kept under.
pub(crate) fn endpoint_name(profile: &Profile) -> String {
    server(profile).endpoint_name()
}
