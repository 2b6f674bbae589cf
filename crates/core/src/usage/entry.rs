//! One line of the journal.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::key::Key;
use crate::record::LoginReason;
use crate::time::UnixTime;

/// What one process did with one credential, and when. As JSON, a line of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, by the clock of its host.
    pub at: UnixTime,
    /// The credential.
    pub key: Key,
    /// The program that wanted it: the one that asked, or the one that was started with it.
    pub program: String,
    /// The process that did it.
    pub pid: u32,
    /// Its host.
    pub host: String,
    /// What it did.
    #[serde(flatten)]
    pub deed: Deed,
}

/// What a process did with a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "did", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Deed {
    /// Tokens were handed out: so many since the last such line of this process.
    Served {
        /// How many.
        count: u64,
    },
    /// A renewal ended.
    Renewed {
        /// How.
        outcome: Ending,
        /// The code of what failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// Requests that were made.
        attempts: u32,
        /// From its start.
        #[serde(rename = "duration_ms", with = "millis")]
        duration: Duration,
        /// Ahead of time: nobody waited for it.
        automatic: bool,
        /// Which token there is now.
        generation: u64,
        /// How long that token lives, from its birth. `None`: it names no end.
        #[serde(
            rename = "lifetime_ms",
            default,
            with = "maybe_millis",
            skip_serializing_if = "Option::is_none"
        )]
        lifetime: Option<Duration>,
    },
    /// The outcome of a request is not known (R7).
    InDoubt,
    /// The login has ended, and only a person can bring it back.
    Ended {
        /// Why.
        reason: LoginReason,
    },
    /// A server answered 401 to a token (R13).
    Refused {
        /// Which token.
        generation: u64,
        /// There was a newer one by then.
        is_late: bool,
    },
    /// A person has logged in.
    LoggedIn {
        /// Which token there is now.
        generation: u64,
    },
    /// The record was removed.
    LoggedOut,
}

/// How a renewal ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ending {
    /// The server granted a token.
    Renewed,
    /// A token that was there met the demand.
    Adopted,
    /// It failed, and the old token still served (R10).
    Served,
    /// It failed, and a token that had ended served on (K12).
    Stale,
    /// The API key stood in (R14).
    ApiKey,
    /// There was nothing to serve.
    Failed,
}

impl Ending {
    /// A stable name: that of the JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Renewed => "renewed",
            Self::Adopted => "adopted",
            Self::Served => "served",
            Self::Stale => "stale",
            Self::ApiKey => "api_key",
            Self::Failed => "failed",
        }
    }
}

impl Entry {
    /// Whether a token was bought.
    pub(super) fn is_bought(&self) -> bool {
        matches!(self.deed, Deed::Renewed { outcome: Ending::Renewed, .. })
    }

    /// How long the token lives that was bought, where it names an end.
    pub(super) fn lifetime(&self) -> Option<Duration> {
        match self.deed {
            Deed::Renewed { lifetime, .. } => lifetime,
            _ => None,
        }
    }
}

/// A duration in whole milliseconds.
mod millis {
    use core::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(crate::time::millis(*duration))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

/// The same, where there may be none.
mod maybe_millis {
    use core::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    #[expect(clippy::ref_option, reason = "serde hands it over so")]
    pub(super) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        duration.map(crate::time::millis).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k11_a_line_of_each_kind_reads_back() {
        let renewed = Deed::Renewed {
            outcome: Ending::Served,
            code: Some("temporary_failure".to_owned()),
            attempts: 3,
            duration: Duration::from_millis(1234),
            automatic: true,
            generation: 7,
            lifetime: Some(Duration::from_secs(3600)),
        };
        let deeds = [
            (Deed::Served { count: 2 }, r#""did":"served","count":2}"#),
            (
                renewed,
                r#""did":"renewed","outcome":"served","code":"temporary_failure","attempts":3,"duration_ms":1234,"automatic":true,"generation":7,"lifetime_ms":3600000}"#,
            ),
            (Deed::InDoubt, r#""did":"in_doubt"}"#),
            (
                Deed::Ended { reason: LoginReason::RotationLost },
                r#""did":"ended","reason":"rotation_lost"}"#,
            ),
            (
                Deed::Refused { generation: 7, is_late: true },
                r#""did":"refused","generation":7,"is_late":true}"#,
            ),
            (Deed::LoggedIn { generation: 1 }, r#""did":"logged_in","generation":1}"#),
            (Deed::LoggedOut, r#""did":"logged_out"}"#),
        ];
        for (deed, end) in deeds {
            let entry = Entry {
                at: UnixTime::from_secs(100),
                key: Key::new("acme").account("ann"),
                program: "deploy.sh".to_owned(),
                pid: 42,
                host: "h1".to_owned(),
                deed,
            };
            let text = serde_json::to_string(&entry).expect("plain data");
            let start = r#"{"at":100000,"key":{"server":"acme","account":"ann"},"program":"deploy.sh","pid":42,"host":"h1","#;
            assert_eq!(text, format!("{start}{end}"));
            assert_eq!(serde_json::from_str::<Entry>(&text).expect(&text), entry);
        }
    }
}
