//! The configuration of `unlapse serve`: one file of its own.

mod keys;
mod reader;

use std::path::Path;

use super::error::ConfigError;
use super::files::text_of;
use super::origin::Origin;
use super::parse::{File, Words, home_of, in_order};
use super::serving::{ProxyKeys, TlsKeys};

pub(crate) use super::reader::Raw;
pub(crate) use super::section::{Refused, Section, Shown};
pub(crate) use keys::{BrokerKeys, JwtKeys, LogFormat, MasterKeyAt, PostgresKeys, RetentionKeys};

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BrokerFile {
    /// The keys before any table.
    pub(crate) keys: BrokerKeys,
    /// `[tls]`, where there is one.
    pub(crate) tls: Option<(TlsKeys, Origin)>,
    /// `[jwt]`, where there is one.
    pub(crate) jwt: Option<(JwtKeys, Origin)>,
    /// `[retention]`
    pub(crate) retention: RetentionKeys,
    /// `[postgres]`
    pub(crate) postgres: PostgresKeys,
    /// `[proxies]`
    pub(crate) proxies: ProxyKeys,
}

const TABLES: [&str; 5] = ["tls", "jwt", "retention", "postgres", "proxies"];

const WORDS: Words = Words {
    secrets: &[
        ("api_key", "`unlapse broker keys add` makes one, and the database keeps its hash"),
        ("client_secret", "pipe it into `unlapse broker apps add`, which keeps it encrypted"),
        ("password", "put the database's URL into UNLAPSE_BROKER_DATABASE"),
    ],
    elsewhere,
};

impl BrokerFile {
    /// Reads the file at `path`.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        Self::parse(&text_of(path)?, path)
    }

    /// Reads the text of the file at `path`.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let file = File::new(text, path, &WORDS);
        let root = file.root()?;
        let mut said = Self::default();
        for (key, at, value) in in_order(root.get_ref()) {
            match key {
                "tls" => said.tls = Some((file.section("tls", at, value)?, file.origin(at))),
                "jwt" => said.jwt = Some((file.section("jwt", at, value)?, file.origin(at))),
                "retention" => said.retention = file.section("retention", at, value)?,
                "postgres" => said.postgres = file.section("postgres", at, value)?,
                "proxies" => said.proxies = file.section("proxies", at, value)?,
                key => file.set(&mut said.keys, "", (key, at, value), &TABLES)?,
            }
        }
        Ok(said)
    }
}

/// The table that a key belongs to which stands in another: its name with the key.
fn elsewhere(key: &str, _prefix: &str) -> Option<String> {
    home_of(
        key,
        [
            ("", BrokerKeys::keys()),
            ("tls", TlsKeys::keys()),
            ("jwt", JwtKeys::keys()),
            ("retention", RetentionKeys::keys()),
            ("postgres", PostgresKeys::keys()),
            ("proxies", ProxyKeys::keys()),
        ],
    )
}

#[cfg(test)]
mod docs_tests;
#[cfg(test)]
#[path = "broker_tests.rs"]
mod tests;
