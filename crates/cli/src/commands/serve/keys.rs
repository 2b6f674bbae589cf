//! The master key: read, or made for a broker that begins here.

use std::io::ErrorKind;
use std::path::Path;

use unlapse_broker::{BadMasterKeys, KeyCommand, MasterKeys, Name};

use super::settings::{DATABASE, Settings};
use super::{Place, failure};
use crate::config::BROKER_KEY;
use crate::config::broker::MasterKeyAt;
use crate::diagnosis::Diagnosis;

/// What the key of a command is called beside what it wraps.
const COMMAND: &str = "kms";

/// The master keys, and whether they were made just now.
pub(crate) struct Found {
    pub(crate) keys: MasterKeys,
    /// The file that was made.
    pub(crate) made: bool,
}

impl Settings {
    /// Whether a master key may be made: the broker begins here, or somebody says so.
    pub(super) fn may_make(&self, told: bool) -> bool {
        told || self.place.is_new()
    }

    /// The master keys; where there is no file of them and one `may_make` it, a new one.
    pub(crate) fn master_keys(&self, may_make: bool) -> Result<Found, Diagnosis> {
        let found = |keys| Found { keys, made: false };
        match &self.master_key {
            MasterKeyAt::File(text) => {
                let path = Path::new(text);
                let bad = |bad: BadMasterKeys| match bad {
                    BadMasterKeys::Io(ErrorKind::NotFound) => failure::no_master_key(text),
                    BadMasterKeys::Io(kind) => failure::file(path, &kind.into()),
                    other => failure::master_key(text, &other.to_string()),
                };
                if may_make && !path.exists() {
                    let keys = MasterKeys::file_or_new(path).map_err(bad)?;
                    return Ok(Found { keys, made: true });
                }
                MasterKeys::file(path).map(found).map_err(bad)
            }
            MasterKeyAt::Variable(name) => match MasterKeys::environment(name) {
                Ok(Some(keys)) => Ok(found(keys)),
                Ok(None) => Err(failure::no_master_key(&format!("env:{name}"))),
                Err(bad) => Err(failure::master_key(&format!("env:{name}"), &bad.to_string())),
            },
            MasterKeyAt::Command(words) => {
                let name: Name = COMMAND.parse().expect("a name of letters");
                let (program, arguments) = words.split_first().expect("the reader wants a word");
                let command = KeyCommand::new(program, arguments.to_vec());
                // It has no use for what else the broker was given.
                let command = command.without(DATABASE).without(BROKER_KEY);
                Ok(found(MasterKeys::command(&name, command)))
            }
        }
    }

    /// Where the master key is, for people.
    pub(super) fn master_key_name(&self) -> String {
        use crate::config::broker::Shown as _;
        self.master_key.shown()
    }

    /// As the database is called where people read it: without a password.
    pub(super) fn place_name(&self) -> String {
        match &self.place {
            Place::Sqlite(path) => path.display().to_string(),
            Place::Postgres { .. } => "PostgreSQL".to_owned(),
        }
    }
}
