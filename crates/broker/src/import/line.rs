//! A line of an import, as its sender wrote it.

use core::time::Duration;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::error::Category;
use unlapse::unlapse_core::UnixTime;

use crate::broker::Brought;
use crate::connection_id::ConnectionId;
use crate::name::Name;
use crate::sent_secret::SentSecret;
use crate::sent_tokens::{LONGEST_LIFE, SentTokens};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    user: String,
    provider: String,
    account: String,
    #[serde(default)]
    access_token: Option<SentSecret>,
    #[serde(default)]
    refresh_token: Option<SentSecret>,
    /// Seconds from now (RFC 6749 §5.1).
    #[serde(default)]
    expires_in: Option<u64>,
    /// Instead: RFC 3339.
    #[serde(default)]
    expires_at: Option<String>,
    #[serde(default)]
    refresh_expires_in: Option<u64>,
    #[serde(default)]
    refresh_expires_at: Option<String>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    // What an export says beside: read again, it means nothing.
    #[serde(default)]
    #[expect(dead_code, reason = "of an export")]
    state: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    #[expect(dead_code, reason = "of an export")]
    code: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    #[expect(dead_code, reason = "of an export")]
    generation: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    #[expect(dead_code, reason = "of an export")]
    created_at: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    #[expect(dead_code, reason = "of an export")]
    connected_at: Option<serde::de::IgnoredAny>,
}

/// A line that brings a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ReadLine {
    pub(super) id: ConnectionId,
    pub(super) brought: Brought,
}

impl ReadLine {
    /// Reads a line for `tenant` at `now`. A reason repeats nothing of the line: a secret may stand
    /// where a name should.
    pub(super) fn read(line: &[u8], tenant: &Name, now: UnixTime) -> Result<Self, String> {
        let form: Form = serde_json::from_slice(line).map_err(|error| reason(&error))?;
        let provider = form.provider.parse();
        let provider: Name = provider.map_err(|_| "`provider` is not the name of an app")?;
        let id = ConnectionId::new(tenant.clone(), form.user, provider, form.account);
        let id = id.map_err(|bad| bad.to_string())?;
        let left = |seconds: Option<u64>, at: Option<String>| match (seconds, at) {
            (Some(_), Some(_)) => Err("an end is said in two ways"),
            (Some(seconds), None) => Ok(Some(Duration::from_secs(seconds))),
            (None, Some(at)) => match at.parse::<jiff::Timestamp>() {
                // An export writes what the provider said, and some say a hundred years.
                Ok(at) => Ok(Some(until(now, at).min(LONGEST_LIFE))),
                Err(_) => Err("an end is not as RFC 3339 has it"),
            },
            (None, None) => Ok(None),
        };
        let tokens = SentTokens {
            access_token: form.access_token,
            refresh_token: form.refresh_token,
            expires_in: left(form.expires_in, form.expires_at)?,
            refresh_expires_in: left(form.refresh_expires_in, form.refresh_expires_at)?,
            scope: form.scope,
            token_type: form.token_type,
            metadata: form.metadata,
        };
        let brought = tokens.check().map_err(|problem| problem.detail)?;
        Ok(Self { id, brought })
    }
}

fn until(now: UnixTime, at: jiff::Timestamp) -> Duration {
    let at = u64::try_from(at.as_millisecond()).unwrap_or_default();
    UnixTime::from_millis(at).since(now)
}

/// What is wrong with it, without its words: the library repeats values.
fn reason(error: &serde_json::Error) -> String {
    let column = error.column();
    match error.classify() {
        Category::Eof => "it ends too early".to_owned(),
        Category::Data => {
            format!("a field is missing, unknown, twice there or of another type, at byte {column}")
        }
        Category::Syntax | Category::Io => format!("it is no JSON, at byte {column}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

    fn read(line: &str) -> Result<ReadLine, String> {
        ReadLine::read(line.as_bytes(), &"acme".parse().expect("a name"), NOW)
    }

    #[test]
    fn a_line_is_read_as_it_is_meant() {
        let line = r#"{"user":"ada","provider":"google","account":"main","refresh_token":"rt",
            "access_token":"at","expires_in":60,"scope":"a b","metadata":{"host":"eu"}}"#;
        let brought = read(line).expect("read");
        assert_eq!(brought.id.to_string(), "acme: ada/google/main");
        assert_eq!(brought.brought.expires_in, Some(Duration::from_secs(60)));
        assert_eq!(brought.brought.metadata["host"], "eu");
        let bare = read(r#"{"user":"a","provider":"p","account":"m","refresh_token":"rt"}"#);
        let bare = bare.expect("read").brought;
        assert_eq!((bare.expires_in, bare.access_token), (None, None));
        let at = |at: &str| {
            let line = format!(
                r#"{{"user":"a","provider":"p","account":"m","access_token":"t","expires_at":"{at}"}}"#
            );
            read(&line).expect("read").brought.expires_in
        };
        // NOW is 2023-11-14T22:13:20Z.
        assert_eq!(at("2023-11-14T22:13:30Z"), Some(Duration::from_secs(10)));
        assert_eq!(at("2023-11-14T23:13:30+01:00"), Some(Duration::from_secs(10)));
        assert_eq!(at("1969-01-01T00:00:00Z"), Some(Duration::ZERO));
        assert_eq!(at("9999-12-30T22:00:00Z"), Some(LONGEST_LIFE), "as an export has it");
    }

    #[test]
    fn metadata_is_taken_only_as_an_exchange_can_take_it() {
        let line = |metadata: &str| {
            let names = r#""user":"a","provider":"p","account":"m","refresh_token":"rt""#;
            read(&format!("{{{names},\"metadata\":{metadata}}}"))
        };
        let many = |count: usize| {
            let entries: Vec<_> = (0..count).map(|nth| format!("\"n{nth}\":\"v\"")).collect();
            format!("{{{}}}", entries.join(","))
        };
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(1025));
        for (metadata, expected) in [
            (r#"{"dc":"eu","empty":""}"#, true),
            (many(32).as_str(), true),
            (many(33).as_str(), false),
            (r#"{"a b":"c"}"#, false),
            (long.as_str(), false),
        ] {
            assert_eq!(line(metadata).is_ok(), expected, "{metadata}");
        }
    }

    #[test]
    fn a_reason_repeats_nothing_of_the_line() {
        let secret = "hunter2";
        for line in [
            "hunter2",
            r#"{"user":"hunter2""#,
            r#"{"hunter2":1}"#,
            r#"{"user":"a","provider":"p","account":"m","refresh_token":"rt","expires_in":"hunter2"}"#,
            r#"{"user":"a","provider":"hunter2 ","account":"m","refresh_token":"rt"}"#,
            r#"{"user":"hunter2\n","provider":"p","account":"m","refresh_token":"rt"}"#,
            r#"{"user":"a","provider":"p","account":"m","refresh_token":"hunter2 and more"}"#,
            r#"{"user":"a","provider":"p","account":"m","metadata":{"hunter2":"\u0000"},"refresh_token":"rt"}"#,
            r#"{"user":"a","provider":"p","account":"m","expires_at":"hunter2","refresh_token":"rt"}"#,
            r#"{"user":"a","provider":"p","account":"m","token_type":"hunter2\u0000","refresh_token":"rt"}"#,
            r#"{"user":"a","provider":"p","account":"m"}"#,
            r#"{"user":"a","user":"hunter2","provider":"p","account":"m"}"#,
            r#"{"user":"a","provider":"p","account":"m","access_token":""}"#,
            r#"["hunter2"]"#,
            "",
        ] {
            let reason = read(line).expect_err(line);
            assert!(!reason.contains(secret) && !reason.is_empty(), "{reason}");
        }
    }

    proptest! {
        #[test]
        fn hostile_lines_never_panic(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = ReadLine::read(&line, &"acme".parse().expect("a name"), NOW);
        }

        #[test]
        fn ends_never_overflow(expires_in: u64, refresh_expires_in: u64) {
            let line = format!(
                r#"{{"user":"a","provider":"p","account":"m","access_token":"t","expires_in":{expires_in},"refresh_expires_in":{refresh_expires_in}}}"#
            );
            let is_short = |seconds| Duration::from_secs(seconds) <= LONGEST_LIFE;
            prop_assert_eq!(read(&line).is_ok(), is_short(expires_in) && is_short(refresh_expires_in));
        }
    }
}
