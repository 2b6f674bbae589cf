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
#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test binary uses its part")]

mod families;
mod fault;
mod process;
mod project;
mod server;

pub use families::{Class, Counts};
pub use fault::{Canned, Fault};
pub use process::{Run, Running};
pub use project::Project;
pub use server::AuthServer;

use std::time::{Duration, Instant};

/// Longest wait for anything that should happen on a loaded machine.
pub const WAIT: Duration = Duration::from_secs(60);

/// Whether the long suites were asked for (`UNLAPSE_SUITES=full`).
pub fn is_full() -> bool {
    std::env::var("UNLAPSE_SUITES").is_ok_and(|suites| suites == "full")
}

/// Waits until `done`, looking every few milliseconds; panics after [`WAIT`].
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < WAIT, "not within {WAIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
