//! The real library in a process of its own, over a disk that can fail or be the last thing it saw.
//!
//! The process is this test binary again, told to run one ignored test.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use unlapse::reqwest::{HttpSettings, ReqwestHttp};
use unlapse::tokio::TokioClock;
use unlapse::{Builder, Endpoints, Server, ServerExchange, TokenSource};
use unlapse_core::{Policy, Reuse};
use unlapse_store::{FileStore, WatchedDisk};

use super::project::{key, store_below};
use super::{AuthServer, Project};

/// What a parent told its child.
pub struct Passed {
    /// The project's root.
    pub root: PathBuf,
    /// What the test wants.
    pub arg: String,
    endpoint: String,
    reuse: Reuse,
}

/// This test binary again, running the ignored test `name` on the record of `project`, which its
/// `reuse` is told beside, and `arg`.
pub fn child(
    name: &str,
    project: &Project,
    server: &AuthServer,
    reuse: Reuse,
    arg: &str,
) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    project.isolate(&mut command);
    command
        .args(["--exact", name, "--nocapture", "--ignored", "--test-threads=1"])
        .env("CHILD_ROOT", project.root())
        .env("CHILD_ENDPOINT", format!("{}/token", server.origin()))
        .env("CHILD_REUSE", reuse.to_string())
        .env("CHILD_ARG", arg);
    command
}

/// What [`child`] passed; `None` when the test was started by hand, and has nothing to do.
pub fn passed() -> Option<Passed> {
    let variable = |name| std::env::var(name).ok();
    Some(Passed {
        root: std::env::var_os("CHILD_ROOT")?.into(),
        arg: variable("CHILD_ARG")?,
        endpoint: variable("CHILD_ENDPOINT")?,
        reuse: variable("CHILD_REUSE")?.parse().expect("a class"),
    })
}

impl Passed {
    /// The token endpoint.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Does `work` with a source of the token of `acme`, built as the binary builds it, but on
    /// `disk`.
    pub fn with_source<F, T>(
        &self,
        disk: WatchedDisk<F>,
        work: impl AsyncFnOnce(TokenSource) -> T,
    ) -> T
    where
        F: Fn(&unlapse_store::DiskStep) -> std::io::Result<()> + Send + Sync + 'static,
    {
        let store = store_below(&self.root).disk(Arc::new(disk));
        let policy = Policy { reuse: self.reuse, ..Policy::default() };
        with_source(&self.endpoint, store, policy, work)
    }
}

/// Does `work` with a source of the token of `acme` in `store`.
pub fn with_source<T>(
    endpoint: &str,
    store: FileStore,
    policy: Policy,
    work: impl AsyncFnOnce(TokenSource) -> T,
) -> T {
    let token = Some(endpoint.parse().expect("a URL"));
    let server = Server::public("cid", Endpoints { token, ..Endpoints::default() });
    let http = Arc::new(ReqwestHttp::new(HttpSettings::default()));
    let exchange = ServerExchange::new(server, http, Arc::new(TokioClock::new()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let builder = Builder::new(key(), Arc::new(store), Arc::new(exchange));
        work(builder.policy(policy).ahead_of_time(false).build().await).await
    })
}
