//! The library at the provider: discovery by issuer, many tasks, late 401s.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use unlapse::dpop::{Algorithm, Dpop, SystemRandom};
use unlapse::reqwest::{HttpSettings, ReqwestHttp};
use unlapse::tokio::TokioClock;
use unlapse::{AuthMethod, Builder, Endpoints, Server, ServerExchange, TokenSource};
use unlapse_core::{Grant, Key, Secret};
use unlapse_store::MemoryStore;

use crate::provider::{BASIC, Client, PUBLIC, Provider};

/// A source that was logged in with a refresh token, and has no access token yet.
pub(crate) async fn source(
    provider: &Provider,
    client: Client,
    refresh_token: String,
) -> TokenSource {
    logged_in(provider, client, refresh_token, false).await
}

/// The same, whose login is bound to a key (RFC 9449).
pub(crate) async fn bound_source(
    provider: &Provider,
    client: Client,
    refresh_token: String,
) -> TokenSource {
    logged_in(provider, client, refresh_token, true).await
}

async fn logged_in(
    provider: &Provider,
    client: Client,
    refresh_token: String,
    dpop: bool,
) -> TokenSource {
    let server = Server {
        dpop,
        auth: if client.secret.is_some() { AuthMethod::Basic } else { AuthMethod::None },
        client_secret: client.secret.map(Secret::new),
        ..Server::public(
            client.id,
            Endpoints {
                issuer: Some(provider.issuer().parse().expect("an issuer")),
                ..Endpoints::default()
            },
        )
    };
    let http = Arc::new(ReqwestHttp::new(HttpSettings::default()));
    let clock = Arc::new(TokioClock::new());
    let prover = Dpop::new(Algorithm::default(), clock.clone(), Arc::new(SystemRandom));
    let exchange = ServerExchange::new(server, http, clock).prover(Arc::new(prover));
    let builder = Builder::new(Key::new("peer"), Arc::new(MemoryStore::new()), Arc::new(exchange));
    let source = builder.build().await;
    source
        .edit(|record, now| {
            let mut grant = Grant::bearer(Secret::new(""));
            grant.refresh_token = Some(Secret::from(refresh_token));
            grant.expires_in = Some(Duration::ZERO);
            record.logged_in(grant, now)
        })
        .await
        .expect("kept");
    source
}

pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(work)
}

#[test]
fn k5_fifty_tasks_without_a_token_make_one_refresh() {
    let Some(provider) = Provider::start(60) else { return };
    for client in [PUBLIC, BASIC] {
        let (before, refresh_token) = (provider.count("refreshes"), provider.grant(client));
        let headers = run(async {
            let source = source(&provider, client, refresh_token).await;
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..50 {
                let source = source.clone();
                tasks.spawn(async move { source.token().await.expect("a token").secret });
            }
            tasks.join_all().await
        });
        assert!(headers.iter().all(|secret| secret == &headers[0]));
        provider.accepts(headers[0].expose(), client);
        assert_eq!(provider.count("refreshes"), before + 1);
    }
    provider.assert_all_alive();
}

#[test]
fn r13_fifty_late_401s_cost_one_renewal() {
    let Some(provider) = Provider::start(60) else { return };
    let refresh_token = provider.grant(PUBLIC);
    let (first, renewed) = run(async {
        let source = source(&provider, PUBLIC, refresh_token).await;
        let first = source.bearer().await.expect("a token").generation();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let source = source.clone();
            tasks.spawn(async move { source.reject(first).await.expect("a token").generation() });
        }
        (first, tasks.join_all().await)
    });
    assert!(renewed.iter().all(|generation| *generation == first + 1), "{renewed:?}");
    assert_eq!(provider.count("refreshes"), 2);
    provider.assert_all_alive();
}

#[test]
fn k2_a_running_process_renews_ahead_without_a_caller_waiting() {
    let Some(provider) = Provider::start(2) else { return };
    let refresh_token = provider.grant(PUBLIC);
    let (token, waited) = run(async {
        let source = source(&provider, PUBLIC, refresh_token).await;
        source.bearer().await.expect("a token");
        let mut waited = 0;
        for _ in 0..120 {
            // Asked once: whoever is not ready then has to wait.
            let asked = pin!(source.bearer()).poll(&mut Context::from_waker(Waker::noop()));
            waited += u32::from(asked.is_pending());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        (source.token().await.expect("a token"), waited)
    });
    provider.accepts(token.secret.expose(), PUBLIC);
    assert!(provider.count("refreshes") >= 3, "six seconds of two-second tokens");
    assert_eq!(waited, 0, "of 120 callers");
    provider.assert_all_alive();
}
