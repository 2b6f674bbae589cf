//! `POST …/token` and `POST …/refresh`.

use core::time::Duration;
use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use unlapse::unlapse_core::UnixTime;

use crate::broker::{HandedOut, Retries, TokenWanted};
use crate::http::api::{Answer, Api, json, secret_json};
use crate::http::path::{Names, Path};
use crate::http::refusal::Refusal;
use crate::http::shown::Shown;
use crate::timestamp::Timestamp;
use crate::verb::Verb;

/// Longest `min_ttl`: a day.
const LONGEST_TTL: u64 = 86_400;
/// Most retries, and longest delay (I2).
const MOST_RETRIES: u32 = 10;
const LONGEST_DELAY: u64 = 60_000;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wanted {
    /// Seconds.
    min_ttl: Option<u64>,
    force: bool,
}

impl Wanted {
    fn check(&self) -> Result<TokenWanted, Refusal> {
        let mut wanted = TokenWanted { force: self.force, ..TokenWanted::default() };
        match self.min_ttl {
            Some(0..=LONGEST_TTL) | None => {}
            Some(_) => return Err(Refusal::bad_request("`min_ttl` is 0 to 86400 s")),
        }
        if let Some(secs) = self.min_ttl {
            wanted.min_ttl = Duration::from_secs(secs);
        }
        Ok(wanted)
    }
}

/// A token as it leaves, with what goes beside it (RFC 6749 §5.1).
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the words of the RFC")]
struct Token<'a> {
    access_token: &'a str,
    token_type: &'a str,
    /// Seconds.
    expires_in: Option<u64>,
    expires_at: Option<Timestamp>,
    scope: Option<&'a str>,
    generation: u64,
    metadata: &'a BTreeMap<String, String>,
}

impl<'a> Token<'a> {
    fn of(token: &'a HandedOut, now: UnixTime) -> Self {
        Self {
            access_token: token.access_token.expose(),
            token_type: &token.token_type,
            expires_in: token.expires_at.map(|at| at.since(now).as_secs()),
            expires_at: token.expires_at.map(Timestamp),
            scope: token.scope.as_deref(),
            generation: token.generation,
            metadata: &token.metadata,
        }
    }
}

pub(in crate::http) async fn token(
    State(api): State<Api>,
    request: Parts,
    Path(names): Path<Names>,
    sent: Body,
) -> Answer {
    let (caller, id) = api.asked_of_connection(&request, Verb::Token, names).await?;
    let wanted: Wanted = api.json_or_default(&request, sent).await?;
    let wanted = wanted.check()?;
    if wanted.force {
        api.lengthen(&request)?;
    }
    let token = api.soon(&request, api.broker.token(&id, wanted, &caller.actor)).await??;
    Ok(secret_json(StatusCode::OK, Token::of(&token, api.now())))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Tries {
    max_retries: Option<u32>,
    initial_delay_ms: Option<u64>,
    max_delay_ms: Option<u64>,
}

impl Tries {
    fn check(&self) -> Result<Retries, Refusal> {
        let mut retries = Retries::default();
        if let Some(count) = self.max_retries {
            if count > MOST_RETRIES {
                return Err(Refusal::bad_request("`max_retries` is 0 to 10"));
            }
            retries.max_retries = count;
        }
        let delays = [
            ("initial_delay_ms", self.initial_delay_ms, &mut retries.initial_delay),
            ("max_delay_ms", self.max_delay_ms, &mut retries.max_delay),
        ];
        for (name, said, delay) in delays {
            let Some(millis) = said else { continue };
            if millis > LONGEST_DELAY {
                return Err(Refusal::bad_request(format!("`{name}` is 0 to 60000")));
            }
            *delay = Duration::from_millis(millis);
        }
        Ok(retries)
    }
}

pub(in crate::http) async fn refresh(
    State(api): State<Api>,
    request: Parts,
    Path(names): Path<Names>,
    sent: Body,
) -> Answer {
    let (caller, id) = api.asked_of_connection(&request, Verb::Write, names).await?;
    let tries: Tries = api.json_or_default(&request, sent).await?;
    let retries = tries.check()?;
    api.lengthen(&request)?;
    let connection = api.broker.refresh(&id, retries, &caller.actor).await?;
    Ok(json(StatusCode::OK, Shown::of(&connection)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i3_five_minutes_unless_said_otherwise() {
        let wanted = |text: &str| {
            let wanted: Wanted = serde_json::from_str(text).expect("JSON");
            wanted.check().ok().map(|wanted| (wanted.min_ttl.as_secs(), wanted.force))
        };
        assert_eq!(wanted("{}"), Some((300, false)));
        assert_eq!(wanted("{\"min_ttl\":0,\"force\":true}"), Some((0, true)));
        assert_eq!(wanted("{\"min_ttl\":86400}"), Some((86_400, false)));
        assert_eq!(wanted("{\"min_ttl\":86401}"), None);
    }

    #[test]
    fn i2_three_retries_from_1_s_to_10_s_unless_said_otherwise() {
        let retries = |text: &str| {
            let tries: Tries = serde_json::from_str(text).expect("JSON");
            tries.check().ok()
        };
        assert_eq!(retries("{}"), Some(Retries::default()));
        let said = "{\"max_retries\":10,\"initial_delay_ms\":0,\"max_delay_ms\":60000}";
        let delays = (Duration::ZERO, Duration::from_secs(60));
        let expected = Retries { max_retries: 10, initial_delay: delays.0, max_delay: delays.1 };
        assert_eq!(retries(said), Some(expected));
        for bad in
            ["{\"max_retries\":11}", "{\"initial_delay_ms\":60001}", "{\"max_delay_ms\":60001}"]
        {
            assert_eq!(retries(bad), None, "{bad}");
        }
    }
}
