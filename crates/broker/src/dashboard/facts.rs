//! What the pages show, before it is put into words. None of it is a secret.

use core::time::Duration;

use unlapse::unlapse_core::{Breaker, UnixTime};

use crate::code::Code;
use crate::connection::Connection;
use crate::name::Name;
use crate::tenant::Speed;
use crate::verb::Verbs;

/// An API key that somebody signs in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// Its id, which is no secret.
    pub(crate) id: String,
    /// What it is called.
    pub(crate) label: String,
    /// Whose it is; `None`: an operator's.
    pub(crate) tenant: Option<Name>,
    /// What its bearer may do.
    pub(crate) verbs: Verbs,
    /// When it ends.
    pub(crate) expires_at: Option<UnixTime>,
}

/// How the broker, or a tenant's part of it, is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Overview {
    /// Connections, each kind once.
    pub(crate) counts: Vec<Counted>,
    /// Connections that are due already.
    pub(crate) overdue: u64,
    /// Since when the one is due that has waited longest.
    pub(crate) oldest_due: Option<UnixTime>,
    /// Connections that come due in each of the hours that follow.
    pub(crate) due: Vec<u64>,
    /// Renewals of the last whole minutes, the oldest first.
    pub(crate) minutes: Vec<Minute>,
    /// How long providers take to answer, over the last hour.
    pub(crate) latencies: Vec<Latency>,
    /// Failures of the last hour, the most frequent first.
    pub(crate) errors: Vec<Failed>,
    /// Circuits that have anything to tell.
    pub(crate) circuits: Vec<Circuit>,
    /// Refresh tokens that come to an end.
    pub(crate) ends: Vec<Ends>,
    /// The nodes; a tenant sees none.
    pub(crate) nodes: Vec<Node>,
    /// Tokens that this node has and could not save yet.
    pub(crate) unsaved: u64,
}

/// How many connections of an app are in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    /// The app, after its tenant where there are several: `acme/google`.
    pub(crate) app: String,
    /// Why they need their user; `None`: they are active.
    pub(crate) needs_user: Option<Code>,
    /// How many.
    pub(crate) count: u64,
}

/// The renewals of a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Minute {
    /// Those that brought a token.
    pub(crate) renewed: u64,
    /// Those that failed.
    pub(crate) failed: u64,
}

/// How long a provider takes to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Latency {
    /// The app.
    pub(crate) app: String,
    /// Answers that were measured.
    pub(crate) count: u64,
    /// Half of them took no longer.
    pub(crate) p50: Duration,
    /// 95 of a hundred took no longer.
    pub(crate) p95: Duration,
    /// 99 of a hundred took no longer.
    pub(crate) p99: Duration,
}

/// How often renewals of an app failed for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    /// The app.
    pub(crate) app: String,
    /// The reason.
    pub(crate) code: Code,
    /// How often.
    pub(crate) count: u64,
}

/// The circuit of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Circuit {
    /// The app.
    pub(crate) app: String,
    /// Its state.
    pub(crate) breaker: Breaker,
    /// Why it last failed, where that is known.
    pub(crate) code: Option<Code>,
}

/// How many refresh tokens of an app come to an end, and with them the consent of their users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    /// The app.
    pub(crate) app: String,
    /// Within 7 days.
    pub(crate) week: u64,
    /// Within 14 days, those among them.
    pub(crate) fortnight: u64,
    /// Within 30 days, those among them.
    pub(crate) month: u64,
}

/// A node of the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// What it calls itself.
    pub(crate) name: String,
    /// Until when it counts as alive.
    pub(crate) alive_until: UnixTime,
}

/// One renewal of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// When it ended.
    pub(crate) at: UnixTime,
    /// What it was for, in a word: `ahead`, `asked`, `forced`.
    pub(crate) what: String,
    /// How it failed; `None`: it brought a token.
    pub(crate) code: Option<Code>,
    /// How long it took.
    pub(crate) duration: Duration,
    /// Which node made it.
    pub(crate) node: String,
}

/// A connection, and what has been done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct History {
    /// The connection.
    pub(crate) connection: Connection,
    /// The last renewals, the newest first.
    pub(crate) attempts: Vec<Attempt>,
}

/// An app, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AppFacts {
    /// Whose it is.
    pub(crate) tenant: Name,
    /// What connections name as their provider.
    pub(crate) name: Name,
    /// The provider's name in the catalogue.
    pub(crate) provider: Name,
    /// `client_id`, which is no secret (RFC 6749 §2.2).
    pub(crate) client_id: String,
    /// Scopes that it asks for.
    pub(crate) scopes: Vec<String>,
    /// When it last changed.
    pub(crate) changed_at: UnixTime,
    /// Its circuit.
    pub(crate) breaker: Breaker,
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TenantFacts {
    /// Its name.
    pub(crate) name: Name,
    /// How eagerly its connections are renewed.
    pub(crate) speed: Speed,
}

/// A bulk import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// Its id.
    pub(crate) id: String,
    /// Whose it is.
    pub(crate) tenant: Name,
    /// When it began.
    pub(crate) started_at: UnixTime,
    /// When the last of it came in.
    pub(crate) touched_at: UnixTime,
    /// Whether all of it is in.
    pub(crate) is_done: bool,
    /// Lines that were read.
    pub(crate) lines: u64,
    /// Of them, connections that were brought.
    pub(crate) brought: u64,
    /// Of them, refused.
    pub(crate) refused: u64,
    /// How many lines it says to have.
    pub(crate) of: Option<u64>,
}

/// An entry of the audit log, or an event: what was done, by whom, with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its place in the order.
    pub(crate) number: u64,
    /// When.
    pub(crate) at: UnixTime,
    /// Whose.
    pub(crate) tenant: Option<Name>,
    /// Who did it.
    pub(crate) by: Option<String>,
    /// What was done.
    pub(crate) what: String,
    /// With what.
    pub(crate) subject: String,
    /// How it came out, or what else there is to say.
    pub(crate) detail: String,
}
