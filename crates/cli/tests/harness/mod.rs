//! What the tests of the command share: the real binary in an isolated [`Project`], and a real
//! token server ([`AuthServer`]) that can be told to misbehave.
//!
//! ```ignore
//! let server = AuthServer::start(Class::Strict);
//! let project = Project::new(&server, "reuse = \"strict\"", "");   // profile keys, policy keys
//! project.log_in(&server);                                        // a record with a refresh token
//! project.expire();                                               // its access token has ended
//! server.fault(Fault::LoseReply);                                 // does this to the next request
//! let run = project.run(&["token", "acme"]);
//! assert_eq!((run.code, server.counts().reuses), (Some(15), 0), "{run}");
//! ```
#![allow(
    clippy::disallowed_methods,
    reason = "tests touch files, start processes, and wait, as a neighbour does"
)]
#![allow(clippy::print_stdout, reason = "a test that cannot run here says why")]
#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test binary uses its part")]

mod families;
mod fault;
mod library;
mod mounted;
mod process;
mod project;
mod server;
pub mod terminal;

pub use families::{Class, Counts};
pub use fault::{Canned, Fault};
pub use library::{Passed, child, passed, with_source};
pub use mounted::Mounted;
pub use process::{Run, Running, processes_of};
pub use project::{PROJECT, Project, config, key, store_alone, store_below};
pub use server::AuthServer;

use std::time::{Duration, Instant};

/// Longest wait for anything that should happen on a loaded machine.
pub const WAIT: Duration = Duration::from_secs(60);

/// Whether the long suites were asked for (`UNLAPSE_SUITES=full`).
pub fn is_full() -> bool {
    std::env::var("UNLAPSE_SUITES").is_ok_and(|suites| suites == "full")
}

/// Says why a test cannot run here: the quick run leaves it out, the full one fails for it.
#[track_caller]
pub fn cannot_run(why: &str) {
    assert!(!is_full(), "the full run leaves no test out, and this one cannot run here: {why}");
    println!("skipped: {why}");
}

/// Waits until `done`, looking every few milliseconds; panics after [`WAIT`].
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < WAIT, "not within {WAIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Does `work` with each of `items`, three at a time: most of it is waiting.
pub fn each<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(item) =
                    items.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                {
                    work(item);
                }
            });
        }
    });
}
