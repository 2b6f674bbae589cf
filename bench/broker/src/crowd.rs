//! A broker with many connections at a provider of this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use unlapse_broker::{Broker, Brought};
use unlapse_parts::{Provider, Rotation, Terms};

use crate::world::{Place, brought, id, operator};

/// Connections that are brought at once.
const AT_ONCE: usize = 64;

/// A provider, and a broker with so many connections there.
pub(crate) struct Crowd {
    pub(crate) provider: Arc<Provider>,
    pub(crate) broker: Broker,
    pub(crate) count: usize,
    work: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    _folder: tempfile::TempDir,
}

/// The name of a user.
pub(crate) fn user(number: usize) -> String {
    format!("u{number}")
}

/// A database that has much to do may ask to come back.
async fn put(broker: &Broker, user: &str, brought: Brought) -> Result<()> {
    let mut tries = 0;
    loop {
        match broker.put(&id(user), brought.clone(), &operator()).await {
            Ok(_) => return Ok(()),
            Err(problem) if !problem.code.is_retryable() || tries == 30 => bail!("{problem}"),
            Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
        }
        tries += 1;
    }
}

impl Crowd {
    /// Brings `count` connections, whose tokens live for `access_ttl`; `due`: they have ended already.
    pub(crate) async fn gather(
        database: &str,
        count: usize,
        access_ttl: Duration,
        due: bool,
        in_memory: usize,
    ) -> Result<Self> {
        let rotation = Rotation::Grace(Duration::from_secs(30));
        let provider =
            Arc::new(Provider::start(Terms { rotation, access_ttl, ..Terms::default() }));
        let folder = tempfile::tempdir()?;
        let endpoint = provider.token_endpoint("local");
        let mut place = Place::new(database, endpoint, "reuse = \"grace:30s\"");
        place.spool = Some(folder.path().join("spool"));
        (place.renewals, place.in_memory) = (256, in_memory);
        let broker = place.open().await?;
        let (mut all, next) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)));
        for _ in 0..AT_ONCE {
            let (broker, provider) = (broker.clone(), Arc::clone(&provider));
            let next = Arc::clone(&next);
            all.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Relaxed);
                    if number >= count {
                        return Ok(());
                    }
                    let mut brought = brought(&provider.log_in());
                    if due {
                        brought = Brought { expires_in: Some(Duration::ZERO), ..brought };
                    }
                    put(&broker, &user(number), brought).await?;
                }
            });
        }
        while let Some(ended) = all.join_next().await {
            let ended: Result<()> = ended?;
            ended?;
        }
        Ok(Self { provider, broker, count, work: None, _folder: folder })
    }

    /// The node begins to work.
    pub(crate) fn work(&mut self) {
        let (stop, stopped) = oneshot::channel();
        let node = self.broker.clone();
        let stopped = async move { drop(stopped.await) };
        let work = tokio::spawn(async move { node.run(stopped).await });
        self.work = Some((stop, work));
    }

    /// It ends in good order.
    pub(crate) async fn rest(&mut self) {
        if let Some((stop, work)) = self.work.take() {
            drop(stop);
            let _ = work.await;
        }
    }
}
