//! `/v1/api-keys`: made, listed and revoked. A key is shown once, in the reply that makes it.

use core::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::IntoResponse as _;
use serde::{Deserialize, Serialize};

use super::tenants::existing;
use crate::http::api::{Answer, Api, json, secret_json};
use crate::http::path::Path;
use crate::http::refusal::Refusal;
use crate::name::Name;
use crate::sent_tokens::LONGEST_LIFE;
use crate::tables::ApiKey;
use crate::timestamp::Timestamp;
use crate::verb::{Verb, Verbs};

/// Longest label, in bytes.
const LONGEST_LABEL: usize = 256;

#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    tenant: Option<&'a str>,
    label: &'a str,
    verbs: Vec<&'static str>,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
}

impl<'a> Shown<'a> {
    fn of(key: &'a ApiKey) -> Self {
        let allowed = Verb::ALL.into_iter().filter(|verb| key.verbs.allow(*verb));
        Self {
            id: &key.id,
            tenant: key.tenant.as_ref().map(Name::as_str),
            label: &key.label,
            verbs: allowed.map(Verb::as_str).collect(),
            created_at: Timestamp(key.created_at),
            expires_at: key.expires_at.map(Timestamp),
            revoked_at: key.revoked_at.map(Timestamp),
        }
    }
}

#[derive(Serialize)]
struct List<'a> {
    api_keys: Vec<Shown<'a>>,
}

#[derive(Serialize)]
struct Made<'a> {
    #[serde(flatten)]
    shown: Shown<'a>,
    /// The key itself: never again.
    key: &'a str,
}

pub(in crate::http) async fn list(State(api): State<Api>, request: Parts) -> Answer {
    let (_, tenant) = api.asked_of_any(&request, Verb::Admin).await?;
    let keys = api.broker.tables().api_keys(tenant.as_ref()).await?;
    Ok(json(StatusCode::OK, List { api_keys: keys.iter().map(Shown::of).collect() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    label: String,
    verbs: Vec<String>,
    /// Seconds.
    expires_in: Option<u64>,
}

impl Sent {
    fn check(&self) -> Result<Verbs, Refusal> {
        let label = &self.label;
        if !(1..=LONGEST_LABEL).contains(&label.len()) || label.contains(char::is_control) {
            return Err(Refusal::bad_request(
                "`label` is 1 to 256 bytes, without control characters",
            ));
        }
        if self.expires_in.is_some_and(|secs| !(1..=LONGEST_LIFE.as_secs()).contains(&secs)) {
            let detail = format!("`expires_in` is 1 to {} s", LONGEST_LIFE.as_secs());
            return Err(Refusal::bad_request(detail));
        }
        let verbs: Result<Vec<Verb>, _> = self.verbs.iter().map(|verb| verb.parse()).collect();
        match verbs {
            Ok(verbs) if !verbs.is_empty() && verbs.len() <= Verb::ALL.len() => {
                Ok(verbs.into_iter().collect())
            }
            _ => Err(Refusal::bad_request(
                "`verbs` are one or more of read, token, write, import, admin",
            )),
        }
    }
}

pub(in crate::http) async fn make(State(api): State<Api>, request: Parts, sent: Body) -> Answer {
    let (caller, tenant) = api.asked_of_any(&request, Verb::Admin).await?;
    let sent: Sent = api.json(&request, sent).await?;
    let verbs = sent.check()?;
    if let Some(tenant) = &tenant {
        existing(&api, tenant).await?;
    }
    let expires_at = sent.expires_in.map(|secs| api.now().plus(Duration::from_secs(secs)));
    let made = api.broker.tables().make_api_key(tenant, &sent.label, verbs, expires_at).await;
    let (key, secret) = made?;
    api.note(&caller, key.tenant.as_ref(), "api_key.make", &key.id).await?;
    let made = Made { shown: Shown::of(&key), key: secret.expose() };
    Ok(secret_json(StatusCode::CREATED, made))
}

pub(in crate::http) async fn revoke(
    State(api): State<Api>,
    request: Parts,
    Path(id): Path<String>,
) -> Answer {
    let (caller, tenant) = api.asked_of_any(&request, Verb::Admin).await?;
    if !api.broker.tables().revoke_api_key(&id, tenant.as_ref()).await? {
        return Err(Refusal::not_found("there is no API key of that id, or it was revoked before"));
    }
    api.note(&caller, tenant.as_ref(), "api_key.revoke", &id).await?;
    // Elsewhere it is good for as long as it is remembered: a few seconds.
    api.keys.forget(&id);
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_for_each_key() {
        let check = |text: &str| {
            let sent = serde_json::from_str::<Sent>(text).ok()?;
            sent.check().ok().map(|verbs| verbs.to_string())
        };
        let ok = |verbs: &str| Some(verbs.to_owned());
        assert_eq!(check("{\"label\":\"a\",\"verbs\":[\"token\",\"read\"]}"), ok("read token"));
        assert_eq!(check("{\"label\":\"a\",\"verbs\":[\"admin\"],\"expires_in\":1}"), ok("admin"));
        for bad in [
            "{\"label\":\"a\",\"verbs\":[]}",
            "{\"label\":\"\",\"verbs\":[\"read\"]}",
            "{\"label\":\"\\u0007\",\"verbs\":[\"read\"]}",
            "{\"label\":\"a\",\"verbs\":[\"root\"]}",
            "{\"label\":\"a\",\"verbs\":[\"read\"],\"expires_in\":0}",
            "{\"label\":\"a\",\"verbs\":[\"read\"],\"expires_in\":315360001}",
            "{\"verbs\":[\"read\"]}",
        ] {
            assert_eq!(check(bad), None, "{bad}");
        }
    }
}
