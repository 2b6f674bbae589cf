//! Values that only a broker's configuration has.

use unlapse_broker::{BadPrivateHost, PrivateHosts};

use crate::config::reader::{Line, Raw, Reads, VariableName};
use crate::config::section::Shown;
use crate::config::serving::is_password_in_file;

/// Where everything rests. A password has no place in a file that more people read than may.
pub(super) struct Database;

impl Reads for Database {
    type Value = String;

    fn read(&self, raw: &Raw<'_>) -> Option<String> {
        let text = Line.read(raw)?;
        let is_server = ["postgres://", "postgresql://"].iter().any(|it| text.starts_with(it));
        // Another scheme would be taken for a strange path.
        let is_known = is_server || !text.contains("://");
        (is_known && !is_password_in_file(raw)).then_some(text)
    }

    fn allowed(&self) -> String {
        "the path of a file, or `postgres://…`, in a file without a password: that goes into \
         UNLAPSE_BROKER_DATABASE or PostgreSQL's own password file"
            .to_owned()
    }
}

/// Hosts that are not public, and that tenants may name all the same.
pub(super) struct Hosts;

/// As many as other lists have at most.
const MOST_HOSTS: usize = 256;

impl Reads for Hosts {
    type Value = PrivateHosts;

    fn read(&self, raw: &Raw<'_>) -> Option<PrivateHosts> {
        match raw {
            Raw::List(hosts) if hosts.len() <= MOST_HOSTS => PrivateHosts::parse(hosts).ok(),
            _ => None,
        }
    }

    fn allowed(&self) -> String {
        BadPrivateHost.to_string()
    }
}

impl Shown for PrivateHosts {
    fn shown(&self) -> String {
        self.to_string()
    }
}

/// Where the master key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MasterKeyAt {
    /// In a file of this user.
    File(String),
    /// In an environment variable.
    Variable(String),
    /// With a program that wraps and unwraps keys: its path and its arguments.
    Command(Vec<String>),
}

/// Reads it.
pub(super) struct MasterKey;

impl Reads for MasterKey {
    type Value = MasterKeyAt;

    fn read(&self, raw: &Raw<'_>) -> Option<MasterKeyAt> {
        let text = Line.read(raw)?;
        if let Some(name) = text.strip_prefix("env:") {
            return VariableName.read(&Raw::Text(name)).map(MasterKeyAt::Variable);
        }
        let Some(command) = text.strip_prefix("command:") else {
            return Some(MasterKeyAt::File(text));
        };
        let words: Vec<_> = command.split_ascii_whitespace().map(str::to_owned).collect();
        (!words.is_empty()).then_some(MasterKeyAt::Command(words))
    }

    fn allowed(&self) -> String {
        "the path of a file, `env:NAME` for an environment variable, or `command:PROGRAM ARGUMENTS` \
         for a program that wraps and unwraps keys"
            .to_owned()
    }
}

impl Shown for MasterKeyAt {
    fn shown(&self) -> String {
        match self {
            Self::File(path) => path.clone(),
            Self::Variable(name) => format!("env:{name}"),
            Self::Command(words) => format!("command:{}", words.join(" ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c13_a_password_of_a_database_does_not_belong_in_a_file() {
        for (text, in_file) in [
            ("broker.db", true),
            ("/var/lib/unlapse/broker.db", true),
            ("postgres://broker@db.example/broker", true),
            ("postgres://broker:canary@db.example/broker", false),
            ("postgresql://db.example/broker?user=a&password=canary", false),
            ("mysql://db.example", false),
            ("", false),
        ] {
            assert_eq!(Database.read(&Raw::Text(text)).is_some(), in_file, "{text}");
        }
        assert!(Database.read(&Raw::Word("postgres://broker:canary@db.example")).is_some());
    }

    #[test]
    fn a_row_for_each_place_of_a_master_key() {
        let command = |words: &[&str]| {
            MasterKeyAt::Command(words.iter().map(|word| (*word).to_owned()).collect())
        };
        for (text, expected) in [
            ("master.key", Some(MasterKeyAt::File("master.key".to_owned()))),
            ("env:MASTER", Some(MasterKeyAt::Variable("MASTER".to_owned()))),
            ("env:", None),
            ("env:k1 AAAA", None),
            ("command:/opt/kms --key a", Some(command(&["/opt/kms", "--key", "a"]))),
            ("command:", None),
            ("", None),
        ] {
            let read = MasterKey.read(&Raw::Text(text));
            assert_eq!(read, expected, "{text}");
            if let Some(at) = read {
                assert_eq!(at.shown(), text);
            }
        }
    }
}
