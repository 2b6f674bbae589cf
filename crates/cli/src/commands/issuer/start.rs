//! The server itself.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use unlapse::Clock as _;
use unlapse::tokio::TokioClock;
use unlapse_issuer::{
    AuditFile, BadKeys, Client, Clients, Issuer, IssuerBuilder, MemoryClients, MemoryUsers,
    NotOpened, Policy, Proxies, RateLimits, Store, User, Users,
};

use super::settings::Settings;
use super::{Run, dev, failure, serve};
use crate::commands::running::block_on_threads;
use crate::config::{ConfigError, Environment, Origin};
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::{signals, terminal};

/// So often it looks whether another node has made the first keys.
const TRIES: usize = 30;

pub(super) fn run(run: &Run<'_>) -> Result<Exit, Diagnosis> {
    let settings = run.settings()?;
    block_on_threads(start(run, &settings))
}

async fn start(run: &Run<'_>, settings: &Settings) -> Result<Exit, Diagnosis> {
    let described = Described::read(settings, &run.environment)?;
    let tls = settings.tls(&run.environment)?;
    if settings.database.is_none() {
        return Err(failure::no_database());
    }
    let listener = TcpListener::bind(settings.listen).await;
    let listener = listener.map_err(|error| failure::cannot_listen(settings.listen, &error))?;
    let listening = listener.local_addr();
    let listening = listening.map_err(|error| failure::cannot_listen(settings.listen, &error))?;
    let url = settings.url(listening)?;
    // Nothing is made for an issuer that cannot be.
    described.builder(settings, &url)?.check().map_err(failure::configuration)?;
    // First the peppers: a store without them is of no use to anybody.
    settings.peppers()?;
    let store = settings.store().await?;
    let issuer = open(settings, &described, &url, &store).await?;

    let (stop, stopped) = oneshot::channel::<()>();
    #[expect(clippy::disallowed_methods, reason = "the server owns its runtime")]
    let housekeeping = tokio::spawn(issuer.housekeeping(async { drop(stopped.await) }));
    say(run, settings, &url, listening);
    serve::serve(listener, tls, issuer.router(), async {
        signals::interrupted().await;
        tracing::info!("finishing what is under way");
    })
    .await;
    drop(stop);
    // It has written what it had to, or has had the time that it takes for that.
    let _ = housekeeping.await;
    Ok(Exit::Ok)
}

fn say(run: &Run<'_>, settings: &Settings, url: &str, listening: std::net::SocketAddr) {
    if run.common.json {
        terminal::data(&format!("{}\n", json!({ "issuer": url, "listening": listening })));
    } else if settings.dev && !run.common.quiet {
        terminal::note(&dev::guide(url));
    }
    if !run.common.quiet {
        terminal::note(&format!("{url} is served at {listening}"));
    }
}

/// Opens the issuer; where another node is making the first keys, waits for them.
async fn open(
    settings: &Settings,
    described: &Described,
    url: &str,
    store: &Arc<dyn Store>,
) -> Result<Issuer, Diagnosis> {
    for _ in 0..TRIES {
        let builder = described.builder(settings, url)?.store(Arc::clone(store));
        match builder.peppers(settings.peppers()?).open().await {
            Err(NotOpened::Keys(BadKeys::BeingMade)) => {
                TokioClock::new().sleep(Duration::from_secs(1)).await;
            }
            opened => return opened.map_err(failure::not_opened),
        }
    }
    Err(failure::keys(&BadKeys::BeingMade))
}

/// Everything of the configuration that is no plain number.
pub(super) struct Described {
    users: Arc<dyn Users>,
    clients: Vec<Client>,
    proxies: Proxies,
    audit: Option<Arc<AuditFile>>,
}

impl Described {
    /// Makes sense of users, clients, proxies and the audit file.
    pub(super) fn read(settings: &Settings, environment: &Environment) -> Result<Self, Diagnosis> {
        let of_config = |error: ConfigError| Diagnosis::of_config(&error);
        let file = &settings.file;
        let audit = file.keys.audit_file.as_ref().map(|set| {
            let path = environment.absolute(&environment.expand(&set.value));
            AuditFile::open(&path).map(Arc::new).map_err(|error| failure::file(&path, &error))
        });
        let (users, clients) = if settings.dev {
            let users = dev::users().map_err(|bad| failure::configuration(bad.into()))?;
            (users, dev::clients())
        } else {
            (
                users(settings).map_err(of_config)?,
                clients(settings, environment).map_err(of_config)?,
            )
        };
        let proxies = proxies(settings).map_err(of_config)?;
        Ok(Self { users: Arc::new(users), clients, proxies, audit: audit.transpose()? })
    }

    /// The issuer but for its store and peppers.
    pub(super) fn builder(
        &self,
        settings: &Settings,
        url: &str,
    ) -> Result<IssuerBuilder, Diagnosis> {
        let keys = &settings.file.keys;
        let algorithms = settings.algorithms();
        let clients: Arc<dyn Clients> = Arc::new(MemoryClients::new(self.clients.clone()));
        let mut builder = Issuer::builder(url)
            .kept_keys(settings.key_policy())
            .algorithm(algorithms[0])
            .other_algorithms(algorithms)
            .policy(policy(settings))
            .rate_limits(limits(settings))
            .proxies(self.proxies.clone())
            .users(Arc::clone(&self.users))
            .clients(clients);
        if let Some(audience) = &keys.audience {
            builder = builder.audience(&audience.value);
        }
        if let Some(lifetime) = &keys.access_lifetime {
            builder = builder.access_lifetime(lifetime.value);
        }
        if let Some(audit) = &self.audit {
            builder = builder.audit_log(Arc::clone(audit) as _);
        }
        let named = keys.login_client.as_ref().map(|set| (set.value.as_str(), set.origin.clone()));
        let named = named.or_else(|| settings.dev.then_some(("app", Origin::Default)));
        if let Some((id, at)) = named {
            let client = self.clients.iter().find(|client| client.id == id);
            let client = client.cloned().ok_or_else(|| {
                let allowed = "the name of a table `[client.ID]`";
                Diagnosis::of_config(&bad("login_client", at, allowed))
            })?;
            builder = builder.login_client(client);
        }
        Ok(builder)
    }
}

fn policy(settings: &Settings) -> Policy {
    let (keys, policy) = (&settings.file.keys, Policy::default());
    let or = |set: &Option<crate::config::issuer::Valued<Duration>>, default| {
        set.as_ref().map_or(default, |set| set.value)
    };
    Policy {
        grace: or(&keys.grace, policy.grace),
        replay_cap: keys.replay_cap.as_ref().map_or(policy.replay_cap, |set| set.value),
        idle_lifetime: or(&keys.idle_lifetime, policy.idle_lifetime),
        absolute_lifetime: or(&keys.absolute_lifetime, policy.absolute_lifetime),
    }
}

fn limits(settings: &Settings) -> RateLimits {
    let (said, limits) = (&settings.file.limits, RateLimits::default());
    RateLimits {
        peer: said.peer.as_ref().map_or(limits.peer, |set| set.value),
        client: said.client.as_ref().map_or(limits.client, |set| set.value),
        session: said.session.as_ref().map_or(limits.session, |set| set.value),
        login_failures: said.login_failures.as_ref().map_or(limits.login_failures, |set| set.value),
    }
}

fn proxies(settings: &Settings) -> Result<Proxies, ConfigError> {
    let said = &settings.file.proxies;
    let Some(networks) = &said.networks else { return Ok(Proxies::default()) };
    let header = said.header.as_ref().map(|set| set.value).unwrap_or_default();
    Proxies::new(&networks.value, header).map_err(|bad_network| {
        bad("proxies.networks", networks.origin.clone(), &bad_network.to_string())
    })
}

fn users(settings: &Settings) -> Result<MemoryUsers, ConfigError> {
    let users = MemoryUsers::new();
    for (name, (keys, at)) in &settings.file.users {
        let password = keys.password.as_ref().ok_or_else(|| {
            let allowed = "a table with `password`: `unlapse issuer user hash` prints what goes \
                           there";
            bad(&format!("user.{name}"), at.clone(), allowed)
        })?;
        let subject = keys.subject.as_ref().map_or(name, |set| &set.value);
        let password = password.value.clone();
        users.add(name, User { subject: subject.clone(), password });
    }
    Ok(users)
}

fn clients(settings: &Settings, environment: &Environment) -> Result<Vec<Client>, ConfigError> {
    settings
        .file
        .clients
        .iter()
        .map(|(id, (keys, _))| {
            let mut client = match &keys.secret_env {
                None => Client::public(id),
                Some(variable) => {
                    let secret = environment.secret(&variable.value)?.ok_or_else(|| {
                        let key = format!("client.{id}.secret_env");
                        let allowed = "the name of an environment variable that is set";
                        bad(&key, variable.origin.clone(), allowed)
                    })?;
                    Client::confidential(id, &secret)
                }
            };
            if let Some(name) = &keys.name {
                client = client.with_name(&name.value);
            }
            if let Some(grants) = &keys.grants {
                client = client.with_grants(grants.value.iter().copied());
            }
            if let Some(scopes) = &keys.scopes {
                let read = unlapse_issuer::Scopes::parse(&scopes.value.join(" "));
                let refused = |_| {
                    bad(&format!("client.{id}.scopes"), scopes.origin.clone(), "a list of scopes")
                };
                client = client.with_scopes(read.map_err(refused)?);
            }
            if let Some(uris) = &keys.redirect_uris {
                client = client.with_redirect_uris(&uris.value);
            }
            if let Some(algorithm) = &keys.id_token_alg {
                client = client.with_id_token_alg(algorithm.value);
            }
            let on = |set: &Option<crate::config::issuer::Valued<bool>>| {
                set.as_ref().is_some_and(|set| set.value)
            };
            if on(&keys.dpop) {
                client = client.with_dpop();
            }
            if on(&keys.first_party) {
                client = client.with_first_party();
            }
            Ok(client)
        })
        .collect()
}

fn bad(key: &str, at: Origin, allowed: &str) -> ConfigError {
    ConfigError::BadValue { key: key.to_owned(), at, allowed: allowed.to_owned(), nearest: None }
}
