//! What has happened so far, as Prometheus reads it.

use core::fmt::{self, Write as _};
use core::time::Duration;

use super::Issuer;
use crate::stats::Counts;

impl Issuer {
    /// What has happened so far, in the text format of Prometheus: what
    /// [`counts`](Self::counts) says, refusals by their code, and how long requests took, where
    /// [`metrics`](super::IssuerBuilder::metrics) are on. Each process tells its own.
    pub fn metrics(&self) -> String {
        let mut text = String::with_capacity(16 * 1024);
        // A string takes everything: there is no error.
        let _ = self.write_metrics(&mut text);
        text
    }

    fn write_metrics(&self, out: &mut String) -> fmt::Result {
        for (name, help, value) in self.counts().named() {
            writeln!(out, "# HELP unlapse_issuer_{name}_total {help}")?;
            writeln!(out, "# TYPE unlapse_issuer_{name}_total counter")?;
            writeln!(out, "unlapse_issuer_{name}_total {value}")?;
        }
        let name = "unlapse_issuer_refusals_total";
        writeln!(out, "# HELP {name} Requests refused, by their code.\n# TYPE {name} counter")?;
        for (code, value) in self.parts.stats.refusals() {
            writeln!(out, "{name}{{code=\"{}\"}} {value}", code.as_str())?;
        }
        self.parts.durations.write("unlapse_issuer_request_duration_seconds", out)
    }

    /// Whether there is an endpoint for them.
    pub(crate) fn has_metrics(&self) -> bool {
        self.parts.metrics
    }

    /// A request to `endpoint` took so long.
    pub(crate) fn measured(&self, endpoint: &str, took: Duration) {
        self.parts.durations.count(endpoint, took);
    }
}

impl Counts {
    /// Each counter with its name and what it counts.
    fn named(&self) -> [(&'static str, &'static str, u64); 16] {
        [
            ("requests", "HTTP requests of any kind.", self.requests),
            ("logins", "Logins with a password that succeeded.", self.logins),
            ("login_failures", "Logins with a wrong name or password.", self.login_failures),
            ("sessions_opened", "Sessions that began.", self.sessions_opened),
            ("client_grants", "Tokens granted to clients for themselves.", self.client_grants),
            ("exchanges", "Tokens given for another token or an assertion.", self.exchanges),
            ("rotations", "Refresh tokens succeeded by the next.", self.rotations),
            ("replays", "Refresh tokens answered with the successor they had.", self.replays),
            ("reuse_revocations", "Sessions revoked because of reuse.", self.reuse_revocations),
            ("families_revoked", "Sessions revoked for any reason.", self.families_revoked),
            (
                "access_tokens_revoked",
                "Access tokens without a session that were revoked.",
                self.access_tokens_revoked,
            ),
            ("introspections", "Questions what a token is good for.", self.introspections),
            ("rejections", "Requests refused with a verdict.", self.rejections),
            ("limited", "Requests told to wait (429).", self.limited),
            ("unavailable", "Requests that could not be judged (503).", self.unavailable),
            ("audit_lost", "Entries that an audit log lacks.", self.audit_lost),
        ]
    }
}
