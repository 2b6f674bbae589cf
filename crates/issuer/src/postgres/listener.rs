//! What another node has revoked, heard at once: `LISTEN`, on a connection of its own.

use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio_postgres::{AsyncMessage, Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::options::PostgresOptions;

/// As the schema's triggers call it.
const LISTEN: &str = "LISTEN unlapse_denials";

/// A connection on which nothing is said may have ended without a word.
const STILL_THERE: Duration = Duration::from_secs(10);

/// Between attempts to hear again. Nodes look every second meanwhile.
const AGAIN: Duration = Duration::from_secs(1);

/// Listens until it is dropped.
pub(super) struct Listener(AbortHandle);

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Listener {
    #[expect(clippy::disallowed_methods, reason = "a connection needs a task that drives it")]
    pub(super) fn start(
        config: Config,
        tls: MakeRustlsConnect,
        options: &PostgresOptions,
        news: Arc<Notify>,
    ) -> Self {
        let patience = options.server().patience();
        let listening = tokio::spawn(async move {
            loop {
                if let Err(error) = listen(&config, &tls, patience, &news).await {
                    let code = error.code().map(tokio_postgres::error::SqlState::code);
                    tracing::warn!(code, "PostgreSQL: revocations are not heard, only looked for");
                }
                tokio::time::sleep(AGAIN).await;
            }
        });
        Self(listening.abort_handle())
    }
}

/// Listens until the connection ends, or is found to have ended.
async fn listen(
    config: &Config,
    tls: &MakeRustlsConnect,
    patience: Duration,
    news: &Notify,
) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = config.connect(tls.clone()).await?;
    let mut asking = pin!(ask(&client, patience, news));
    poll_fn(|context| {
        loop {
            match connection.poll_message(context) {
                Poll::Ready(Some(Ok(AsyncMessage::Notification(_)))) => news.notify_waiters(),
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => break,
            }
        }
        asking.as_mut().poll(context)
    })
    .await
}

/// Asks to be told, and then now and then whether the server is still there.
#[expect(clippy::disallowed_methods, reason = "it is the server that is waited for")]
async fn ask(
    client: &Client,
    patience: Duration,
    news: &Notify,
) -> Result<(), tokio_postgres::Error> {
    let mut statement = LISTEN;
    loop {
        match tokio::time::timeout(patience, client.batch_execute(statement)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(error),
            Err(_) => return Ok(()),
        }
        if statement == LISTEN {
            // What was said before was not heard.
            news.notify_waiters();
            statement = "";
        }
        tokio::time::sleep(STILL_THERE).await;
    }
}
