//! What is done beside requests.

use core::time::Duration;

use tokio::sync::watch;
use unlapse_core::UnixTime;

use super::revoke::MARGIN;
use super::{Issuer, Parts};
use crate::access_token::LONGEST_ACCESS;
use crate::denials::Denial;
use crate::signing_keys::SigningKeys;
use crate::stop::Stop;

/// What has ended long ago is looked for so often.
const SWEEP: Duration = Duration::from_secs(60);
/// A sweep takes a bounded amount at a time, and goes on until nothing is left: so many times in a
/// row at most. With 5,000 rows of a table at a time, a node forgets a million a minute: more than
/// it can be made to write, with a ticket for each request.
const ROUNDS: usize = 200;
/// What other nodes revoked is looked for so often, at least.
const FOLLOW: Duration = Duration::from_millis(500);
/// News that come at once are heard at once.
const GATHER: Duration = Duration::from_millis(20);
/// The signing keys are looked at so often, and at once when somebody has changed them.
pub(super) const KEYS: Duration = Duration::from_secs(30);
/// What is denied is asked for from so long before the newest that is known: a statement that
/// began earlier may have ended later.
const OVERLAP: Duration = Duration::from_secs(10);

impl Issuer {
    /// Runs what an issuer has to do beside requests, until `stop` returns; to be spawned once
    /// for each issuer, by whoever serves its [`router`](Self::router):
    ///
    /// - writes the audit log;
    /// - hears what other nodes revoked, so that [`verify`](Self::verify) refuses it within a
    ///   second;
    /// - lets signing keys succeed one another ([`keep_keys`](Self::keep_keys)), and hears within a
    ///   second when somebody has changed them;
    /// - forgets what has ended long ago.
    ///
    /// When it is told to stop, it writes what the audit log still lacks, for five seconds at
    /// most. Stop serving first.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let issuer = unlapse_issuer::Issuer::builder("http://127.0.0.1:8080").build()?;
    /// let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    /// let housekeeping = tokio::spawn(issuer.housekeeping(async { drop(stopped.await) }));
    /// // … serve `issuer.router()`, and then:
    /// drop(stop);
    /// housekeeping.await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn housekeeping(
        &self,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        let issuer = self.clone();
        let (tell, told) = watch::channel(false);
        async move {
            let telling = async move {
                stop.await;
                tell.send_replace(true);
            };
            let stop = Stop::new(told);
            tokio::join!(
                telling,
                issuer.write_audit(&stop),
                issuer.follow_denials(&stop),
                issuer.follow_keys(&stop),
                issuer.sweep_now_and_then(&stop),
            );
        }
    }

    async fn write_audit(&self, stop: &Stop) {
        let Parts { audit_log, audit_copy, sleep, .. } = &*self.parts;
        let copy = async {
            if let Some(copy) = audit_copy {
                copy.write(sleep, stop).await;
            }
        };
        tokio::join!(audit_log.write(sleep, stop), copy);
    }

    /// Takes over what was denied on any node. While the store is away, what is known stays.
    async fn follow_denials(&self, stop: &Stop) {
        let Parts { store, sleep, .. } = &*self.parts;
        // Whatever was denied before has no token left.
        let live = LONGEST_ACCESS.saturating_add(MARGIN).saturating_add(OVERLAP);
        // Never moved by the clock of this node, which may be set back again.
        let mut since = UnixTime::default();
        while !stop.is_told() {
            // Before it is looked, so that nothing comes between.
            let news = store.news();
            if let Ok(denials) = store.denied(asked_from(since, self.now(), live)).await {
                since = next_since(since, &denials);
                for denial in denials {
                    self.hear(&denial);
                }
            } else {
                tracing::warn!("what other nodes revoked cannot be asked for now");
            }
            tokio::select! {
                () = sleep(FOLLOW) => {}
                () = news => sleep(GATHER).await,
                () = stop.told() => {}
            }
        }
    }

    fn hear(&self, denial: &Denial) {
        let Parts { denylist, key_news, .. } = &*self.parts;
        // The same denial is heard many times.
        if SigningKeys::is_news(&denial.id) && !denylist.denies(&denial.id) {
            key_news.notify_one();
        }
        let until = denial.at.plus(LONGEST_ACCESS).plus(MARGIN);
        denylist.deny(&denial.id, until, self.now());
    }

    async fn follow_keys(&self, stop: &Stop) {
        let Parts { sleep, key_news, .. } = &*self.parts;
        while !stop.is_told() {
            if let Err(bad) = self.keep_keys().await {
                tracing::error!(code = bad.code(), "the signing keys stay as they were: {bad}");
            }
            tokio::select! {
                () = sleep(KEYS) => {}
                () = key_news.notified() => {}
                () = stop.told() => {}
            }
        }
    }

    async fn sweep_now_and_then(&self, stop: &Stop) {
        loop {
            tokio::select! {
                () = (self.parts.sleep)(SWEEP) => {}
                () = stop.told() => return,
            }
            for _ in 0..ROUNDS {
                // Nothing is wrong when it is away: what is left is found the next time.
                let swept = self.parts.store.sweep(self.now()).await;
                if stop.is_told() || !swept.is_ok_and(|swept| swept > 0) {
                    break;
                }
            }
        }
    }
}

/// From when on to ask at `now`, where nothing older than `live` has a token left: however long
/// nobody was denied since.
fn asked_from(since: UnixTime, now: UnixTime, live: Duration) -> UnixTime {
    since.max(now.minus(live))
}

/// From when on to ask, after `denials` were heard. Never back, whatever the store's clock does.
fn next_since(since: UnixTime, denials: &[Denial]) -> UnixTime {
    let newest = denials.iter().map(|denial| denial.at).max();
    newest.map_or(since, |newest| since.max(newest.minus(OVERLAP)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j1_what_is_asked_for_next_overlaps_with_what_was_heard() {
        let secs = UnixTime::from_secs;
        let denials = |ats: &[u64]| {
            let denial = |at: &u64| Denial { id: at.to_string(), at: secs(*at) };
            ats.iter().map(denial).collect::<Vec<_>>()
        };
        for (since, heard, next) in [
            (1000, &[][..], 1000),
            (1000, &[1005], 1000),
            (1000, &[1020, 1050, 1030], 1040),
            (1000, &[900], 1000),
        ] {
            assert_eq!(next_since(secs(since), &denials(heard)), secs(next), "{heard:?}");
        }
    }

    #[test]
    fn j1_what_has_no_token_left_is_not_asked_for_again() {
        let secs = UnixTime::from_secs;
        for (since, now, from) in [(0, 5000, 4000), (4500, 5000, 4500), (4500, 6000, 5000)] {
            let asked = asked_from(secs(since), secs(now), Duration::from_secs(1000));
            assert_eq!(asked, secs(from), "{since} {now}");
        }
    }
}
