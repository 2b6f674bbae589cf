//! Security events (K3, K8).

use std::time::Duration;

use unlapse_core::{Demand, Error, Reaction, Record, SecurityEvent, StoreError};

use crate::events::Event;
use crate::source::TokenSource;

impl TokenSource {
    /// Says that something happened to the login, and does what is to be done about it
    /// ([`SecurityEvent::reaction`]): renews now, forgets the token and logs in anew where stored
    /// credentials can, or forgets every secret.
    ///
    /// What is forgotten is served no more: here at once, whatever becomes of the store; by the other
    /// processes that share it, within their trust time (K9). The server is not told: where it does
    /// not know yet, [`TokenSource::log_out`] tells it.
    ///
    /// An error says that the work is not done: the renewal failed, or the store could not be
    /// changed and others go on. Report it again then.
    pub async fn report(&self, event: SecurityEvent) -> Result<Reaction, Error> {
        self.shared().renewer.tell(&Event::Reported { event });
        let reaction = event.reaction();
        match reaction {
            Reaction::ForceRefresh => {
                self.force_refresh().await?;
            }
            Reaction::Clear => self.revoke(event).await?,
            Reaction::NewLogin => {
                self.revoke(event).await?;
                // Nobody waits for it: it needs a person, or will be there for the next who asks.
                self.shared().launch(Demand::Fresh { min_ttl: Duration::ZERO });
            }
        }
        Ok(reaction)
    }

    /// Takes from the record what the event leaves nobody, under its lease.
    async fn revoke(&self, event: SecurityEvent) -> Result<(), Error> {
        let shared = self.shared();
        let now = shared.renewer.clock.now();
        let (mut hold, record) = match shared.held().await {
            Ok(held) => held,
            Err(Error::Store(StoreError::Custody(_))) => (self.take().await?, Record::default()),
            Err(error) => {
                let current = shared.current.load_full();
                let last = current.as_ref().and_then(|current| current.record()).cloned();
                shared.forget(&last.unwrap_or_default().revoked(event, now));
                return Err(error);
            }
        };
        let revoked = record.revoked(event, now);
        // Whatever the store says to it.
        shared.forget(&revoked);
        self.clear_held(&mut hold, &revoked).await
    }
}
