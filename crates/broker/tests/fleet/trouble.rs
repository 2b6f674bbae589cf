//! What befalls a node.

use std::sync::Arc;
use std::time::Duration;

use unlapse_parts::{Cable, Provider};

use crate::load::Place;
use crate::node::Node;

/// A lease lasts eighteen seconds after its holder's last sign of life: it is away for longer.
const PAST_ITS_LEASE: Duration = Duration::from_secs(17);

/// What it loses by it is lost a little later still: a connection that was cut is opened again.
const AFTERMATH: Duration = Duration::from_secs(5);

/// One kind of trouble.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    /// SIGKILL; it is started again.
    Killed,
    /// SIGSTOP for longer than a lease.
    Paused,
    /// Nothing reaches its database, or comes from there.
    Stalled,
    /// Its connections to the database are closed, and new ones as well.
    CutOff,
}

impl Trouble {
    pub(crate) const ALL: [Self; 4] = [Self::Killed, Self::Paused, Self::Stalled, Self::CutOff];
}

/// Where a node lives, and how it is started again.
pub(crate) struct Home {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) cable: Option<Cable>,
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl Home {
    pub(crate) async fn start(&self) {
        let node = Node::start(&self.environment).await;
        *self.place.write().await = Some(Arc::new(node));
    }

    pub(crate) async fn kill(&self) {
        if let Some(node) = self.place.write().await.take() {
            node.kill();
        }
    }

    async fn pause(&self, paused: bool) {
        if let Some(node) = &*self.place.read().await {
            node.pause(paused);
        }
    }

    /// Befalls it from beginning to end.
    pub(crate) async fn suffer(&self, trouble: Trouble, provider: &Provider) {
        provider.in_trouble(&self.name);
        match trouble {
            Trouble::Killed => {
                self.kill().await;
                tokio::time::sleep(Duration::from_secs(2)).await;
                self.start().await;
            }
            Trouble::Paused => {
                self.pause(true).await;
                tokio::time::sleep(PAST_ITS_LEASE).await;
                self.pause(false).await;
            }
            Trouble::Stalled | Trouble::CutOff => {
                let cable = self.cable.as_ref().expect("there is one to every database");
                if matches!(trouble, Trouble::Stalled) {
                    cable.stall();
                } else {
                    cable.cut();
                }
                tokio::time::sleep(PAST_ITS_LEASE).await;
                cable.mend();
            }
        }
        tokio::time::sleep(AFTERMATH).await;
        provider.is_well(&self.name);
    }
}
