//! A file's text made into a [`Layer`], with the line of every value and of every mistake.

use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::ConfigError;
use super::keys::{HttpKeys, LogKeys, LoginKeys, PolicyKeys, ProfileKeys, QueueKeys, StoreKeys};
use super::layer::{Layer, ProfileLayer};
use super::nearest::nearest;
use super::origin::Origin;
use super::reader::Raw;
use super::section::{Refused, Section};

/// Longest name of a profile.
const LONGEST_NAME: usize = 64;

/// Keys that would hold a secret, and how to give it instead.
const SECRETS: [(&str, &str); 10] = [
    (
        "client_secret",
        "pipe it into `unlapse login PROFILE --client-secret-stdin`, or set UNLAPSE_CLIENT_SECRET, \
         or name another variable with `client_secret_env`",
    ),
    ("password", "pipe it into `unlapse login PROFILE --password-stdin`, which keeps it encrypted"),
    ("api_key", "put it in an environment variable and name that with `api_key_env`"),
    (
        "broker_key",
        "pipe it into `unlapse login PROFILE --broker-key-stdin`, or set UNLAPSE_BROKER_KEY, or name \
         another variable with `broker_key_env`",
    ),
    ("refresh_token", "pipe it into `unlapse login PROFILE --refresh-token-stdin`"),
    ("access_token", "run `unlapse login PROFILE`"),
    ("token", "run `unlapse login PROFILE`"),
    ("passphrase", "set UNLAPSE_PASSPHRASE"),
    ("secret", "put it in an environment variable and name that with `client_secret_env`"),
    ("key", "put it in an environment variable and name that with `api_key_env`"),
];

/// Reads the text of the configuration file at `path`.
pub(crate) fn parse(text: &str, path: &Path) -> Result<Layer, ConfigError> {
    let file = File::new(text, path, &PROFILES);
    file.layer(file.root()?.get_ref())
}

/// What is said of keys that a kind of file does not have.
pub(super) struct Words {
    /// Keys that would hold a secret, and how to give it instead.
    pub(super) secrets: &'static [(&'static str, &'static str)],
    /// The table that a key belongs to which stands in another: its name with the key.
    pub(super) elsewhere: fn(&str, &str) -> Option<String>,
}

/// Those of the command's own configuration.
const PROFILES: Words = Words { secrets: &SECRETS, elsewhere };

pub(super) type Entry<'t, 'i> = (&'t str, usize, &'t Spanned<DeValue<'i>>);

pub(super) struct File<'a> {
    text: &'a str,
    /// Where they are: every key asks for its line.
    newlines: Vec<usize>,
    path: Arc<Path>,
    words: &'static Words,
}

impl<'a> File<'a> {
    pub(super) fn new(text: &'a str, path: &Path, words: &'static Words) -> Self {
        // Windows editors put a byte-order mark there, which means nothing in UTF-8.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let newlines = newlines.map(|(at, _)| at).collect();
        Self { text, newlines, path: Arc::from(path), words }
    }

    /// Everything that it says.
    pub(super) fn root(&self) -> Result<Spanned<DeTable<'a>>, ConfigError> {
        DeTable::parse(self.text).map_err(|error| self.syntax(&error))
    }
}

impl File<'_> {
    fn layer(&self, table: &DeTable<'_>) -> Result<Layer, ConfigError> {
        let mut layer = Layer::default();
        for (key, at, value) in in_order(table) {
            match key {
                "profile" => {
                    let profiles = self.table("profile", "a table of profiles", at, value)?;
                    for (name, at, value) in in_order(profiles) {
                        let profile = self.profile(name, at, value)?;
                        layer.profiles.insert(name.to_owned(), profile);
                    }
                }
                "store" => layer.store = self.section("store", at, value)?,
                "http" => layer.http = self.section("http", at, value)?,
                "queue" => layer.queue = self.section("queue", at, value)?,
                "log" => layer.log = self.section("log", at, value)?,
                key => {
                    let known = ["profile", "store", "http", "queue", "log"];
                    return Err(self.unknown("", key, at, &known));
                }
            }
        }
        Ok(layer)
    }

    fn profile(
        &self,
        name: &str,
        at: usize,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<ProfileLayer, ConfigError> {
        let prefix = self.named("profile", name, at)?;
        let table = self.table(&prefix, "a table", at, value)?;
        let mut profile = ProfileLayer::named(self.origin(at));
        for (key, at, value) in in_order(table) {
            match key {
                "login_endpoint" => {
                    profile.login =
                        Some(self.section(&format!("{prefix}.login_endpoint"), at, value)?);
                }
                "policy" => {
                    profile.policy = self.section(&format!("{prefix}.policy"), at, value)?;
                }
                key => self.set(
                    &mut profile.keys,
                    &prefix,
                    (key, at, value),
                    &["login_endpoint", "policy"],
                )?,
            }
        }
        Ok(profile)
    }

    /// The prefix of a table that people name.
    pub(super) fn named(&self, table: &str, name: &str, at: usize) -> Result<String, ConfigError> {
        let prefix = joined(table, &printable(name));
        if is_name(name) {
            return Ok(prefix);
        }
        let allowed = "named with letters, digits and `.`, `_`, `-`, `@`, `+`, at most 64, and not \
                       with `-` first";
        Err(self.bad(prefix, at, allowed, None))
    }

    pub(super) fn section<S: Section>(
        &self,
        prefix: &str,
        at: usize,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<S, ConfigError> {
        let mut section = S::default();
        for entry in in_order(self.table(prefix, "a table", at, value)?) {
            self.set(&mut section, prefix, entry, &[])?;
        }
        Ok(section)
    }

    /// Sets a key; the prefix is empty for one that stands before any table.
    pub(super) fn set<S: Section>(
        &self,
        section: &mut S,
        prefix: &str,
        (key, at, value): Entry<'_, '_>,
        tables: &[&'static str],
    ) -> Result<(), ConfigError> {
        section.set(key, &raw(value.get_ref()), &self.origin(at)).map_err(|refused| match refused {
            Refused::Unknown => {
                let mut keys: Vec<&str> = S::keys().into_iter().map(|(key, _)| key).collect();
                keys.extend(tables);
                self.unknown(prefix, key, at, &keys)
            }
            Refused::Value { allowed, nearest } => {
                self.bad(joined(prefix, key), value.span().start, &allowed, nearest)
            }
        })
    }

    pub(super) fn table<'t, 'i>(
        &self,
        key: &str,
        allowed: &str,
        at: usize,
        value: &'t Spanned<DeValue<'i>>,
    ) -> Result<&'t DeTable<'i>, ConfigError> {
        let table = value.get_ref().as_table();
        table.ok_or_else(|| self.bad(key.to_owned(), at, allowed, None))
    }

    pub(super) fn unknown(
        &self,
        prefix: &str,
        key: &str,
        at: usize,
        known: &[&str],
    ) -> ConfigError {
        let at = self.origin(at);
        let whole = joined(prefix, &printable(key));
        if let Some((_, instead)) = self.words.secrets.iter().find(|(secret, _)| *secret == key) {
            return ConfigError::SecretInFile { key: whole, at, instead };
        }
        let nearest = nearest(key, known.iter().copied())
            .map(str::to_owned)
            .or_else(|| (self.words.elsewhere)(key, prefix));
        ConfigError::UnknownKey { key: whole, at, nearest }
    }

    pub(super) fn bad(
        &self,
        key: String,
        at: usize,
        allowed: &str,
        nearest: Option<String>,
    ) -> ConfigError {
        ConfigError::BadValue { key, at: self.origin(at), allowed: allowed.to_owned(), nearest }
    }

    fn syntax(&self, error: &toml::de::Error) -> ConfigError {
        let at = error.span().map_or(self.text.len(), |span| span.start);
        let before = self.text.get(..at).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        ConfigError::Syntax {
            path: self.path.to_path_buf(),
            line: self.line(at),
            column: before[line_start..].chars().count() + 1,
            // Only what was expected: the parser's longer form quotes the line, secrets and all.
            message: printable(error.message()),
        }
    }

    pub(super) fn origin(&self, at: usize) -> Origin {
        Origin::File { path: Arc::clone(&self.path), line: self.line(at) }
    }

    fn line(&self, at: usize) -> usize {
        self.newlines.partition_point(|newline| *newline < at) + 1
    }
}

/// A table's entries in the order of the file, so that the first mistake is the one reported.
pub(super) fn in_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<Entry<'t, 'i>> {
    let mut entries: Vec<_> = table
        .iter()
        .map(|(key, value)| (key.get_ref().as_ref(), key.span().start, value))
        .collect();
    entries.sort_by_key(|(_, at, _)| *at);
    entries
}

/// The table that a key belongs to which stands in another: its name with the key.
fn elsewhere(key: &str, prefix: &str) -> Option<String> {
    let profile = prefix.split('.').nth(1).filter(|_| prefix.starts_with("profile."));
    let profile = profile.unwrap_or("NAME");
    let tables = [
        (format!("profile.{profile}"), ProfileKeys::keys()),
        (format!("profile.{profile}.policy"), PolicyKeys::keys()),
        (format!("profile.{profile}.login_endpoint"), LoginKeys::keys()),
        ("store".to_owned(), StoreKeys::keys()),
        ("http".to_owned(), HttpKeys::keys()),
        ("queue".to_owned(), QueueKeys::keys()),
        ("log".to_owned(), LogKeys::keys()),
    ];
    home_of(key, tables)
}

/// The first of these tables that has a key like `key`: its name, empty where it is none, with that key.
pub(super) fn home_of<T: AsRef<str>>(
    key: &str,
    tables: impl IntoIterator<Item = (T, Vec<(&'static str, String)>)>,
) -> Option<String> {
    tables.into_iter().find_map(|(table, keys)| {
        let nearest = nearest(key, keys.iter().map(|(key, _)| *key))?;
        Some(joined(table.as_ref(), nearest))
    })
}

/// A key with its table before it; the name of what stands before any table is empty.
fn joined(table: &str, key: &str) -> String {
    if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
}

pub(super) fn raw<'t>(value: &'t DeValue<'_>) -> Raw<'t> {
    match value {
        DeValue::String(text) => Raw::Text(text),
        DeValue::Boolean(on) => Raw::Boolean(*on),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Raw::Other, Raw::Integer)
        }
        DeValue::Array(items) => {
            let texts = items.iter().map(|item| item.get_ref().as_str());
            texts.collect::<Option<Vec<_>>>().map_or(Raw::Other, Raw::List)
        }
        _ => Raw::Other,
    }
}

fn is_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len())
        && !name.starts_with('-')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-@+".contains(&b))
}

/// `text` fit for a terminal's line: no control characters, and not without end.
fn printable(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut printable: String =
        text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        printable.push('…');
    }
    printable
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
