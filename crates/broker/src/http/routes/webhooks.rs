//! `/v1/webhooks`: who is told of events. A secret is shown once, in the reply that draws it.

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::IntoResponse as _;
use serde::{Deserialize, Serialize};
use unlapse::unlapse_core::Secret;

use super::tenants::existing;
use crate::http::api::{Answer, Api, json, secret_json};
use crate::http::caller::Caller;
use crate::http::path::Path;
use crate::http::refusal::Refusal;
use crate::name::Name;
use crate::outward::PrivateHosts;
use crate::sent_secret::SentSecret;
use crate::tables::{DeliveryState, EventKind, Webhook};
use crate::timestamp::Timestamp;
use crate::verb::Verb;
use crate::webhooks::{Delivered, Message, SigningSecret, target};

/// Deliveries that are shown.
const SHOWN: usize = 50;

#[derive(Serialize)]
struct Shown<'a> {
    tenant: &'a str,
    name: &'a str,
    url: &'a str,
    kinds: Vec<&'static str>,
    created_at: Timestamp,
    changed_at: Timestamp,
}

impl<'a> Shown<'a> {
    fn of(webhook: &'a Webhook) -> Self {
        Self {
            tenant: webhook.tenant.as_str(),
            name: webhook.name.as_str(),
            url: &webhook.url,
            kinds: webhook.kinds.iter().map(|kind| kind.as_str()).collect(),
            created_at: Timestamp(webhook.created_at),
            changed_at: Timestamp(webhook.changed_at),
        }
    }
}

#[derive(Serialize)]
struct List<'a> {
    webhooks: Vec<Shown<'a>>,
}

#[derive(Serialize)]
struct WithDeliveries<'a> {
    #[serde(flatten)]
    shown: Shown<'a>,
    /// On their way, or given up; the newest first.
    deliveries: Vec<Pending<'a>>,
}

#[derive(Serialize)]
struct Pending<'a> {
    event: i64,
    attempts: u32,
    /// Null: it was given up.
    due_at: Option<Timestamp>,
    problem: Option<&'a str>,
}

impl<'a> Pending<'a> {
    fn of(state: &'a DeliveryState) -> Self {
        let DeliveryState { event, attempts, due_at, problem, .. } = state;
        let due_at = due_at.map(Timestamp);
        Self { event: *event, attempts: *attempts, due_at, problem: problem.as_deref() }
    }
}

async fn found(api: &Api, tenant: &Name, name: &Name) -> Result<Webhook, Refusal> {
    let webhook = api.broker.tables().webhook(tenant, name).await?;
    webhook.ok_or_else(|| Refusal::no_such("webhook", name))
}

pub(in crate::http) async fn list(State(api): State<Api>, request: Parts) -> Answer {
    let (_, tenant) = api.asked_of_tenant(&request, Verb::Admin).await?;
    let webhooks = api.broker.tables().webhooks(&tenant).await?;
    Ok(json(StatusCode::OK, List { webhooks: webhooks.iter().map(Shown::of).collect() }))
}

pub(in crate::http) async fn show(
    State(api): State<Api>,
    request: Parts,
    Path(text): Path<String>,
) -> Answer {
    let (_, tenant, name) = api.asked_of_named(&request, Verb::Admin, &text).await?;
    let webhook = found(&api, &tenant, &name).await?;
    let deliveries = api.broker.tables().deliveries(&tenant, &webhook.name, SHOWN).await?;
    let deliveries = deliveries.iter().map(Pending::of).collect();
    Ok(json(StatusCode::OK, WithDeliveries { shown: Shown::of(&webhook), deliveries }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    url: String,
    /// Which kinds; none named: all.
    #[serde(default)]
    kinds: Vec<String>,
    /// One that its owner has drawn; without it the one that is there stays, or a new one is drawn.
    secret: Option<SentSecret>,
}

impl Sent {
    fn check(&self, private: &PrivateHosts) -> Result<Vec<EventKind>, Refusal> {
        target(&self.url, private)
            .map_err(|error| Refusal::bad_request(format!("`url`: {error}")))?;
        if let Some(SentSecret(secret)) = &self.secret {
            SigningSecret::parse(secret)
                .map_err(|error| Refusal::bad_request(format!("`secret`: {error}")))?;
        }
        let mut kinds: Vec<EventKind> = Vec::new();
        for kind in &self.kinds {
            match kind.parse() {
                Ok(kind) if !kinds.contains(&kind) => kinds.push(kind),
                _ => {
                    return Err(Refusal::bad_request(
                        "`kinds` are kinds of events, each of them once",
                    ));
                }
            }
        }
        Ok(kinds)
    }
}

pub(in crate::http) async fn put(
    State(api): State<Api>,
    request: Parts,
    Path(text): Path<String>,
    sent: Body,
) -> Answer {
    let (caller, tenant, name) = api.asked_of_named(&request, Verb::Admin, &text).await?;
    let sent: Sent = api.json(&request, sent).await?;
    let kinds = sent.check(&api.receivers)?;
    existing(&api, &tenant).await?;
    let before = api.broker.tables().webhook(&tenant, &name).await?;
    let secret = sent.secret.map(|SentSecret(secret)| secret);
    let secret = secret.or(before.map(|webhook| webhook.secret));
    let secret = secret.unwrap_or_else(|| SigningSecret::draw().to_text());
    keep(&api, &caller, tenant, name, sent.url, kinds, secret).await
}

async fn keep(
    api: &Api,
    caller: &Caller,
    tenant: Name,
    name: Name,
    url: String,
    kinds: Vec<EventKind>,
    secret: Secret,
) -> Answer {
    let (created_at, changed_at) = (api.now(), api.now());
    let webhook = Webhook { tenant, name, url, kinds, secret, created_at, changed_at };
    api.broker.tables().put_webhook(&webhook).await?;
    let Webhook { tenant, name, .. } = &webhook;
    api.note(caller, Some(tenant), "webhook.put", name.as_str()).await?;
    let webhook = found(api, tenant, name).await?;
    Ok(json(StatusCode::OK, Shown::of(&webhook)))
}

#[derive(Serialize)]
struct Drawn<'a> {
    secret: &'a str,
}

/// Draws a new secret: the only reply that has it.
pub(in crate::http) async fn draw(
    State(api): State<Api>,
    request: Parts,
    Path(text): Path<String>,
) -> Answer {
    let (caller, tenant, name) = api.asked_of_named(&request, Verb::Admin, &text).await?;
    let mut webhook = found(&api, &tenant, &name).await?;
    webhook.secret = SigningSecret::draw().to_text();
    api.broker.tables().put_webhook(&webhook).await?;
    api.note(&caller, Some(&tenant), "webhook.secret", name.as_str()).await?;
    Ok(secret_json(StatusCode::OK, Drawn { secret: webhook.secret.expose() }))
}

pub(in crate::http) async fn remove(
    State(api): State<Api>,
    request: Parts,
    Path(text): Path<String>,
) -> Answer {
    let (caller, tenant, name) = api.asked_of_named(&request, Verb::Admin, &text).await?;
    if !api.broker.tables().remove_webhook(&tenant, &name).await? {
        return Err(Refusal::no_such("webhook", &name));
    }
    api.note(&caller, Some(&tenant), "webhook.remove", name.as_str()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Serialize)]
struct Tested {
    delivered: bool,
}

/// Sends one message now, so that its owner sees whether it arrives.
pub(in crate::http) async fn test(
    State(api): State<Api>,
    request: Parts,
    Path(text): Path<String>,
) -> Answer {
    let (_, tenant, name) = api.asked_of_named(&request, Verb::Admin, &text).await?;
    let webhook = found(&api, &tenant, &name).await?;
    let unusable = || Refusal::bad_request("the webhook's address or secret can no longer be used");
    let secret = SigningSecret::parse(&webhook.secret).map_err(|_| unusable())?;
    let url = target(&webhook.url, &api.receivers).map_err(|_| unusable())?;
    let now = api.now();
    let message = Message::test(now);
    let sent = api.soon(&request, api.post.send(&url, &secret, &message, now)).await?;
    Ok(json(StatusCode::OK, Tested { delivered: sent == Delivered::Yes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_for_each_webhook() {
        let check = |text: &str, private: bool| {
            let private = if private { PrivateHosts::every() } else { PrivateHosts::default() };
            serde_json::from_str::<Sent>(text).is_ok_and(|sent| sent.check(&private).is_ok())
        };
        for good in [
            "{\"url\":\"https://a.example/\"}",
            "{\"url\":\"https://a.example/\",\"kinds\":[\"connection.needs_user\"]}",
        ] {
            assert!(check(good, false), "{good}");
        }
        for bad in [
            "{\"url\":\"http://a.example/\"}",
            "{\"url\":\"https://10.0.0.1/\"}",
            "{\"url\":\"https://a.example/\",\"kinds\":[\"all\"]}",
            "{\"url\":\"https://a.example/\",\"kinds\":[\"connection.removed\",\"connection.removed\"]}",
            "{\"url\":\"https://a.example/\",\"secret\":\"whsec_AAAA\"}",
            "{}",
        ] {
            assert!(!check(bad, false), "{bad}");
        }
        assert!(check("{\"url\":\"http://10.0.0.1/\"}", true));
    }
}
