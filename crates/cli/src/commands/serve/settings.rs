//! What was configured, said and set, made one.

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::path::{Path, PathBuf};

use tokio_rustls::TlsAcceptor;
use unlapse_core::Secret;
use unlapse_oauth::Endpoint;
use unlapse_oauth::provider::Catalogue;

use super::failure;
use crate::args::{BrokerPlace, ServeArguments};
use crate::config::broker::{
    BrokerFile, BrokerKeys, LogFormat, MasterKeyAt, Raw, Refused, Section as _,
};
use crate::config::serving::has_password;
use crate::config::{ConfigError, Environment, Origin, text_of};
use crate::diagnosis::Diagnosis;
use crate::serving;

/// How a broker is to be.
pub(crate) struct Settings {
    /// What the file says, with flags and variables laid over it.
    pub(crate) file: BrokerFile,
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// The directory of what has no place of its own.
    pub(crate) data: PathBuf,
    /// Where it keeps connections.
    pub(crate) place: Place,
    /// Where its master key is; a path is absolute.
    pub(crate) master_key: MasterKeyAt,
    /// A file of providers.
    pub(crate) providers: Option<PathBuf>,
}

/// Where connections rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a file.
    Sqlite(PathBuf),
    /// In a server; its URL may hold a password. What its answers wait in until it has them.
    Postgres {
        /// The URL.
        url: Secret,
        /// A directory of this node alone.
        spool: PathBuf,
    },
}

impl Place {
    /// As the database layer takes it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Sqlite(path) => path.to_string_lossy().into_owned(),
            Self::Postgres { url, .. } => url.expose().to_owned(),
        }
    }

    /// Whether nothing is there yet; of a server nobody knows before it is asked.
    pub(crate) fn is_new(&self) -> bool {
        matches!(self, Self::Sqlite(path) if !path.exists())
    }
}

const PORT: u16 = 8480;
/// Where commands look for a broker that nobody has named.
pub(crate) const DEFAULT_URL: &str = "http://127.0.0.1:8480";
/// The variable with the database, password and all.
pub(crate) const DATABASE: &str = "UNLAPSE_BROKER_DATABASE";

impl Settings {
    /// Reads the file, where one is named, and lays variables and flags over it.
    pub(super) fn read(
        arguments: &ServeArguments,
        file: Option<&Path>,
        environment: &Environment,
    ) -> Result<Self, Diagnosis> {
        let said = said(arguments, environment).map_err(|error| Diagnosis::of_config(&error))?;
        Self::over(said, file, environment)
    }

    /// The same, for a command beside the server.
    pub(crate) fn beside(
        place: &BrokerPlace,
        file: Option<&Path>,
        environment: &Environment,
    ) -> Result<Self, Diagnosis> {
        let mut said = Said::default();
        let read = place_of(&mut said, place, environment);
        read.map_err(|error| Diagnosis::of_config(&error))?;
        Self::over(said.0, file, environment)
    }

    fn over(
        said: BrokerKeys,
        file: Option<&Path>,
        environment: &Environment,
    ) -> Result<Self, Diagnosis> {
        let file = match file {
            Some(path) => BrokerFile::read(&environment.absolute(path))
                .map_err(|error| Diagnosis::of_config(&error))?,
            None => BrokerFile::default(),
        };
        let file = BrokerFile { keys: said.over(file.keys), ..file };
        let keys = &file.keys;
        let default = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
        let listen = keys.listen.as_ref().map_or(default, |set| set.value);
        let path = |text: &str| environment.absolute(&environment.expand(text));
        let data = path(keys.data.as_ref().map_or(".", |set| &set.value));
        let place = match keys.database.as_ref().map(|set| set.value.as_str()) {
            Some(url) if url.contains("://") => Place::Postgres {
                url: Secret::new(url),
                spool: keys
                    .spool
                    .as_ref()
                    .map_or_else(|| data.join("spool"), |set| path(&set.value)),
            },
            Some(file) => Place::Sqlite(path(file)),
            None => Place::Sqlite(data.join("broker.db")),
        };
        let master_key = match keys.master_key.as_ref().map(|set| &set.value) {
            Some(MasterKeyAt::File(file)) => MasterKeyAt::File(path(file).to_string_lossy().into()),
            Some(other) => other.clone(),
            None => MasterKeyAt::File(data.join("master.key").to_string_lossy().into()),
        };
        let providers = keys.providers.as_ref().map(|set| path(&set.value));
        if keys.dashboard_open.as_ref().is_some_and(|set| set.value) && !listen.ip().is_loopback() {
            return Err(failure::open_is_local());
        }
        Ok(Self { file, listen, data, place, master_key, providers })
    }

    /// What connections are secured with, when the configuration says so.
    pub(super) fn tls(&self, environment: &Environment) -> Result<Option<TlsAcceptor>, Diagnosis> {
        let tls = self.file.tls.as_ref();
        let acceptor = tls.map(|(keys, at)| serving::acceptor(keys, at, environment, failure::tls));
        acceptor.transpose()
    }

    /// The providers that are known here.
    pub(crate) fn catalogue(&self) -> Result<Catalogue, Diagnosis> {
        let built_in = Catalogue::built_in();
        match &self.providers {
            None => Ok(built_in),
            Some(path) => own_providers(path).map(|own| built_in.with(own)),
        }
    }

    /// What the broker is called from outside, where that is said or the address is nobody else's.
    pub(super) fn public_url(&self, listening: SocketAddr) -> Result<Endpoint, Diagnosis> {
        if let Some(url) = &self.file.keys.public_url {
            return Ok(url.value.clone());
        }
        let scheme = if self.file.tls.is_some() { "https" } else { "http" };
        let url = Endpoint::parse(&format!("{scheme}://{listening}"));
        url.ok().filter(|_| listening.ip().is_loopback()).ok_or_else(failure::no_url)
    }

    /// What is under way when the end comes has so long.
    pub(super) fn drain(&self) -> Duration {
        let set = self.file.keys.drain.as_ref();
        set.map_or(Duration::from_secs(30), |set| set.value)
    }

    /// How the log is written.
    pub(super) fn log_format(&self) -> LogFormat {
        self.file.keys.log_format.as_ref().map_or(LogFormat::Text, |set| set.value)
    }
}

/// The providers of a file.
pub(crate) fn own_providers(path: &Path) -> Result<Catalogue, Diagnosis> {
    let text = text_of(path).map_err(|error| Diagnosis::of_config(&error))?;
    Catalogue::parse(&text).map_err(|bad| failure::providers(path, &bad.to_string()))
}

/// What flags and variables say.
#[derive(Default)]
struct Said(BrokerKeys);

impl Said {
    fn set(
        &mut self,
        key: &'static str,
        value: Option<&str>,
        origin: Origin,
    ) -> Result<(), ConfigError> {
        let Some(value) = value else { return Ok(()) };
        self.0.set(key, &Raw::Word(value), &origin).map_err(|refused| match refused {
            Refused::Value { allowed, nearest } => {
                ConfigError::BadValue { key: key.to_owned(), at: origin, allowed, nearest }
            }
            Refused::Unknown => {
                ConfigError::UnknownKey { key: key.to_owned(), at: origin, nearest: None }
            }
        })
    }

    fn path(
        &mut self,
        key: &'static str,
        value: Option<&PathBuf>,
        flag: &'static str,
    ) -> Result<(), ConfigError> {
        let value = value.map(|path| path.to_string_lossy());
        self.set(key, value.as_deref(), Origin::Flag(flag))
    }
}

fn said(arguments: &ServeArguments, environment: &Environment) -> Result<BrokerKeys, ConfigError> {
    let mut said = Said::default();
    place_of(&mut said, &arguments.place, environment)?;
    said.path("providers", arguments.providers.as_ref(), "--providers")?;
    said.path("spool", arguments.spool.as_ref(), "--spool")?;
    said.set("listen", arguments.listen.as_deref(), Origin::Flag("--listen"))?;
    let metrics = arguments.metrics_listen.as_deref();
    said.set("metrics_listen", metrics, Origin::Flag("--metrics-listen"))?;
    said.set("public_url", arguments.public_url.as_deref(), Origin::Flag("--public-url"))?;
    said.set("log_format", arguments.log_format.as_deref(), Origin::Flag("--log-format"))?;
    Ok(said.0)
}

fn place_of(
    said: &mut Said,
    place: &BrokerPlace,
    environment: &Environment,
) -> Result<(), ConfigError> {
    let variable = Origin::Variable(DATABASE.to_owned());
    said.set("database", environment.text(DATABASE)?, variable)?;
    let flag = Origin::Flag("--database");
    if place.database.as_deref().is_some_and(has_password) {
        // Whoever is on this machine reads the arguments of every process.
        return Err(ConfigError::BadValue {
            key: "database".to_owned(),
            at: flag,
            allowed: format!("without a password: put the URL with it into {DATABASE}"),
            nearest: None,
        });
    }
    said.set("database", place.database.as_deref(), flag)?;
    said.path("data", place.data.as_ref(), "--data")?;
    said.set("master_key", place.master_key.as_deref(), Origin::Flag("--master-key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &ServeArguments, environment: &Environment) -> Settings {
        Settings::read(arguments, None, environment).expect("settings")
    }

    fn nothing() -> ServeArguments {
        use clap::Parser as _;
        let arguments = crate::args::Arguments::try_parse_from(["unlapse", "serve"]);
        let crate::args::Command::Serve(serve) = arguments.expect("it reads").command else {
            panic!("serve")
        };
        serve
    }

    #[test]
    fn i1_an_empty_directory_is_enough() {
        let environment = Environment::at(Path::new("/w"));
        let settings = read(&nothing(), &environment);
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8480");
        assert_eq!(settings.place, Place::Sqlite("/w/broker.db".into()));
        assert_eq!(settings.master_key, MasterKeyAt::File("/w/master.key".into()));
        let url = settings.public_url(settings.listen).expect("a URL");
        assert_eq!(url.url().as_str(), "http://127.0.0.1:8480/");
    }

    #[test]
    fn flags_go_before_variables() {
        let environment =
            Environment::at(Path::new("/w")).with(DATABASE, "postgres://broker:canary@db/x");
        let mut arguments = nothing();
        arguments.place.data = Some("data".into());
        let settings = read(&arguments, &environment);
        let Place::Postgres { url, spool } = &settings.place else { panic!("a server") };
        assert_eq!(url.expose(), "postgres://broker:canary@db/x");
        assert_eq!(*spool, Path::new("/w/data/spool"));
        assert!(!format!("{:?}", settings.place).contains("canary"));
        arguments.place.database = Some("other.db".to_owned());
        assert_eq!(read(&arguments, &environment).place, Place::Sqlite("/w/other.db".into()));
    }

    #[test]
    fn r18_no_password_is_among_the_arguments() {
        for (place, is_refused) in [
            ("postgres://broker:canary@db/x", true),
            ("postgres://broker@db/x?password=canary", true),
            ("postgres://broker@db/x?sslmode=require", false),
            ("some:file@here.db", false),
        ] {
            let mut arguments = nothing();
            arguments.place.database = Some(place.to_owned());
            let environment = Environment::at(Path::new("/w"));
            let read = Settings::read(&arguments, None, &environment);
            assert_eq!(read.is_err(), is_refused, "{place}");
            if let Err(refused) = read {
                assert_eq!(refused.code, "config_bad_value");
                assert!(!format!("{refused:?}").contains("canary"), "{place}");
            }
        }
    }

    #[test]
    fn what_others_can_reach_needs_a_name_and_a_login() {
        let environment = Environment::at(Path::new("/w"));
        let mut arguments = nothing();
        arguments.listen = Some("0.0.0.0:8480".to_owned());
        let settings = read(&arguments, &environment);
        let refused = settings.public_url(settings.listen).expect_err("no URL");
        assert_eq!(refused.code, "broker_no_url");
    }
}
