//! How a login is doing: one value, made purely from what was read.

use std::time::Duration;

use unlapse_core::{
    Admission, Failure, Freshness, Holder, LoginReason, Now, Place, Rungs, State, StoreError,
    Stored, UnixTime,
};
use unlapse_oauth::dpop::SenderKey;

use crate::config::{Grant, Profile};
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::wiring;

/// How a profile's login is doing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standing {
    pub(crate) profile: String,
    pub(crate) account: Option<String>,
    pub(crate) token: Token,
    pub(crate) storage: Storage,
    pub(crate) generation: u64,
    pub(crate) obtained_at: Option<UnixTime>,
    pub(crate) lifetime: Option<Duration>,
    pub(crate) has_refresh_token: bool,
    /// The name of the key that the login is bound to (RFC 9449 §6.1).
    pub(crate) jkt: Option<String>,
    /// The ways to a token (R14). With a login, there need be none: configured or stored credentials
    /// obtain it without a person. The API key is the profile's own, or its last rung.
    pub(crate) rungs: Rungs,
    pub(crate) refresh_ends_at: Option<UnixTime>,
    pub(crate) needs_login: Option<LoginReason>,
    pub(crate) in_doubt: bool,
    pub(crate) doubts: u32,
    pub(crate) failure: Option<Failure>,
    pub(crate) holder: Option<Holder>,
    pub(crate) breaker_open_until: Option<UnixTime>,
    pub(crate) problem: Option<Diagnosis>,
}

/// The access token's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// There is none: nobody has logged in, or nobody has to.
    Absent,
    /// Valid; renewal is due in so long. `left` is `None` without an end.
    Valid { left: Option<Duration>, due_in: Option<Duration> },
    /// Valid, and renewal is due.
    Due { left: Duration },
    /// It has ended, and is served for so long yet, since its server cannot be reached (K12).
    Stale { since: Duration, left: Duration },
    /// It may not be used any more.
    Expired { since: Duration },
    /// The profile is an API key.
    ApiKey { is_set: bool },
    /// The record cannot be read.
    Unreadable,
}

/// Where the newest record lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// There is none.
    Nothing,
    /// In its place.
    Saved,
    /// Set aside: it still has to be saved (R5).
    Unsaved,
}

impl Standing {
    pub(crate) fn of(
        profile: &Profile,
        stored: Result<Option<Stored>, StoreError>,
        has_api_key: bool,
        holder: Option<Holder>,
        breaker: Admission,
        now: &Now,
    ) -> Self {
        let mut standing = Self {
            profile: profile.name.clone(),
            account: profile.account.clone(),
            token: Token::Absent,
            storage: Storage::Nothing,
            generation: 0,
            obtained_at: None,
            lifetime: None,
            has_refresh_token: false,
            jkt: None,
            rungs: Rungs { api_key: has_api_key, ..wiring::rungs(profile, None) },
            refresh_ends_at: None,
            needs_login: None,
            in_doubt: false,
            doubts: 0,
            failure: None,
            holder,
            breaker_open_until: match breaker {
                Admission::Open { until } => Some(until),
                Admission::Closed | Admission::Trial => None,
            },
            problem: None,
        };
        if matches!(profile.grant, Grant::ApiKey(_)) {
            standing.token = Token::ApiKey { is_set: has_api_key };
            return standing;
        }
        let Stored { record, place } = match stored {
            Ok(Some(stored)) => stored,
            Ok(None) => return standing,
            Err(error) => {
                standing.token = Token::Unreadable;
                standing.problem = Some(Diagnosis::of_store(&error, &profile.name));
                return standing;
            }
        };
        standing.storage = match place {
            Place::Kept => Storage::Saved,
            Place::SetAside => Storage::Unsaved,
        };
        standing.rungs =
            Rungs { api_key: has_api_key, ..wiring::rungs(profile, record.credentials.as_ref()) };
        standing.generation = record.generation;
        standing.in_doubt = record.intent.is_some();
        standing.doubts = record.doubts;
        standing.failure = record.failure;
        if let State::NeedsLogin(reason) = record.state {
            standing.needs_login = Some(reason);
        }
        if let Some(token) = &record.token {
            standing.obtained_at = Some(token.obtained.wall);
            standing.lifetime = token.lifetime;
            let key = token.sender_key.as_ref();
            standing.jkt = key.and_then(|key| Some(SenderKey::parse(key).ok()?.thumbprint()));
            standing.has_refresh_token = record.refresh_token(now).is_some();
            standing.refresh_ends_at = token
                .refresh_idle
                .map(|idle| token.obtained.wall.plus(idle))
                .into_iter()
                .chain(token.refresh_ends_at)
                .min();
            // There is a token, so that it has a freshness.
            let freshness = record.freshness(&profile.key(), now, &profile.policy);
            standing.token = match freshness.unwrap_or(Freshness::Expired) {
                Freshness::Fresh { due_in } => Token::Valid {
                    left: token.left(now),
                    due_in: (due_in != Duration::MAX).then_some(due_in),
                },
                Freshness::Due { left } => Token::Due { left },
                Freshness::Expired => {
                    let age = now.since(&token.obtained);
                    let since = age.saturating_sub(token.lifetime.unwrap_or_default());
                    let is_away = record.is_away() || standing.breaker_open_until.is_some();
                    match record.stale_left(now, &profile.policy).filter(|_| is_away) {
                        Some(left) => Token::Stale { since, left },
                        None => Token::Expired { since },
                    }
                }
            };
        }
        standing
    }

    /// What is left of the token's life, if it is valid.
    pub(crate) fn left(&self) -> Option<Duration> {
        match self.token {
            Token::Valid { left, .. } => Some(left.unwrap_or(Duration::MAX)),
            Token::Due { left } => Some(left),
            Token::ApiKey { is_set: true } => Some(Duration::MAX),
            _ => None,
        }
    }

    /// For scripts: whether there is a token that is valid for `min_ttl` more, and if not, what
    /// `token` would probably say.
    pub(crate) fn check(&self, min_ttl: Duration) -> Exit {
        match (self.left(), &self.problem, self.needs_login, self.token) {
            (Some(left), ..) if left >= min_ttl => Exit::Ok,
            (_, Some(problem), ..) => problem.exit,
            _ if self.is_to_come() => Exit::Temporary,
            // The last rung, which has no end.
            (_, _, Some(_), _) | (.., Token::Absent) if self.rungs.api_key => Exit::Ok,
            (_, _, Some(_), _) | (.., Token::Absent | Token::ApiKey { .. }) => Exit::LoginNeeded,
            _ => Exit::Temporary,
        }
    }

    /// There is no token, and `token` obtains one without a person.
    pub(crate) fn is_to_come(&self) -> bool {
        self.token == Token::Absent && self.needs_login.is_none() && self.rungs.login
    }

    /// What a person should do next, if anything.
    pub(crate) fn next(&self) -> Option<String> {
        let name = &self.profile;
        if let Some(problem) = &self.problem {
            return Some(problem.hint.clone());
        }
        match self.token {
            Token::ApiKey { is_set: false } => {
                return Some("set the variable that `api_key_env` names".to_owned());
            }
            Token::ApiKey { is_set: true } => return None,
            Token::Absent if !self.is_to_come() => {
                return Some(format!("run: unlapse login {name}"));
            }
            _ => {}
        }
        if self.needs_login.is_some() {
            return Some(format!("run: unlapse login {name}"));
        }
        if self.storage == Storage::Unsaved {
            return Some(format!("make room or remount the disk, then run: unlapse token {name}"));
        }
        if self.breaker_open_until.is_some() {
            return Some("wait, or ask again at once: unlapse doctor --reset-breaker".to_owned());
        }
        if self.is_to_come() {
            return None;
        }
        if matches!(self.token, Token::Expired { .. } | Token::Stale { .. }) {
            return Some(format!("it is renewed when next asked for: unlapse token {name}"));
        }
        None
    }
}
