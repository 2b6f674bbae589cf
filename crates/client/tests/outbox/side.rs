//! A directory with a login and an outbox, and what a process makes of them.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use tempfile::TempDir;
use unlapse::dpop::{Algorithm, Dpop, SystemRandom};
use unlapse::outbox::{OutboxEvent, OutboxPolicy, OutboxStore, Summary};
use unlapse::reqwest::{HttpSettings, ReqwestHttp};
use unlapse::tokio::TokioClock;
use unlapse::{Builder, Endpoints, Key, Outbox, Secret, Server as Described, ServerExchange};
use unlapse::{Login, TokenSource};
use unlapse_core::Policy;
use unlapse_store::custody::KeyFile;
use unlapse_store::{Disk, FileOutbox, FileStore, Layout, RealDisk};

use super::server::Server;

/// A server, and a directory that outlives processes.
pub struct Side {
    pub server: Server,
    pub root: TempDir,
}

/// What one process has.
pub struct Process {
    pub source: TokenSource,
    pub outbox: Outbox,
    pub events: Arc<Mutex<Vec<OutboxEvent>>>,
    origin: String,
}

pub fn key() -> Key {
    Key::new("acme")
}

/// A refresh token that a person brings.
pub fn login() -> Login {
    Login { refresh_token: Some(Secret::new("rt-brought")), ..Login::default() }
}

pub fn store(root: &Path, disk: Arc<dyn Disk>) -> FileOutbox {
    let custody = Arc::new(KeyFile::new(root.join("key")));
    FileOutbox::new(root.join("outbox"), "project", custody).disk(disk)
}

/// Quick, but for the deadline, which only a test of it makes short.
pub fn policy() -> OutboxPolicy {
    let millis = Duration::from_millis;
    OutboxPolicy {
        base_delay: millis(1),
        max_delay: millis(20),
        round: millis(100),
        lease_wait: Duration::from_secs(30),
        ..OutboxPolicy::default()
    }
}

impl Side {
    /// With a login.
    pub async fn open() -> Self {
        let side = Self { server: Server::start(), root: tempfile::tempdir().unwrap() };
        let process = side.process().await;
        process.source.log_in(login()).await.unwrap();
        side
    }

    pub async fn process(&self) -> Process {
        let (root, origin) = (self.root.path(), &self.server.origin);
        process(root, origin, "cid", Arc::new(RealDisk), policy()).await
    }

    pub async fn process_with(&self, policy: OutboxPolicy) -> Process {
        let (root, origin) = (self.root.path(), &self.server.origin);
        process(root, origin, "cid", Arc::new(RealDisk), policy).await
    }

    /// Adds the line of another credential, with a login.
    pub async fn add_line(&self, process: &Process, key: &Key) {
        let (root, origin) = (self.root.path(), &self.server.origin);
        let source = source(root, origin, "cid", key.clone(), &process.outbox).await;
        source.log_in(login()).await.unwrap();
        process.outbox.add_source(source);
    }

    /// What waits.
    pub async fn left(&self) -> Vec<Summary> {
        let contents = store(self.root.path(), Arc::new(RealDisk)).list().await.unwrap();
        assert!(contents.unreadable.is_empty(), "{contents:?}");
        contents.entries
    }
}

pub async fn process(
    root: &Path,
    origin: &str,
    client_id: &str,
    disk: Arc<dyn Disk>,
    policy: OutboxPolicy,
) -> Process {
    let http = Arc::new(ReqwestHttp::new(HttpSettings::default()));
    let events: Arc<Mutex<Vec<OutboxEvent>>> = Arc::default();
    let told = Arc::clone(&events);
    let outbox = Outbox::builder(Arc::new(store(root, disk)), http)
        .policy(policy)
        .observer(Arc::new(move |event| told.lock().unwrap().push(*event)))
        .build();
    let source = source(root, origin, client_id, key(), &outbox).await;
    outbox.add_source(source.clone());
    Process { source, outbox, events, origin: origin.to_owned() }
}

async fn source(
    root: &Path,
    origin: &str,
    client_id: &str,
    key: Key,
    outbox: &Outbox,
) -> TokenSource {
    let custody = Arc::new(KeyFile::new(root.join("key")));
    let records = FileStore::new(Layout::Directory(root.join("store")), "project", custody);
    let mut described = Described::public(
        client_id,
        Endpoints {
            token: Some(format!("{origin}/token").parse().unwrap()),
            ..Endpoints::default()
        },
    );
    described.dpop = client_id == "bound";
    let http = Arc::new(ReqwestHttp::new(HttpSettings::default()));
    let clock = Arc::new(TokioClock::new());
    let prover = Dpop::new(Algorithm::Es256, Arc::new(TokioClock::new()), Arc::new(SystemRandom));
    let exchange =
        ServerExchange::new(described, Arc::clone(&http) as _, clock).prover(Arc::new(prover));
    let renewals = Policy { attempts: 1, ..Policy::default() };
    Builder::new(key, Arc::new(records), Arc::new(exchange))
        .policy(renewals)
        .ahead_of_time(false)
        .observer(outbox.waker())
        .build()
        .await
}

impl Process {
    pub async fn push(&self, body: &str) -> Summary {
        self.push_as(&key(), body).await
    }

    pub async fn push_as(&self, key: &Key, body: &str) -> Summary {
        let request = Request::post(format!("{}/orders?q=1", self.origin));
        let request = request.header("content-type", "text/plain");
        let request = request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
        self.outbox.push(key, request).await.unwrap()
    }
}
