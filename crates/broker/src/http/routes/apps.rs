//! `/v1/apps`: what a tenant has registered at providers. A secret goes in and never comes out.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::IntoResponse as _;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::tenants::existing;
use crate::app::App;
use crate::http::api::{Answer, Api, json};
use crate::http::path::Path;
use crate::http::refusal::Refusal;
use crate::http::scopes::check_words;
use crate::name::Name;
use crate::redirect_uri;
use crate::sent_secret::SentSecret;
use crate::timestamp::Timestamp;
use crate::verb::Verb;

/// Most parameters and places to return to.
const MOST: (usize, usize) = (32, 64);
/// Longest `client_id`, secret and URL, in bytes.
const LONGEST: (usize, usize, usize) = (1024, 16_384, 2000);

#[derive(Serialize)]
struct Shown<'a> {
    tenant: &'a str,
    name: &'a str,
    provider: &'a str,
    client_id: &'a str,
    has_client_secret: bool,
    scopes: &'a [String],
    params: &'a BTreeMap<String, String>,
    return_to: &'a [String],
    /// What to register at the provider.
    redirect_uri: String,
    changed_at: Timestamp,
}

impl<'a> Shown<'a> {
    fn of(api: &Api, app: &'a App) -> Self {
        let App { tenant, name, provider, client_id, client_secret, .. } = app;
        Self {
            tenant: tenant.as_str(),
            name: name.as_str(),
            provider: provider.as_str(),
            client_id,
            has_client_secret: client_secret.is_some(),
            scopes: &app.scopes,
            params: &app.params,
            return_to: &app.return_to,
            redirect_uri: redirect_uri(&api.options.public_url, tenant, name).into(),
            changed_at: Timestamp(app.changed_at),
        }
    }
}

#[derive(Serialize)]
struct List<'a> {
    apps: Vec<Shown<'a>>,
}

async fn found(api: &Api, tenant: &Name, name: &Name) -> Result<App, Refusal> {
    let app = api.broker.tables().app(tenant, name).await?;
    app.ok_or_else(|| Refusal::no_such("app", name))
}

pub(in crate::http) async fn list(State(api): State<Api>, request: Parts) -> Answer {
    let (_, tenant) = api.asked_of_tenant(&request, Verb::Admin).await?;
    let apps = api.broker.tables().apps(Some(&tenant)).await?;
    let apps = apps.iter().map(|app| Shown::of(&api, app)).collect();
    Ok(json(StatusCode::OK, List { apps }))
}

pub(in crate::http) async fn show(
    State(api): State<Api>,
    request: Parts,
    Path(text): Path<String>,
) -> Answer {
    let (_, tenant, name) = api.asked_of_named(&request, Verb::Admin, &text).await?;
    let app = found(&api, &tenant, &name).await?;
    Ok(json(StatusCode::OK, Shown::of(&api, &app)))
}

pub(in crate::http) async fn remove(
    State(api): State<Api>,
    request: Parts,
    Path(text): Path<String>,
) -> Answer {
    let (caller, tenant, name) = api.asked_of_named(&request, Verb::Admin, &text).await?;
    if !api.broker.tables().remove_app(&tenant, &name).await? {
        return Err(Refusal::no_such("app", &name));
    }
    api.note(&caller, Some(&tenant), "app.remove", name.as_str()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    provider: Name,
    client_id: String,
    client_secret: Option<SentSecret>,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    params: BTreeMap<String, String>,
    #[serde(default)]
    return_to: Vec<String>,
}

impl Sent {
    fn check(&self) -> Result<(), Refusal> {
        let bad = |detail: &str| Err(Refusal::bad_request(detail));
        let (params, places) = MOST;
        let (longest_id, longest_secret, longest_url) = LONGEST;
        // RFC 6749 appendix A.1.
        let is_visible = |byte: u8| (b' '..=b'~').contains(&byte);
        let fits = |text: &str, most: usize| {
            (1..=most).contains(&text.len()) && text.bytes().all(is_visible)
        };
        if !fits(&self.client_id, longest_id) {
            return bad("`client_id` is 1 to 1024 printable characters of ASCII");
        }
        let is_secret = |SentSecret(secret): &SentSecret| {
            // A private key has lines.
            let is_ok = |byte: u8| is_visible(byte) || byte == b'\n';
            (1..=longest_secret).contains(&secret.len()) && secret.expose().bytes().all(is_ok)
        };
        if !self.client_secret.as_ref().is_none_or(is_secret) {
            return bad(
                "`client_secret` is 1 to 16384 printable characters of ASCII, or lines of them",
            );
        }
        check_words(&self.scopes)?;
        let is_name = |name: &String| {
            let is_ok = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            (1..=64).contains(&name.len()) && name.bytes().all(is_ok)
        };
        if self.params.len() > params
            || !self.params.iter().all(|(name, text)| is_name(name) && fits(text, 1024))
        {
            return bad(
                "`params` are 32 at most: names of letters, digits and `_`, values of ASCII",
            );
        }
        let is_place = |text: &String| text.len() <= longest_url && is_return_to(text);
        if self.return_to.len() > places || !self.return_to.iter().all(is_place) {
            return bad(
                "`return_to` are 64 URLs at most, `https` or on the loopback, without a fragment",
            );
        }
        Ok(())
    }
}

/// Whether users may be sent there: whoever can write an app may be no more than a tenant.
fn is_return_to(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return false,
    };
    let is_plain =
        url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    is_plain && (url.scheme() == "https" || url.scheme() == "http" && is_loopback)
}

pub(in crate::http) async fn put(
    State(api): State<Api>,
    request: Parts,
    Path(text): Path<String>,
    sent: Body,
) -> Answer {
    let (caller, tenant, name) = api.asked_of_named(&request, Verb::Admin, &text).await?;
    let sent: Sent = api.json(&request, sent).await?;
    sent.check()?;
    existing(&api, &tenant).await?;
    let Sent { provider, client_id, client_secret, scopes, params, return_to } = sent;
    let app = App {
        tenant,
        name,
        provider,
        client_id,
        client_secret: client_secret.map(|SentSecret(secret)| secret),
        scopes,
        params,
        return_to,
        changed_at: api.now(),
    };
    api.check_provider(&app)?;
    api.broker.tables().put_app(&app).await?;
    api.note(&caller, Some(&app.tenant), "app.put", app.name.as_str()).await?;
    let app = found(&api, &app.tenant, &app.name).await?;
    Ok(json(StatusCode::OK, Shown::of(&api, &app)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: &str) -> bool {
        let text = format!("{{\"provider\":\"google\",\"client_id\":\"cid\"{change}}}");
        serde_json::from_str::<Sent>(&text).is_ok_and(|sent| sent.check().is_ok())
    }

    #[test]
    fn a_row_for_each_app() {
        for good in [
            "",
            ",\"client_secret\":\"s\"",
            ",\"client_secret\":\"-----BEGIN PRIVATE KEY-----\\nx\\n\"",
            ",\"scopes\":[\"https://a.example/b\"],\"params\":{\"tenant\":\"x\"}",
            ",\"return_to\":[\"https://a.example/?x=1\",\"http://127.0.0.1:1/\",\"http://[::1]/\"]",
        ] {
            assert!(check(good), "{good}");
        }
        for bad in [
            ",\"client_secret\":\"\"",
            ",\"client_secret\":\"a\\u0000\"",
            ",\"scopes\":[\"a b\"]",
            ",\"scopes\":[\"\"]",
            ",\"params\":{\"a/b\":\"x\"}",
            ",\"return_to\":[\"http://a.example/\"]",
            ",\"return_to\":[\"javascript:alert(1)\"]",
            ",\"return_to\":[\"https://u:p@a.example/\"]",
            ",\"return_to\":[\"https://a.example/#x\"]",
            ",\"return_to\":[\"/here\"]",
            ",\"further\":1",
        ] {
            assert!(!check(bad), "{bad}");
        }
    }
}
