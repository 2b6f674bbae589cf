//! The configuration of `unlapse issuer`: one file of its own.

mod keys;
mod reader;

use std::collections::BTreeMap;
use std::path::Path;

use super::error::ConfigError;
use super::files::text_of;
use super::origin::Origin;
use super::parse::{File, Words, home_of, in_order};
use super::serving::{ProxyKeys, TlsKeys};

pub(crate) use super::origin::Valued;
pub(crate) use super::reader::Raw;
pub(crate) use super::section::{Refused, Section};
pub(crate) use keys::{ClientKeys, IssuerKeys, KeysKeys, LimitKeys, UserKeys};

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct IssuerFile {
    /// The keys before any table.
    pub(crate) keys: IssuerKeys,
    /// `[tls]`, where there is one.
    pub(crate) tls: Option<(TlsKeys, Origin)>,
    /// `[keys]`
    pub(crate) signing: KeysKeys,
    /// `[limits]`
    pub(crate) limits: LimitKeys,
    /// `[proxies]`
    pub(crate) proxies: ProxyKeys,
    /// `[client.ID]`
    pub(crate) clients: BTreeMap<String, (ClientKeys, Origin)>,
    /// `[user.NAME]`
    pub(crate) users: BTreeMap<String, (UserKeys, Origin)>,
}

const TABLES: [&str; 6] = ["tls", "keys", "limits", "proxies", "client", "user"];

const WORDS: Words = Words {
    secrets: &[
        ("secret", "put it in an environment variable and name that with `secret_env`"),
        ("client_secret", "put it in an environment variable and name that with `secret_env`"),
        ("pepper", "keep it in a file of peppers and name that with `peppers`"),
        ("signing_key", "take it in with `unlapse issuer keys import`"),
    ],
    elsewhere,
};

impl IssuerFile {
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
                "keys" => said.signing = file.section("keys", at, value)?,
                "limits" => said.limits = file.section("limits", at, value)?,
                "proxies" => said.proxies = file.section("proxies", at, value)?,
                "client" => {
                    for (id, at, value) in
                        in_order(file.table("client", "a table of clients", at, value)?)
                    {
                        let prefix = file.named("client", id, at)?;
                        let keys = file.section(&prefix, at, value)?;
                        said.clients.insert(id.to_owned(), (keys, file.origin(at)));
                    }
                }
                "user" => {
                    for (name, at, value) in
                        in_order(file.table("user", "a table of users", at, value)?)
                    {
                        let prefix = file.named("user", name, at)?;
                        let keys = file.section(&prefix, at, value)?;
                        said.users.insert(name.to_owned(), (keys, file.origin(at)));
                    }
                }
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
            ("", IssuerKeys::keys()),
            ("tls", TlsKeys::keys()),
            ("keys", KeysKeys::keys()),
            ("limits", LimitKeys::keys()),
            ("proxies", ProxyKeys::keys()),
            ("client.ID", ClientKeys::keys()),
            ("user.NAME", UserKeys::keys()),
        ],
    )
}

#[cfg(test)]
mod docs_tests;
#[cfg(test)]
#[path = "issuer_tests.rs"]
mod tests;
