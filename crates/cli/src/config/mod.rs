//! The configuration: which files, variables and flags there are, what they say, and who wins.
//!
//! 1. [`files`] finds `$XDG_CONFIG_HOME/unlapse/config.toml` and the project's
//!    `.unlapse/config.toml`, or the one file that `UNLAPSE_CONFIG` names;
//! 2. [`parse`] makes each into a [`layer::Layer`], every value with its line;
//! 3. layers are merged key by key, and [`overrides`] (variables, then flags) laid over them;
//! 4. [`profile`], [`store`] and [`http`] make sense of the result: from there on everything is
//!    typed and valid.
//!
//! [`issuer`] and [`broker`] have a file of their own each, read the same way; [`serving`] has what these
//! two share.
//!
//! [`keys`] lists every key; `docs/configuration.md` documents them, and a test compares the two.

pub(crate) mod broker;
mod client;
#[cfg(test)]
mod documented;
mod environment;
mod error;
mod files;
mod http;
pub(crate) mod issuer;
mod keys;
mod layer;
mod log;
mod nearest;
mod origin;
mod overrides;
mod parse;
mod place;
mod policy;
mod profile;
mod queue;
mod reader;
mod section;
pub(crate) mod serving;
pub(crate) mod show;
mod size;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

pub(crate) use client::{Client, ClientSecret, Method};
pub(crate) use environment::Environment;
pub(crate) use error::ConfigError;
pub(crate) use files::{Found, Rank, text_of};
pub(crate) use http::HttpConfig;
pub(crate) use keys::{DpopAlg, Layout};
pub(crate) use log::LogConfig;
pub(crate) use origin::Origin;
pub(crate) use overrides::Overrides;
pub(crate) use profile::{BROKER_KEY, Grant, LoginEndpoint, Profile, Server};
pub(crate) use queue::QueueConfig;
pub(crate) use show::Row;
pub(crate) use store::{Custody, Derivation, Storage, StoreConfig};

use unlapse::Persistence;

use keys::PolicyKeys;
use layer::{Layer, ProfileLayer};
use origin::Valued;
use overrides::Everywhere;
use section::{Section as _, Shown as _};

/// Variables that hold a secret although no profile names them.
const UNNAMED_SECRETS: [&str; 3] = ["UNLAPSE_PASSPHRASE", "UNLAPSE_CLIENT_SECRET", BROKER_KEY];

/// Everything that is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// By name.
    pub(crate) profiles: BTreeMap<String, Profile>,
    /// Where records are kept.
    pub(crate) storage: Storage,
    /// Which of them (A3): never `Off` where there is such a place.
    pub(crate) persistence: Persistence,
    /// How servers are reached.
    pub(crate) http: HttpConfig,
    /// How much waits for the network, and how it is sent.
    pub(crate) queue: QueueConfig,
    /// The log filter.
    pub(crate) log: String,
    /// The journal of what is done with tokens.
    pub(crate) journal: LogConfig,
    /// Every variable that holds something which tokens are bought with.
    pub(crate) secret_variables: BTreeSet<String>,
    /// The files that were read, lowest rank first.
    pub(crate) files: Vec<PathBuf>,
    /// What `config show` prints.
    pub(crate) rows: Vec<Row>,
}

impl Config {
    /// Reads the configuration that `environment` and the command line call for.
    pub(crate) fn load(
        environment: &Environment,
        overrides: &Overrides,
    ) -> Result<Self, ConfigError> {
        let found = files::find(environment, overrides.config.as_deref())?;
        Self::of(found, environment, overrides)
    }

    /// The configuration that these files, lowest rank first, make with `environment` and the command
    /// line. Opens no file: paths are only looked at.
    pub(crate) fn of(
        found: Vec<Found>,
        environment: &Environment,
        overrides: &Overrides,
    ) -> Result<Self, ConfigError> {
        let mut layer = Layer::default();
        for file in &found {
            layer = parse::parse(&file.text, &file.path)?.over(layer);
        }
        let everywhere = Everywhere::read(environment, overrides)?;
        let project = found.iter().find_map(project_named);

        let mut rows = Vec::new();
        let mut profiles = BTreeMap::new();
        let mut secret_variables: BTreeSet<_> = UNNAMED_SECRETS.map(str::to_owned).into();
        for (name, said) in layer.profiles {
            let said = ProfileLayer {
                keys: everywhere.profile.clone().over(said.keys),
                policy: everywhere.policy.clone().over(said.policy),
                ..said
            };
            let profile = Profile::new(&name, &said, environment)?;
            let keys = &said.keys;
            let named = [&keys.client_secret_env, &keys.api_key_env, &keys.broker_key_env];
            secret_variables.extend(named.into_iter().flatten().map(|set| set.value.clone()));
            rows.extend(profile_rows(&profile, said, environment));
            profiles.insert(name, profile);
        }

        let persistence =
            overrides::persistence(environment, overrides, layer.store.persist.as_ref())?;
        let storage = if persistence.value == Persistence::Off {
            let Valued { origin, .. } = persistence.clone();
            rows.push(Row::of("store", ("path", "memory only".to_owned(), origin)));
            Storage::Memory
        } else {
            layer.store.persist = Some(persistence.clone());
            let (config, shown) = store::store(&layer.store, project.as_deref(), environment)?;
            rows.extend(shown.entries().into_iter().map(|entry| Row::of("store", entry)));
            if let Custody::Passphrase { passphrase, .. } = &config.custody {
                let is_set = passphrase.is_some();
                rows.push(secret_row("store.passphrase", "UNLAPSE_PASSPHRASE", is_set));
            }
            Storage::Kept(config)
        };
        let (http, shown) = http::http(&layer.http, environment);
        rows.extend(shown.entries().into_iter().map(|entry| Row::of("http", entry)));
        let (queue, shown) = queue::queue(&layer.queue);
        rows.extend(shown.entries().into_iter().map(|entry| Row::of("queue", entry)));
        let (journal, shown) = log::log(&layer.log);
        rows.extend(shown.entries().into_iter().map(|entry| Row::of("log", entry)));
        let log = overrides::log(environment, overrides)?;
        let Valued { value, origin } = log.clone();
        rows.push(Row { key: "log".to_owned(), value, origin });

        let files = found.into_iter().map(|file| file.path).collect();
        let persistence = persistence.value;
        Ok(Self {
            profiles,
            storage,
            persistence,
            http,
            queue,
            log: log.value,
            journal,
            secret_variables,
            files,
            rows,
        })
    }

    /// The profile of that name.
    pub(crate) fn profile(&self, name: &str) -> Result<&Profile, ConfigError> {
        self.profiles.get(name).ok_or_else(|| ConfigError::UnknownProfile {
            name: name.to_owned(),
            nearest: nearest::nearest(name, self.profiles.keys().map(String::as_str))
                .map(str::to_owned),
            known: self.profiles.keys().cloned().collect(),
        })
    }
}

/// The project whose store is the default: that of a project's file, or of a named one that lies
/// where a project's file would.
fn project_named(file: &Found) -> Option<PathBuf> {
    let in_project = match file.rank {
        Rank::User => false,
        Rank::Project => true,
        Rank::Named => file.path.parent().is_some_and(|parent| parent.ends_with(".unlapse")),
    };
    in_project.then(|| place::project_of(&file.path))
}

/// What `config show` prints of a profile: what was set, then what nobody set.
fn profile_rows(profile: &Profile, said: ProfileLayer, environment: &Environment) -> Vec<Row> {
    let table = format!("profile.{}", profile.name);
    let mut keys = said.keys;
    keys.grant = Some(profile::grant_word(&keys));
    keys.reuse = keys.reuse.or(Some(Valued::default(profile.policy.reuse)));
    let mut rows: Vec<_> = keys.entries().into_iter().map(|entry| Row::of(&table, entry)).collect();
    if keys.client_auth.is_none()
        && let Some(word) = profile.grant.client_auth()
    {
        rows.push(Row::of(&table, ("client_auth", word.shown(), Origin::Default)));
    }
    for (what, variable) in [
        ("client_secret", keys.client_secret_env.as_ref()),
        ("api_key", keys.api_key_env.as_ref()),
        ("broker_key", keys.broker_key_env.as_ref()),
    ] {
        if let Some(variable) = variable {
            let is_set = environment.os(&variable.value).is_some();
            rows.push(secret_row(&format!("{table}.{what}"), &variable.value, is_set));
        }
    }
    if let Some(login) = said.login {
        let table = format!("{table}.login_endpoint");
        let login = login.filled();
        rows.extend(login.entries().into_iter().map(|entry| Row::of(&table, entry)));
    }
    let policy = said.policy.over(PolicyKeys::defaults());
    let table = format!("{table}.policy");
    rows.extend(policy.entries().into_iter().map(|entry| Row::of(&table, entry)));
    rows
}

fn secret_row(key: &str, variable: &str, is_set: bool) -> Row {
    let value = if is_set { "set (not shown)" } else { "not set" };
    Row {
        key: key.to_owned(),
        value: value.to_owned(),
        origin: Origin::Variable(variable.to_owned()),
    }
}

#[cfg(test)]
mod docs_tests;
#[cfg(test)]
mod tests;
