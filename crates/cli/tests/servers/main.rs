//! Servers that fail in every way, and say no (R8, R9, R10, R15, R16, R17, C10, C11).
#![allow(clippy::disallowed_methods, reason = "tests measure and wait")]

#[path = "../harness/mod.rs"]
mod harness;
mod lost_replies;
mod outages;
mod security;
mod stale;
mod verdicts;
mod waits;

use std::time::Duration;

use harness::{AuthServer, Class, Project};

/// Longest that a valid token may keep a script waiting when its renewal does not work.
pub(crate) const SERVED_WITHIN: Duration = Duration::from_secs(6);

/// So that no test waits long for what it does not measure.
pub(crate) const QUICK: &str = "base_delay = \"10ms\"\ntimeout = \"1s\"\n";

/// A grace server whose class is not known, and a login.
pub(crate) fn logged_in(profile: &str, policy: &str) -> (AuthServer, Project) {
    let server = AuthServer::start(Class::Grace(Duration::from_secs(60)));
    let project = Project::new(&server, profile, policy);
    project.log_in(&server);
    (server, project)
}
