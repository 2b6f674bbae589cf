//! What was configured, said and set, made one.

use core::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use tokio_rustls::TlsAcceptor;
use unlapse_core::Secret;

use super::failure;
use crate::args::IssuerArguments;
use crate::config::issuer::{IssuerFile, IssuerKeys, Raw, Refused, Section as _};
use crate::config::{ConfigError, Environment, Origin};
use crate::diagnosis::Diagnosis;
use crate::serving;

/// How an issuer is to be.
pub(super) struct Settings {
    /// What the file says, with flags and variables laid over it.
    pub(super) file: IssuerFile,
    /// Where it listens.
    pub(super) listen: SocketAddr,
    /// Where it keeps what it keeps; `None` when nobody said.
    pub(super) database: Option<Database>,
    /// Where its peppers are; `None` when there are none to keep.
    pub(super) peppers: Option<PeppersAt>,
    /// For development alone.
    pub(super) dev: bool,
}

/// Where sessions and keys rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Database {
    /// In the process.
    Memory,
    /// In a file.
    Sqlite(PathBuf),
    /// In a server; its URL may hold a password.
    Postgres(Secret),
}

/// A file of peppers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PeppersAt {
    pub(super) path: PathBuf,
    /// It is ours to make, with the database beside it.
    pub(super) ours: bool,
}

const PORT: u16 = 8080;

impl Settings {
    /// Reads the file, where one is named, and lays variables and flags over it.
    pub(super) fn read(
        arguments: &IssuerArguments,
        file: Option<&Path>,
        environment: &Environment,
    ) -> Result<Self, Diagnosis> {
        let of_config = |error: ConfigError| Diagnosis::of_config(&error);
        let file = match file {
            Some(_) if arguments.dev => {
                return Err(failure::dev_is_local("takes no configuration"));
            }
            Some(path) => IssuerFile::read(&environment.absolute(path)).map_err(of_config)?,
            None => IssuerFile::default(),
        };
        let keys = overlay(arguments, environment).map_err(of_config)?.over(file.keys);
        let file = IssuerFile { keys, ..file };
        let keys = &file.keys;
        let default = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
        let listen = keys.listen.as_ref().map_or(default, |set| set.value);
        if arguments.dev && !listen.ip().is_loopback() {
            return Err(failure::dev_is_local("others could reach that address"));
        }
        let path = |text: &str| environment.absolute(&environment.expand(text));
        let data = keys.data.as_ref().map(|set| path(&set.value));
        let database = match &keys.database {
            Some(set) => Some(match set.value.as_str() {
                "memory" => Database::Memory,
                url => match url.strip_prefix("sqlite:") {
                    Some(file) => Database::Sqlite(path(file)),
                    None => Database::Postgres(Secret::new(url)),
                },
            }),
            None => match &data {
                Some(data) => Some(Database::Sqlite(data.join("issuer.db"))),
                None => arguments.dev.then_some(Database::Memory),
            },
        };
        let named = environment.os("UNLAPSE_ISSUER_PEPPER_FILE").map(Path::new);
        let named = named.map(|named| environment.absolute(named));
        let named = named.or_else(|| keys.peppers.as_ref().map(|set| path(&set.value)));
        let peppers = match (named, &data) {
            (Some(path), _) => Some(PeppersAt { path, ours: false }),
            (None, Some(data)) => {
                let ours = matches!(&database, Some(Database::Sqlite(file)) if !file.exists());
                Some(PeppersAt { path: data.join("peppers"), ours })
            }
            (None, None) => None,
        };
        Ok(Self { listen, database, peppers, dev: arguments.dev, file })
    }

    /// What connections are secured with, when the configuration says so.
    pub(super) fn tls(&self, environment: &Environment) -> Result<Option<TlsAcceptor>, Diagnosis> {
        let tls = self.file.tls.as_ref();
        let acceptor = tls.map(|(keys, at)| serving::acceptor(keys, at, environment, failure::tls));
        acceptor.transpose()
    }

    /// The URL, where it is said or the address is nobody else's.
    pub(super) fn url(&self, listening: SocketAddr) -> Result<String, Diagnosis> {
        match &self.file.keys.url {
            Some(url) => Ok(url.value.as_str().to_owned()),
            None if listening.ip().is_loopback() => {
                let scheme = if self.file.tls.is_some() { "https" } else { "http" };
                Ok(format!("{scheme}://{listening}"))
            }
            None => Err(failure::no_url()),
        }
    }
}

/// What flags and variables say.
fn overlay(
    arguments: &IssuerArguments,
    environment: &Environment,
) -> Result<IssuerKeys, ConfigError> {
    let mut keys = IssuerKeys::default();
    let mut set = |key: &'static str, value: Option<&str>, origin: Origin| {
        let Some(value) = value else { return Ok(()) };
        keys.set(key, &Raw::Word(value), &origin).map_err(|refused| match refused {
            Refused::Value { allowed, nearest } => {
                ConfigError::BadValue { key: key.to_owned(), at: origin, allowed, nearest }
            }
            Refused::Unknown => {
                ConfigError::UnknownKey { key: key.to_owned(), at: origin, nearest: None }
            }
        })
    };
    let data = arguments.data.as_ref().map(|data| data.to_string_lossy());
    let variable = "UNLAPSE_ISSUER_DATABASE";
    set("database", environment.text(variable)?, Origin::Variable(variable.to_owned()))?;
    set("database", arguments.database.as_deref(), Origin::Flag("--database"))?;
    set("data", data.as_deref(), Origin::Flag("--data"))?;
    set("listen", arguments.listen.as_deref(), Origin::Flag("--listen"))?;
    set("url", arguments.url.as_deref(), Origin::Flag("--url"))?;
    Ok(keys)
}
