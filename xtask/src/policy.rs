//! `deny.toml`, as far as it can be checked without a download.
//!
//! The file is written for cargo-deny, which takes minutes to install and wants the database of
//! advisories. Licences and bans need neither, so xtask reads the same lists.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct Policy {
    licenses: Licences,
    bans: Bans,
}

#[derive(Debug, Deserialize)]
struct Licences {
    allow: BTreeSet<String>,
}

#[derive(Debug, Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Debug, Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

impl Policy {
    pub(crate) fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// The licences that a dependency may be used under.
    pub(crate) fn allowed(&self) -> &BTreeSet<String> {
        &self.licenses.allow
    }

    /// The crates that may not be built in, each with the reason.
    pub(crate) fn banned(&self) -> BTreeMap<&str, &str> {
        self.bans.deny.iter().map(|ban| (ban.name.as_str(), ban.reason.as_str())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_read_and_the_rest_is_left_to_cargo_deny() {
        let policy = Policy::parse(
            r#"
            [graph]
            all-features = true
            [licenses]
            allow = ["MIT", "ISC"]
            [bans]
            wildcards = "deny"
            deny = [{ crate = "openssl", reason = "one provider" }]
            "#,
        )
        .unwrap();
        assert!(policy.allowed().contains("ISC"));
        assert_eq!(policy.banned(), BTreeMap::from([("openssl", "one provider")]));
    }

    #[test]
    fn the_file_of_this_repository_is_understood() {
        let policy = Policy::parse(include_str!("../../deny.toml")).unwrap();
        assert!(policy.allowed().contains("MIT") && !policy.allowed().contains("GPL-3.0-only"));
        for banned in ["openssl", "openssl-sys", "native-tls", "ring"] {
            assert!(policy.banned().contains_key(banned), "{banned}");
        }
    }
}
