//! `/v1/connections`: seen, brought, listed and removed.

use core::time::Duration;
use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse as _;
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use crate::broker::{Brought, Filter};
use crate::connection_id::ConnectionId;
use crate::cursor;
use crate::http::api::{Answer, Api, json};
use crate::http::path::{Names, Path};
use crate::http::refusal::Refusal;
use crate::http::shown::Shown;
use crate::problem::Problem;
use crate::sent_secret::SentSecret;
use crate::sent_tokens::SentTokens;
use crate::verb::Verb;

/// Connections in a part of a list, where nothing is said.
const PART: u16 = 100;
/// The most.
const MOST: u16 = 500;

pub(in crate::http) async fn show(
    State(api): State<Api>,
    request: Parts,
    Path(names): Path<Names>,
) -> Answer {
    let (_, id) = api.asked_of_connection(&request, Verb::Read, names).await?;
    let connection = api.broker.connection(&id).await?;
    Ok(json(StatusCode::OK, Shown::of(&connection)))
}

pub(in crate::http) async fn put(
    State(api): State<Api>,
    request: Parts,
    Path(names): Path<Names>,
    sent: Body,
) -> Answer {
    let (caller, id) = api.asked_of_connection(&request, Verb::Write, names).await?;
    let sent: Sent = api.json(&request, sent).await?;
    let connection = api.broker.put(&id, sent.check()?, &caller.actor).await?;
    Ok(json(StatusCode::OK, Shown::of(&connection)))
}

pub(in crate::http) async fn remove(
    State(api): State<Api>,
    request: Parts,
    Path(names): Path<Names>,
) -> Answer {
    let (caller, id) = api.asked_of_connection(&request, Verb::Write, names).await?;
    api.soon(&request, api.broker.remove(&id, &caller.actor)).await??;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The tokens of a connection, as they are brought.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Sent {
    access_token: Option<SentSecret>,
    refresh_token: Option<SentSecret>,
    expires_in: Option<u64>,
    refresh_expires_in: Option<u64>,
    scope: Option<String>,
    token_type: Option<String>,
    metadata: BTreeMap<String, String>,
}

impl Sent {
    fn check(self) -> Result<Brought, Problem> {
        let tokens = SentTokens {
            access_token: self.access_token,
            refresh_token: self.refresh_token,
            expires_in: self.expires_in.map(Duration::from_secs),
            refresh_expires_in: self.refresh_expires_in.map(Duration::from_secs),
            scope: self.scope,
            token_type: self.token_type,
            metadata: self.metadata,
        };
        tokens.check()
    }
}

#[derive(Serialize)]
struct List<'a> {
    connections: Vec<Shown<'a>>,
    /// Where the next part begins.
    next: Option<String>,
}

pub(in crate::http) async fn list(State(api): State<Api>, request: Parts) -> Answer {
    let known = ["tenant", "state", "provider", "user", "limit", "cursor"];
    let (caller, params) = api.asked(&request, Verb::Read, &known).await?;
    let tenant = caller.tenant(&params, &request.headers)?;
    let needs_user = match params.value("state") {
        None => None,
        Some("active") => Some(false),
        Some("needs_user") => Some(true),
        Some(_) => return Err(Refusal::bad_request("`state` is `active` or `needs_user`")),
    };
    let user = params.value("user").map(str::to_owned);
    if user.as_ref().is_some_and(|user| !(1..=ConnectionId::MAX).contains(&user.len())) {
        return Err(Refusal::bad_request("`user` is 1 to 256 bytes"));
    }
    let filter = Filter { needs_user, provider: params.parsed("provider")?, user };
    let limit = params.limit(PART, MOST)?;
    let after = params.value("cursor").map(|cursor| cursor::read(cursor, &tenant)).transpose()?;
    let page = api.broker.connections(&tenant, &filter, after.as_ref(), limit).await?;
    let next = page.next.as_ref().map(cursor::after);
    let link = next.as_ref().map(|cursor| next_link(request.uri.query(), cursor));
    let connections = page.connections.iter().map(Shown::of).collect();
    let mut response = json(StatusCode::OK, List { connections, next });
    if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// RFC 8288: the same list, from `cursor` on.
fn next_link(query: Option<&str>, cursor: &str) -> String {
    let asked = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut next = form_urlencoded::Serializer::new(String::new());
    next.extend_pairs(asked.filter(|(name, _)| name != "cursor"));
    next.append_pair("cursor", cursor);
    format!("</v1/connections?{}>; rel=\"next\"", next.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rfc8288_the_link_asks_for_the_same() {
        let link = next_link(Some("user=a%2Fb&limit=2&cursor=old"), "new");
        assert_eq!(link, "</v1/connections?user=a%2Fb&limit=2&cursor=new>; rel=\"next\"");
    }

    proptest! {
        #[test]
        fn no_link_ends_its_header_early(query in "\\PC{0,80}") {
            let link = next_link(Some(&query), "c");
            prop_assert!(HeaderValue::from_str(&link).is_ok());
            prop_assert_eq!(link.matches('>').count(), 1);
        }
    }
}
