//! A plain `token.json`, as programs that have no sealed store leave behind. Whoever wrote it is a
//! stranger.

use std::time::Duration;

use serde::Deserialize;
use unlapse::Login;
use unlapse_core::{Grant, Now, Record, Secret, State, UnixTime};

/// Largest file that is read.
pub(crate) const LARGEST: u64 = 32 * 1024;

/// Why a file is no login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenFileError {
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// It is no regular file, or cannot be read.
    #[error("it is no regular file that can be read")]
    NotAFile,
    /// Others may have written it.
    #[error("others than its owner may write to it")]
    Exposed,
    /// It is larger than 32 KiB.
    #[error("it is larger than 32 KiB")]
    TooLarge,
    /// It is no JSON object, or a member has a type that it never has.
    #[error("it is no JSON object with the members of a token reply")]
    Unreadable,
    /// It has neither `access_token` nor `refresh_token`.
    #[error("it has neither `access_token` nor `refresh_token`")]
    NoToken,
    /// A token has characters that no request can carry.
    #[error("a token in it has characters that no request can carry")]
    Unsendable,
    /// `token_type` is not `Bearer`. A token that is bound to a key (RFC 9449) is of no use without it.
    #[error("its `token_type` is not `Bearer`")]
    TokenType,
    /// `expires_at` or `expires_in` is no number.
    #[error("its `expires_at` or `expires_in` is no number")]
    Expiry,
}

impl TokenFileError {
    /// The stable name of this error.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "token_file_missing",
            Self::NotAFile => "token_file_not_a_file",
            Self::Exposed => "token_file_exposed",
            Self::TooLarge => "token_file_too_large",
            Self::Unreadable => "token_file_unreadable",
            Self::NoToken => "token_file_no_token",
            Self::Unsendable => "token_file_unsendable",
            Self::TokenType => "token_file_token_type",
            Self::Expiry => "token_file_expiry",
        }
    }
}

/// What such a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenFile {
    access_token: Option<Secret>,
    refresh_token: Option<Secret>,
    /// When the access token ends, where the file says so.
    expires_at: Option<UnixTime>,
}

/// The members that are read; there may be others.
#[derive(Deserialize)]
struct Members {
    access_token: Option<String>,
    refresh_token: Option<String>,
    token_type: Option<String>,
    expires_at: Option<Number>,
    expires_in: Option<Number>,
    obtained_at: Option<Number>,
}

/// Some write numbers as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(f64),
    Text(String),
}

impl Number {
    fn value(&self) -> Result<f64, TokenFileError> {
        let value = match self {
            Self::Number(number) => *number,
            Self::Text(text) => text.trim().parse().map_err(|_| TokenFileError::Expiry)?,
        };
        if value.is_finite() && value >= 0.0 { Ok(value) } else { Err(TokenFileError::Expiry) }
    }

    fn duration(&self) -> Result<Duration, TokenFileError> {
        Ok(Duration::try_from_secs_f64(self.value()?).unwrap_or(Duration::MAX))
    }

    /// A point in time. Programs in JavaScript count milliseconds: what would lie beyond the year 5000
    /// in seconds is one of theirs.
    fn time(&self) -> Result<UnixTime, TokenFileError> {
        const MILLIS_FROM: f64 = 1e11;
        let value = self.value()?;
        let seconds = if value < MILLIS_FROM { value } else { value / 1000.0 };
        let since = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        Ok(UnixTime::default().plus(since))
    }
}

impl TokenFile {
    /// Reads a file that was last written at `written`: what `expires_in` counts from, where the file
    /// does not say when the token was obtained.
    pub(crate) fn parse(text: &[u8], written: UnixTime) -> Result<Self, TokenFileError> {
        // The error of the JSON may quote a secret.
        let members: Members =
            serde_json::from_slice(text).map_err(|_| TokenFileError::Unreadable)?;
        if members.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("Bearer")) {
            return Err(TokenFileError::TokenType);
        }
        let secret = |text: Option<String>| match text.map(Secret::from) {
            Some(secret) if secret.is_empty() => Ok(None),
            Some(secret) if !secret.is_sendable() => Err(TokenFileError::Unsendable),
            secret => Ok(secret),
        };
        let access_token = secret(members.access_token)?;
        let refresh_token = secret(members.refresh_token)?;
        if access_token.is_none() && refresh_token.is_none() {
            return Err(TokenFileError::NoToken);
        }
        let obtained = members.obtained_at.map(|at| at.time()).transpose()?.unwrap_or(written);
        let by_life = members.expires_in.map(|life| life.duration()).transpose()?;
        let by_life = by_life.map(|life| obtained.plus(life));
        let by_date = members.expires_at.map(|at| at.time()).transpose()?;
        // Of two ends, the earlier one.
        let expires_at = by_date.into_iter().chain(by_life).min();
        Ok(Self { access_token, refresh_token, expires_at })
    }

    /// Whether this login takes the place of what `record` has. A login that is alive stays: its
    /// refresh token is the newer one. So does one that ended with this very refresh token.
    pub(crate) fn takes_place_of(&self, record: &Record) -> bool {
        match (&record.token, record.state) {
            (None, _) => true,
            (Some(_), State::Active) => false,
            (Some(token), State::NeedsLogin(_)) => {
                let (held, brought) = (&token.refresh_token, &self.refresh_token);
                brought.is_some() && brought != held
            }
        }
    }

    /// `record` with this login. An access token that has ended is left out: the refresh token buys
    /// another when one is needed.
    pub(crate) fn brought_to(&self, record: &Record, now: Now) -> Record {
        let left = self.expires_at.map(|at| at.since(now.wall));
        let alive = self.access_token.as_ref().filter(|_| left != Some(Duration::ZERO));
        let (Some(access_token), refresh_token) = (alive, &self.refresh_token) else {
            let refresh_token = self.refresh_token.clone();
            return Login { refresh_token, ..Login::default() }.brought_to(record, now);
        };
        let mut grant = Grant::bearer(access_token.clone());
        grant.refresh_token.clone_from(refresh_token);
        grant.expires_in = left;
        record.logged_in(grant, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unlapse_core::LoginReason;

    const WRITTEN: UnixTime = UnixTime::from_secs(1_700_000_000);

    fn parse(text: &str) -> Result<TokenFile, TokenFileError> {
        TokenFile::parse(text.as_bytes(), WRITTEN)
    }

    fn end(text: &str) -> Option<u64> {
        parse(text).expect("a login").expires_at.map(UnixTime::as_secs)
    }

    #[test]
    fn a_row_for_each_way_to_write_an_expiry() {
        let rows = [
            (r#""expires_at": 1700000600"#, Some(1_700_000_600)),
            (r#""expires_at": 1700000600.9"#, Some(1_700_000_600)),
            (r#""expires_at": "1700000600""#, Some(1_700_000_600)),
            (r#""expires_at": 1700000600000"#, Some(1_700_000_600)),
            (r#""expires_in": 3600"#, Some(1_700_003_600)),
            (r#""expires_in": 3600, "obtained_at": 1600000000"#, Some(1_600_003_600)),
            (r#""expires_in": 3600, "expires_at": 1700000600"#, Some(1_700_000_600)),
            (r#""expires_at": null"#, None),
            (r#""scope": "read""#, None),
        ];
        for (member, expected) in rows {
            assert_eq!(end(&format!(r#"{{"access_token":"at",{member}}}"#)), expected, "{member}");
        }
        // However far the end, it is one that can be reckoned with.
        assert!(end(r#"{"access_token":"at","expires_in":1e300}"#).is_some());
        assert!(end(r#"{"access_token":"at","expires_at":1e300}"#).is_some());
    }

    #[test]
    fn a_row_for_each_file_that_is_no_login() {
        use TokenFileError as E;
        let rows = [
            ("", E::Unreadable),
            ("[]", E::Unreadable),
            ("null", E::Unreadable),
            ("{", E::Unreadable),
            (r#"{"access_token": 7}"#, E::Unreadable),
            (r#"{"access_token": "a", "access_token": "b"}"#, E::Unreadable),
            ("{}", E::NoToken),
            (r#"{"access_token": "", "refresh_token": ""}"#, E::NoToken),
            (r#"{"access_token": "a b"}"#, E::Unsendable),
            (r#"{"access_token": "a", "refresh_token": "b\r\nx: y"}"#, E::Unsendable),
            (r#"{"access_token": "a", "token_type": "DPoP"}"#, E::TokenType),
            (r#"{"access_token": "a", "expires_at": "tomorrow"}"#, E::Expiry),
            (r#"{"access_token": "a", "expires_at": "2026-01-01T00:00:00Z"}"#, E::Expiry),
            (r#"{"access_token": "a", "expires_in": -1}"#, E::Expiry),
            (r#"{"access_token": "a", "expires_in": "NaN"}"#, E::Expiry),
            (r#"{"access_token": "a", "expires_in": []}"#, E::Unreadable),
        ];
        for (text, expected) in rows {
            assert_eq!(parse(text), Err(expected), "{text}");
        }
        let deep = "[".repeat(30_000);
        assert_eq!(parse(&deep), Err(E::Unreadable));
        assert_eq!(TokenFile::parse(b"{\"access_token\":\"\xff\"}", WRITTEN), Err(E::Unreadable));
    }

    fn alive() -> Record {
        let mut grant = Grant::bearer(Secret::new("at-0"));
        grant.refresh_token = Some(Secret::new("rt-0"));
        Record::default().logged_in(grant, Now::default())
    }

    #[test]
    fn a_login_that_is_alive_is_not_replaced() {
        let file = parse(r#"{"access_token":"at","refresh_token":"rt"}"#).expect("a login");
        let same = parse(r#"{"access_token":"at","refresh_token":"rt-0"}"#).expect("a login");
        let bare = parse(r#"{"access_token":"at"}"#).expect("a login");
        let ended = alive().ended(LoginReason::RefreshRejected);
        let rows = [
            (&file, Record::default(), true),
            (&file, alive().cleared(Now::default()), true),
            (&file, alive(), false),
            (&file, ended.clone(), true),
            (&same, ended.clone(), false),
            (&bare, ended, false),
        ];
        for (file, record, expected) in rows {
            assert_eq!(file.takes_place_of(&record), expected, "{file:?} over {record:?}");
        }
    }

    #[test]
    fn an_access_token_that_has_ended_is_left_to_the_refresh_token() {
        let file = r#"{"access_token":"at","refresh_token":"rt","expires_at":1700000600}"#;
        let file = parse(file).expect("a login");
        let early = Now { wall: WRITTEN, ..Now::default() };
        let token = file.brought_to(&Record::default(), early).token.expect("a token");
        assert_eq!(token.access_token, Secret::new("at"));
        assert_eq!(token.lifetime, Some(Duration::from_secs(600)));
        assert_eq!(token.refresh_token, Some(Secret::new("rt")));

        let late = early.plus(Duration::from_secs(600));
        let record = file.brought_to(&Record::default(), late);
        assert!(record.token.as_ref().expect("a token").is_expired(&late));
        assert_eq!(record.refresh_token(&late), Some(&Secret::new("rt")));
        assert_eq!(record.generation, 1);
    }

    #[test]
    fn no_debug_or_error_quotes_a_secret() {
        let file = parse(r#"{"access_token":"canary-1","refresh_token":"canary-2"}"#);
        let error = parse(r#"{"access_token":"canary-3","expires_in":"canary-4"}"#);
        let shown = format!("{file:?} {error:?} {}", error.as_ref().expect_err("no number"));
        assert!(!shown.contains("canary"), "{shown}");
    }
}
