//! What the tests have in common: an exchange with a provider that is played by a server.

use std::collections::BTreeMap;
use std::sync::Arc;

use unlapse::reqwest::{HttpSettings, ReqwestHttp};
use unlapse::tokio::TokioClock;
use unlapse::unlapse_oauth::provider::{Catalogue, Metadata, Provider};
use unlapse::{Endpoint, Exchange as _, ProviderClient, ProviderExchange, Request, Secret};
use unlapse_core::{Door, Grant, Verdict, classify};

use super::server::{Expected, Kind, NO_AUTH, Server};

/// Names and values.
pub(crate) type Pairs = &'static [(&'static str, &'static str)];

pub(crate) fn rehearsed(id: &str, server: &Server) -> Arc<Provider> {
    let stand_in = Endpoint::parse(&server.origin).unwrap();
    let catalogue = Catalogue::built_in();
    Arc::new(catalogue.provider(id).unwrap().rehearsed_at(stand_in).unwrap())
}

pub(crate) fn client(params: Pairs, scope: Option<&str>) -> ProviderClient {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    ProviderClient {
        id: "cid".to_owned(),
        secret: Some(Secret::new("sec")),
        params: params.iter().map(owned).collect::<BTreeMap<_, _>>(),
        scope: scope.map(str::to_owned),
        ..ProviderClient::default()
    }
}

pub(crate) fn metadata(pairs: Pairs) -> Metadata {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn exchange(
    provider: Arc<Provider>,
    client: ProviderClient,
    metadata: Metadata,
) -> ProviderExchange {
    ProviderExchange::new(provider, client, metadata, http(), Arc::new(TokioClock::new()))
}

/// One client for each test, which has a thread of its own: building one reads certificates.
fn http() -> Arc<ReqwestHttp> {
    thread_local! {
        static HTTP: Arc<ReqwestHttp> = Arc::new(ReqwestHttp::new(HttpSettings::default()));
    }
    HTTP.with(Arc::clone)
}

/// Spends `rt-1`.
pub(crate) async fn refresh(exchange: &ProviderExchange) -> Verdict {
    let refresh_token = Secret::new("rt-1");
    let request =
        Request::Refresh { refresh_token: &refresh_token, credentials: None, sender_key: None };
    classify(exchange.send(request).await, Door::Token)
}

/// The tokens of a grant and their lifetimes in seconds, as a line: `at rt 3600 -`.
pub(crate) fn line(grant: &Grant) -> String {
    let seconds = |span: Option<std::time::Duration>| {
        span.map_or_else(|| "-".to_owned(), |span| span.as_secs().to_string())
    };
    let refresh = grant.refresh_token.as_ref().map_or("-", Secret::expose);
    let access = grant.access_token.expose();
    format!(
        "{access} {refresh} {} {}",
        seconds(grant.expires_in),
        seconds(grant.refresh_expires_in)
    )
}

/// A form at `url` that is asked with these `params`, and answered with this JSON.
pub(crate) fn expected(url: &'static str, params: &'static str, reply: &str) -> Expected {
    Expected {
        method: "POST",
        url,
        kind: Kind::Form,
        params,
        headers: vec![NO_AUTH],
        status: 200,
        content_type: "application/json",
        reply: reply.to_owned(),
    }
}
