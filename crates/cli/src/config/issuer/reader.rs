//! Values that only an issuer's configuration has.

use core::time::Duration;

use unlapse_core::duration;
use unlapse_issuer::{Algorithm, GrantType, PasswordHash, Rate};

use crate::config::nearest::nearest;
use crate::config::reader::{Raw, Reads, Within};
use crate::config::serving::is_password_in_file;

/// Where everything rests. A password has no place in a file that more people read than may.
pub(super) struct Database;

impl Reads for Database {
    type Value = String;

    fn read(&self, raw: &Raw<'_>) -> Option<String> {
        let text = raw.text()?;
        let known = ["sqlite:", "postgres://", "postgresql://"];
        let named = text == "memory" || known.iter().any(|known| text.starts_with(known));
        let plain = text.len() <= 1024 && !text.chars().any(char::is_control);
        (named && plain && !is_password_in_file(raw)).then(|| text.to_owned())
    }

    fn allowed(&self) -> String {
        "`memory`, `sqlite:PATH` or `postgres://…`, in a file without a password: that goes into \
         UNLAPSE_ISSUER_DATABASE or PostgreSQL's own password file"
            .to_owned()
    }
}

/// How often keys rotate, or `never`.
pub(super) struct RotateEvery;

impl Reads for RotateEvery {
    type Value = Option<Duration>;

    fn read(&self, raw: &Raw<'_>) -> Option<Option<Duration>> {
        match raw.text()? {
            "never" => Some(None),
            _ => Within("1h", "3653d").read(raw).map(Some),
        }
    }

    fn allowed(&self) -> String {
        "`never`, or a duration from 1h to 3653d, like `\"90d\"`".to_owned()
    }
}

/// So many in so long, or `off`.
pub(super) struct RateOrOff;

impl Reads for RateOrOff {
    type Value = Option<Rate>;

    fn read(&self, raw: &Raw<'_>) -> Option<Option<Rate>> {
        let text = raw.text()?;
        if text == "off" {
            return Some(None);
        }
        let (requests, per) = text.split_once('/')?;
        let rate = Rate::new(requests.parse().ok()?, duration::parse(per).ok()?);
        rate.check().ok().map(|()| Some(rate))
    }

    fn allowed(&self) -> String {
        "`off`, or how many in how long, like `\"600/1m\"`".to_owned()
    }
}

/// A list of grants.
pub(super) struct GrantTypes;

impl Reads for GrantTypes {
    type Value = Vec<GrantType>;

    fn read(&self, raw: &Raw<'_>) -> Option<Vec<GrantType>> {
        let Raw::List(names) = raw else { return None };
        let grant = |name: &&str| GrantType::ALL.into_iter().find(|grant| grant.as_str() == *name);
        names.iter().map(grant).collect()
    }

    fn allowed(&self) -> String {
        let names: Vec<_> = GrantType::ALL.iter().map(|grant| grant.as_str()).collect();
        format!("a list of grants: `{}`", names.join("`, `"))
    }

    fn nearest(&self, raw: &Raw<'_>) -> Option<String> {
        let Raw::List(names) = raw else { return None };
        let known = || GrantType::ALL.into_iter().map(GrantType::as_str);
        let wrong = names.iter().find(|name| known().all(|known| known != **name))?;
        nearest(wrong, known()).map(str::to_owned)
    }
}

/// A list of algorithms to sign with.
pub(super) struct Signing;

impl Reads for Signing {
    type Value = Vec<Algorithm>;

    fn read(&self, raw: &Raw<'_>) -> Option<Vec<Algorithm>> {
        let Raw::List(names) = raw else { return None };
        names.iter().map(|name| Algorithm::parse(name)).collect()
    }

    fn allowed(&self) -> String {
        "a list of `EdDSA`, `ES256` and `RS256`".to_owned()
    }
}

/// The hash of a password.
pub(super) struct Hash;

impl Reads for Hash {
    type Value = PasswordHash;

    fn read(&self, raw: &Raw<'_>) -> Option<PasswordHash> {
        raw.text()?.parse().ok()
    }

    fn allowed(&self) -> String {
        "an Argon2id hash (`$argon2id$…`), as `unlapse issuer user hash` prints it, never the \
         password itself"
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_of_a_database_does_not_belong_in_a_file() {
        let rows = [
            ("memory", true),
            ("sqlite:/var/lib/issuer.db", true),
            ("postgres://issuer@db.example/issuer", true),
            ("postgres://issuer:canary@db.example/issuer", false),
            ("postgres://db.example/issuer?user=a&password=canary", false),
            ("mysql://db.example", false),
            ("", false),
        ];
        for (text, in_file) in rows {
            assert_eq!(Database.read(&Raw::Text(text)).is_some(), in_file, "{text}");
        }
        assert!(Database.read(&Raw::Word("postgres://issuer:canary@db.example")).is_some());
    }

    #[test]
    fn j2_rates_and_rotations() {
        let rate = Rate::new(600, Duration::from_mins(1));
        assert_eq!(RateOrOff.read(&Raw::Text("600/1m")), Some(Some(rate)));
        assert_eq!(RateOrOff.read(&Raw::Text("off")), Some(None));
        for bad in ["", "600", "0/1m", "600/", "-1/1m", "1/25h"] {
            assert_eq!(RateOrOff.read(&Raw::Text(bad)), None, "{bad}");
        }
        assert_eq!(RotateEvery.read(&Raw::Text("never")), Some(None));
        assert_eq!(RotateEvery.read(&Raw::Text("1h")), Some(Some(Duration::from_hours(1))));
        for bad in ["59m", "3654d", "90", ""] {
            assert_eq!(RotateEvery.read(&Raw::Text(bad)), None, "{bad}");
        }
    }

    #[test]
    fn rfc6749_1_3_grants_by_their_names() {
        let grants = GrantTypes.read(&Raw::List(vec!["password", "refresh_token"]));
        assert_eq!(grants, Some(vec![GrantType::Password, GrantType::RefreshToken]));
        assert_eq!(GrantTypes.read(&Raw::List(vec!["implicit"])), None);
        let meant = GrantTypes.nearest(&Raw::List(vec!["refresh-token"]));
        assert_eq!(meant.as_deref(), Some("refresh_token"));
    }

    #[test]
    fn c13_a_password_is_no_hash() {
        assert_eq!(Hash.read(&Raw::Text("correct horse")), None);
    }
}
