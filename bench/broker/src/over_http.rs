//! Tokens over HTTP, beside a server that answers the same bytes and does nothing else.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use axum::Router;
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use unlapse_bench_report::Samples;
use unlapse_broker::http::{ApiOptions, router};
use unlapse_broker::{Broker, Verb};

use crate::crowd::user;
use crate::tokens::CALLERS;
use crate::wire::Wire;
use crate::world::name;

/// A server, and what its callers send.
pub(crate) struct Server {
    port: u16,
    requests: Vec<String>,
}

impl Server {
    /// The broker's API, and a request for each of the first `count` users' tokens.
    pub(crate) async fn ours(broker: &Broker, count: usize) -> Result<Self> {
        let verbs = [Verb::Token].into_iter().collect();
        let made = broker.tables().make_api_key(Some(name("acme")), "bench", verbs, None).await;
        let (_, key) = made.map_err(|away| anyhow::anyhow!("the database is away: {away}"))?;
        let options = ApiOptions::new("http://127.0.0.1:1".parse()?);
        let port = serve(router(broker.clone(), options)).await?;
        let requests = (0..count)
            .map(|number| {
                let path = format!("/v1/connections/{}/local/main/token", user(number));
                request(&path, key.expose())
            })
            .collect();
        Ok(Self { port, requests })
    }

    /// A server that answers each request with what the other answered to its first.
    pub(crate) async fn bare(other: &Self) -> Result<Self> {
        let first = &other.requests[0];
        let answer = Wire::open(other.port).await?.demand(first).await?.to_vec();
        let token: Value = serde_json::from_slice(&answer)?;
        ensure!(token["access_token"].is_string(), "no token");
        let routes = Router::new().fallback(post(move || std::future::ready(answer.clone())));
        let port = serve(routes).await?;
        Ok(Self { port, requests: other.requests.clone() })
    }

    /// Callers that ask again as soon as they are answered: what each waited, in seconds.
    pub(crate) async fn ask(&self, time: Duration) -> Result<(Samples, f64)> {
        let (start, mut all) = (Instant::now(), JoinSet::new());
        for caller in 0..CALLERS {
            let (port, requests) = (self.port, self.requests.clone());
            let end = start + time;
            all.spawn(async move {
                let (mut wire, mut waits) = (Wire::open(port).await?, Vec::new());
                // Each caller from another on; a prime, so that all are met.
                let mut number = caller * requests.len() / CALLERS;
                while Instant::now() < end {
                    number = (number + 7919) % requests.len();
                    let asked = Instant::now();
                    wire.demand(&requests[number]).await?;
                    waits.push(asked.elapsed().as_secs_f64() * 1000.0);
                }
                anyhow::Ok(waits)
            });
        }
        let mut waits = Vec::new();
        while let Some(asked) = all.join_next().await {
            waits.extend(asked??);
        }
        let rate = waits.len() as f64 / start.elapsed().as_secs_f64();
        Ok((waits.into_iter().collect(), rate))
    }
}

async fn serve(router: Router) -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async { axum::serve(listener, service).await });
    Ok(port)
}

fn request(path: &str, key: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\n\
         content-length: 0\r\n\r\n"
    )
}
