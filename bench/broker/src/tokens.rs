//! Tokens handed out: from memory, and from the database while it has much to do.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use tokio::task::JoinSet;
use tokio::time::sleep;
use unlapse_bench_report::{Samples, Table};
use unlapse_broker::{Broker, TokenWanted};

use crate::crowd::{Crowd, user};
use crate::over_http::Server;
use crate::settings::Settings;
use crate::world::{id, operator};

/// Callers that ask again as soon as they are answered.
pub(crate) const CALLERS: usize = 16;

/// A token's life while the database is busy: each is renewed after about 23 s of it.
const SHORT: Duration = Duration::from_secs(30);

/// So many connections of that life make a thousand renewals a second.
const BUSY: usize = 23_000;

/// Connections whose tokens are in memory.
const IN_MEMORY: usize = 10_000;

/// Tokens by the broker itself, and with HTTP around it.
pub(crate) async fn measure(quiet: &str, busy: &str, settings: &Settings) -> Result<Table> {
    let head = format!("tokens handed out, {CALLERS} callers");
    let mut table =
        Table::new([&*head, "a second", "p50, ms", "p99, ms", "bar", "renewals/s meanwhile"]);

    let rows = usize::try_from(settings.rows)?;
    eprintln!("measuring: tokens from memory");
    let hour = Duration::from_hours(1);
    let count = IN_MEMORY.min(rows);
    let crowd = Crowd::gather(quiet, count, hour, false, 2 * IN_MEMORY).await?;
    ask(&crowd, settings.time / 4).await?;
    let found = ask(&crowd, settings.time).await?;
    table.row(found.row("from memory, without HTTP", ""));
    let ours = Server::ours(&crowd.broker, count).await?;
    let bare = Server::bare(&ours).await?;
    for (what, server, bar) in [
        ("from memory, over HTTP", &ours, "30,000 a second, p99 5 ms"),
        ("(axum, the same bytes and nothing else)", &bare, ""),
    ] {
        server.ask(settings.time / 4).await?;
        let (waits, rate) = server.ask(settings.time).await?;
        table.row(row(what, rate, &waits, bar, 0.0));
    }

    eprintln!("measuring: tokens from the database");
    let mut crowd = Crowd::gather(busy, BUSY.min(rows), SHORT, false, 16).await?;
    crowd.work();
    sleep(SHORT).await;
    let found = ask(&crowd, settings.time).await?;
    crowd.rest().await;
    table.row(found.row("from the database, without HTTP", "p99 50 ms"));
    Ok(table)
}

/// What callers found.
struct Found {
    /// Seconds.
    waits: Vec<f64>,
    took: Duration,
    renewals: f64,
}

impl Found {
    fn row(self, what: &str, bar: &str) -> [String; 6] {
        let rate = self.waits.len() as f64 / self.took.as_secs_f64();
        let waits: Samples = self.waits.into_iter().map(|wait| wait * 1000.0).collect();
        row(what, rate, &waits, bar, self.renewals)
    }
}

fn row(what: &str, rate: f64, waits: &Samples, bar: &str, renewals: f64) -> [String; 6] {
    let [p50, p99] = [50, 99].map(|percent| format!("{:.2}", waits.quantile(percent)));
    let renewals = format!("{renewals:.0}");
    [what.to_owned(), format!("{rate:.0}"), p50, p99, bar.to_owned(), renewals]
}

async fn ask(crowd: &Crowd, time: Duration) -> Result<Found> {
    let (start, before) = (Instant::now(), crowd.provider.tally().grants);
    let mut all = JoinSet::new();
    for caller in 0..CALLERS {
        let (broker, count) = (crowd.broker.clone(), crowd.count);
        all.spawn(caller_asks(broker, caller, count, start + time));
    }
    let mut waits = Vec::new();
    while let Some(asked) = all.join_next().await {
        waits.extend(asked??);
    }
    let took = start.elapsed();
    let grants = crowd.provider.tally().grants - before;
    Ok(Found { waits, took, renewals: grants as f64 / took.as_secs_f64() })
}

async fn caller_asks(
    broker: Broker,
    caller: usize,
    count: usize,
    end: Instant,
) -> Result<Vec<f64>> {
    let (mut waits, by) = (Vec::new(), operator());
    let wanted = TokenWanted { min_ttl: Duration::ZERO, force: false };
    // Every connection in turn, each caller from another on; a prime, so that all are met.
    let mut number = caller * count / CALLERS;
    while Instant::now() < end {
        number = (number + 7919) % count;
        let asked = Instant::now();
        let token = broker.token(&id(&user(number)), wanted, &by).await;
        let token = token.map_err(|problem| anyhow!("{problem}"))?;
        waits.push(asked.elapsed().as_secs_f64());
        ensure!(!token.access_token.is_empty(), "an empty token");
    }
    Ok(waits)
}
