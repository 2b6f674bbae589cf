//! Users, clients, proxies and limits, as an issuer takes them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use unlapse_issuer::{
    AuditFile, Client, Clients, Issuer, IssuerBuilder, JwkSet, MemoryClients, MemoryUsers, Policy,
    Proxies, RateLimits, Scopes, User, Users,
};

use super::settings::Settings;
use super::{dev, failure};
use crate::config::issuer::{ClientKeys, Valued};
use crate::config::{ConfigError, Environment, Origin, text_of};
use crate::diagnosis::Diagnosis;
use crate::serving::proxies;

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
        let proxies = proxies(&file.proxies).map_err(of_config)?;
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
        if keys.metrics.as_ref().is_some_and(|set| set.value) {
            builder = builder.metrics();
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
    let or =
        |set: &Option<Valued<Duration>>, default| set.as_ref().map_or(default, |set| set.value);
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
    let clients = settings.file.clients.iter();
    clients.map(|(id, (keys, at))| client(id, keys, at, environment)).collect()
}

fn client(
    id: &str,
    keys: &ClientKeys,
    at: &Origin,
    environment: &Environment,
) -> Result<Client, ConfigError> {
    let mut client = match (&keys.secret_env, &keys.jwks_file) {
        (None, None) => Client::public(id),
        (Some(variable), None) => {
            let secret = environment.secret(&variable.value)?.ok_or_else(|| {
                let allowed = "the name of an environment variable that is set";
                bad(&format!("client.{id}.secret_env"), variable.origin.clone(), allowed)
            })?;
            Client::confidential(id, &secret)
        }
        (None, Some(file)) => {
            let path: PathBuf = environment.absolute(&environment.expand(&file.value));
            let jwks = JwkSet::parse(text_of(&path)?.as_bytes()).ok().filter(|set| !set.is_empty());
            let jwks = jwks.ok_or_else(|| {
                let allowed = "a file with public keys (RFC 7517 §5): Ed25519, P-256 or RSA";
                bad(&format!("client.{id}.jwks_file"), file.origin.clone(), allowed)
            })?;
            Client::with_keys(id, jwks)
        }
        (Some(_), Some(_)) => {
            let allowed = "a client with `secret_env` or `jwks_file`, not with both";
            return Err(bad(&format!("client.{id}"), at.clone(), allowed));
        }
    };
    if let Some(name) = &keys.name {
        client = client.with_name(&name.value);
    }
    if let Some(grants) = &keys.grants {
        client = client.with_grants(grants.value.iter().copied());
    }
    if let Some(scopes) = &keys.scopes {
        let read = Scopes::parse(&scopes.value.join(" "));
        let refused =
            |_| bad(&format!("client.{id}.scopes"), scopes.origin.clone(), "a list of scopes");
        client = client.with_scopes(read.map_err(refused)?);
    }
    if let Some(uris) = &keys.redirect_uris {
        client = client.with_redirect_uris(&uris.value);
    }
    if let Some(algorithm) = &keys.id_token_alg {
        client = client.with_id_token_alg(algorithm.value);
    }
    if let Some(audiences) = &keys.audiences {
        client = client.with_audiences(&audiences.value);
    }
    if let Some(audiences) = &keys.serves {
        client = client.serving(&audiences.value);
    }
    let on = |set: &Option<Valued<bool>>| set.as_ref().is_some_and(|set| set.value);
    if on(&keys.dpop) {
        client = client.with_dpop();
    }
    if on(&keys.first_party) {
        client = client.with_first_party();
    }
    Ok(client)
}

fn bad(key: &str, at: Origin, allowed: &str) -> ConfigError {
    ConfigError::BadValue { key: key.to_owned(), at, allowed: allowed.to_owned(), nearest: None }
}
