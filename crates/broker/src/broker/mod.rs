//! The service: everything that the API, the dashboard and the command ask for.

mod asked;
mod bulk;
mod connecting;
mod connections;
mod exposition;
mod health;
mod inner;
mod mix_up;
mod settings;
mod tokens;

use core::future::Future;
use std::sync::Arc;

use unlapse::Clock as _;
use unlapse::unlapse_core::UnixTime;
use unlapse::unlapse_oauth::provider::Catalogue;

use crate::circuits::Circuits;
use crate::directory::Directory;
use crate::node;
use crate::outward::PrivateHosts;
use crate::tables::Tables;

pub use self::asked::{
    Actor, Brought, Callback, Connected, Filter, HandedOut, Page, Retries, TokenWanted, Wanted,
};
pub use self::health::Health;
pub(crate) use self::inner::Inner;
pub use self::settings::{BadStart, Settings};

/// Other people's logins, kept for years. Cheap to clone: clones share everything.
///
/// [`Broker::run`] is the node's own work: without it, tokens are renewed only when they are asked for.
#[derive(Clone)]
pub struct Broker {
    inner: Arc<Inner>,
}

impl Broker {
    /// Opens the database, brings its tables up to date, and finds the keys to its secrets.
    pub async fn open(settings: Settings) -> Result<Self, BadStart> {
        Ok(Self { inner: Inner::open(settings).await? })
    }

    /// Works until `stop`: renews what is due, hears from other nodes, writes down what has happened.
    /// Then it ends what is under way, and returns once nothing would be lost.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        Box::pin(node::run(&self.inner, stop)).await;
    }

    /// The tables, for whoever shows or changes what is in them.
    pub fn tables(&self) -> &Tables {
        &self.inner.tables
    }

    /// The providers that apps can be registered at.
    pub fn catalogue(&self) -> &Catalogue {
        self.inner.directory.catalogue()
    }

    /// Tenants and apps, as this node knows them.
    pub fn directory(&self) -> &Directory {
        &self.inner.directory
    }

    /// What apps may name beside the public internet.
    pub(crate) fn private_hosts(&self) -> &PrivateHosts {
        &self.inner.private_hosts
    }

    /// The circuits of apps, as this node knows them.
    pub fn circuits(&self) -> &Circuits {
        &self.inner.circuits
    }

    /// What time it is by the database's clock.
    pub fn clock(&self) -> UnixTime {
        self.inner.clock.now().wall
    }

    /// The name of this node among the others.
    pub fn node(&self) -> &str {
        &self.inner.node
    }
}
