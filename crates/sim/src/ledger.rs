//! What is true: who was given which token, what was sent, and what is durable. The client knows
//! none of it; the invariants are held against it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use unlapse_core::{Answer, Door, LoginReason, Now, Record, Reuse, Row, State as Login};

use crate::fault::Fault;
use crate::invariant::Invariant;
use crate::network::{Answered, Missing};
use crate::planted::Planted;
use crate::process::Pid;
use crate::server::Deed;
use crate::world::State;

/// One sending of a refresh token.
#[derive(Clone, Debug)]
struct Sending {
    call: u64,
    from: Pid,
    at: Now,
    heard: Heard,
}

/// What the sender has heard of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    /// Nothing (yet).
    Nothing,
    /// It never left.
    Unsent,
    /// An answer that leaves the token unspent.
    NoVerdict,
    /// The server's verdict.
    Verdict,
}

/// An access token, as the server made it.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) family: usize,
    /// Both clocks of the process that asked, when it asked.
    pub(crate) obtained: Now,
    pub(crate) lifetime: Option<Duration>,
    pub(crate) ends_at: Option<Duration>,
    /// The clock was set, or the process stood still, while it was asked for: nobody knows what time
    /// the process has noted.
    pub(crate) is_vague: bool,
    /// When the server made it.
    pub(crate) granted_at: Duration,
}

/// Longest that a request and the saving of its answer can take.
const LONGEST_EXCHANGE: Duration = Duration::from_secs(40);

/// What a logout has left in the store to be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Left {
    /// A mark, or a record that is gone.
    #[default]
    Seen,
    /// No record was there to be removed, and no mark is yet.
    NoRecord,
    /// Neither: whoever has a token that was never saved cannot know of it.
    Nothing,
}

/// What is true of every token.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// The class that the client was told.
    pub(crate) declared: Reuse,
    /// Whether a login may be lost in this run at all.
    pub(crate) may_lose: bool,
    pub(crate) access: BTreeMap<String, Access>,
    sendings: BTreeMap<String, Vec<Sending>>,
    /// The token that each refresh token was exchanged for, and by which call.
    successors: BTreeMap<String, (String, u64)>,
    /// Refresh tokens that a living process has been given.
    given: BTreeSet<(Pid, String)>,
    asked: BTreeMap<u64, Now>,
    asked_by: BTreeMap<u64, Pid>,
    /// A fault has happened that may cost an answer.
    pub(crate) answers_at_risk: bool,
    /// The highest generation that was rejected by a resource.
    pub(crate) rejected: u64,
    pub(crate) database_away_at: Option<Duration>,
    /// The highest generation that somebody has begun to clear.
    pub(crate) clearing: Option<u64>,
    /// The record was removed without a mark in its place, so that generations begin anew: a clock
    /// that is set back as well hides that from a process for as long as it is behind.
    pub(crate) begun_anew: bool,
    /// What the last logout has left.
    pub(crate) left: Left,
    /// Of the record when it was last cleared, and when.
    pub(crate) cleared: Option<(u64, Duration)>,
    /// What a person brought is no successor of anything.
    pub(crate) logins: u64,
    /// Rows of `classify` that an answer has reached.
    pub(crate) rows: BTreeSet<&'static str>,
    /// Rows of `plan` that decided something.
    pub(crate) planned: BTreeSet<Row>,
    /// Logins that were lost, and why that could not be helped.
    pub(crate) lost: Vec<String>,
}

impl Ledger {
    pub(crate) fn new(declared: Reuse, may_lose: bool) -> Self {
        Self {
            declared,
            may_lose,
            access: BTreeMap::new(),
            sendings: BTreeMap::new(),
            successors: BTreeMap::new(),
            given: BTreeSet::new(),
            asked: BTreeMap::new(),
            asked_by: BTreeMap::new(),
            answers_at_risk: false,
            rejected: 0,
            database_away_at: None,
            clearing: None,
            begun_anew: false,
            left: Left::default(),
            cleared: None,
            logins: 0,
            rows: BTreeSet::new(),
            planned: BTreeSet::new(),
            lost: Vec::new(),
        }
    }

    pub(crate) fn suffered(&mut self, fault: &Fault) {
        self.answers_at_risk |= fault.may_lose_an_answer();
    }

    /// A process is gone, and what only it knew.
    pub(crate) fn died(&mut self, pid: Pid) {
        self.given.retain(|(holder, _)| *holder != pid);
    }

    /// Which row of `classify` an answer reached.
    pub(crate) fn answered(&mut self, answer: &Answer, door: Door) {
        self.rows.insert(crate::coverage::answer_row(answer, door));
    }

    /// Refresh tokens that were sent twice or more.
    pub(crate) fn sent_more_than_once(&self) -> Vec<String> {
        let often = self.sendings.iter().filter(|(_, sendings)| sendings.len() > 1);
        often.map(|(token, _)| token.clone()).collect()
    }

    /// A person brought a login to a process.
    pub(crate) fn brought(&mut self, pid: Pid, refresh: &str, access: &str, granted: Access) {
        self.given.insert((pid, refresh.to_owned()));
        self.access.insert(access.to_owned(), granted);
    }
}

impl State {
    /// The newest record that would survive everything, where this process looks for it.
    pub(crate) fn durable_for(&self, pid: Pid) -> Option<Record> {
        if self.shares_database {
            self.database.newest().map(|stored| stored.record)
        } else {
            self.hosts[self.host_of(pid)].disk.durable()
        }
    }

    /// The newest generation that this process can see.
    pub(crate) fn seen_by(&self, pid: Pid) -> u64 {
        if self.shares_database {
            self.durable_for(pid).map_or(0, |record| record.generation)
        } else {
            self.hosts[self.host_of(pid)].disk.seen()
        }
    }

    fn lease_of(&self, pid: Pid) -> Option<(Pid, Duration)> {
        if self.shares_database {
            self.database.holder()
        } else {
            self.hosts[self.host_of(pid)].disk.holder()
        }
    }

    /// A request to the token endpoint leaves.
    pub(crate) fn sends(&mut self, from: Pid, call: u64, token: Option<&str>, unsent: bool) {
        let at = self.hosts[self.host_of(from)].clocks(self.now);
        self.ledger.asked.insert(call, at);
        self.ledger.asked_by.insert(call, from);
        let Some(token) = token else { return };
        if !unsent {
            self.check_sending(from, token, at);
        }
        let heard = if unsent { Heard::Unsent } else { Heard::Nothing };
        let sending = Sending { call, from, at, heard };
        self.ledger.sendings.entry(token.to_owned()).or_default().push(sending);
    }

    fn check_sending(&mut self, from: Pid, token: &str, at: Now) {
        let slot = from.slot + 1;
        // A process that stood still after it had last looked cannot know what happened meanwhile.
        let lease = self.lease_of(from);
        let mine = lease.filter(|(holder, _)| *holder == from);
        let excused = match mine {
            Some((_, since)) => self.stood_still_since(from, since),
            None => self.stood_still_since(from, self.now.saturating_sub(Duration::from_secs(90))),
        };
        // Nor whoever lost the lease in the very moment of sending.
        let just_lost = self.database.taken_over_at;
        let just_lost = just_lost.is_some_and(|at| self.now <= at + Duration::from_secs(1));
        if excused || just_lost && mine.is_none() {
            return;
        }
        let spends_freely = matches!(self.ledger.declared, Reuse::Stable);
        // Where sending a token again does no harm, nothing is guarded.
        if mine.is_none() && !spends_freely {
            self.violate(Invariant::Lease, format_args!("P{slot} sends {token} without a lease"));
        }
        let durable = self.durable_for(from);
        let newest = durable.as_ref().and_then(|record| record.token.as_ref());
        let newest = newest.and_then(|token| token.refresh_token.as_ref());
        let is_newest = newest.is_some_and(|newest| newest.expose() == token);
        let intends = durable.as_ref().is_some_and(|record| record.intent.is_some());
        let learned = durable
            .as_ref()
            .map_or(self.ledger.declared, |record| record.reuse(self.ledger.declared));
        if is_newest && !intends && !spends_freely && learned != Reuse::Stable {
            self.violate(Invariant::Intent, format_args!("P{slot} sends {token} unannounced"));
        }
        let given = self.ledger.given.contains(&(from, token.to_owned()));
        // What somebody who has lost the lease put aside just now could not be seen.
        let taken_over = self.database.taken_over_at;
        let unseen = taken_over.is_some_and(|at| self.now <= at + LONGEST_EXCHANGE);
        if !is_newest && !given && newest.is_some() && !unseen {
            let what = format_args!("P{slot} sends {token}, and a newer one is durable");
            self.violate(Invariant::Superseded, what);
        }
        if let Some((next, _)) = self.ledger.successors.get(token)
            && self.ledger.given.contains(&(from, next.clone()))
            // Its other renewal, which lost the lease, may have the answer in its hands.
            && !unseen
        {
            let what = format!("P{slot} sends {token} although it was given {next}");
            self.violate(Invariant::Superseded, format_args!("{what}"));
        }
        self.check_replay(from, token, at, learned, durable.as_ref());
    }

    /// Holds a sending of a token that was sent before against R7.
    fn check_replay(
        &mut self,
        from: Pid,
        token: &str,
        at: Now,
        class: Reuse,
        durable: Option<&Record>,
    ) {
        let doubts = self.ledger.sendings.get(token).into_iter().flatten();
        let first = doubts.filter(|sending| sending.heard == Heard::Nothing).map(|s| s.at).next();
        let (Some(first), Some(window)) = (first, class.window()) else { return };
        // Nobody can know of a clock that is set between a decision and its deed.
        let set_at = self.hosts[self.host_of(from)].wall_set_at;
        if set_at.is_some_and(|set_at| self.now.saturating_sub(set_at) < Duration::from_secs(1)) {
            return;
        }
        // The intent is a little older than the sending, so that the clock of another host may stand
        // between the two; the last resort has to be one.
        let slack = if window.is_zero() { Duration::ZERO } else { Duration::from_secs(1) };
        let intent = Now { wall: first.wall.minus(slack), ..first };
        let inside = at.within(window + slack, &first) || at.within(slack, &intent);
        let record = durable.and_then(|record| record.token.as_ref());
        let expired = record.is_none_or(|token| token.is_expired(&at));
        let rejected = durable.is_some_and(|record| self.ledger.rejected >= record.generation);
        if !inside && !expired && !rejected {
            let slot = from.slot + 1;
            let what = format_args!("P{slot} sends {token} again, outside of {class}");
            self.violate(Invariant::Superseded, what);
        }
    }

    /// A process that is gone had sent a token, and the server has acted on it, or never will.
    pub(crate) fn note_lost_sending(&mut self, token: &str, at: Now, acted: bool) {
        let from = Pid { slot: usize::MAX, life: 0 };
        let sending = Sending { call: 0, from, at, heard: Heard::Nothing };
        self.ledger.sendings.entry(token.to_owned()).or_default().push(sending);
        self.ledger.answers_at_risk = true;
        if acted {
            self.server.rotate_unheard(token);
        }
    }

    /// The server has done something for a call.
    pub(crate) fn did(&mut self, call: u64, token: Option<&str>, deed: Deed) {
        match deed {
            Deed::Granted { family, refresh, access, rotated } => {
                let obtained = self.ledger.asked.get(&call).copied().unwrap_or_default();
                let lifetime = self.server.lifetime;
                let ends_at = lifetime.map(|lifetime| self.now + lifetime);
                let granted_at = self.now;
                let asked = self.ledger.asked_by.get(&call).copied();
                let set_at = asked.and_then(|pid| self.hosts[self.host_of(pid)].wall_set_at);
                let second = Duration::from_secs(1);
                let before = self.now.saturating_sub(LONGEST_EXCHANGE);
                let is_vague = set_at.is_some_and(|at| at + second >= granted_at)
                    || asked.is_some_and(|pid| self.stood_still_since(pid, before));
                let granted = Access { family, obtained, lifetime, ends_at, is_vague, granted_at };
                self.ledger.access.insert(access, granted);
                if let Some(token) = token.filter(|_| rotated) {
                    self.ledger.successors.insert(token.to_owned(), (refresh, call));
                }
            }
            Deed::ReuseFound { family } => self.check_loss(family, token.unwrap_or_default()),
            Deed::Refused | Deed::Nothing => {}
        }
    }

    /// A login was lost to reuse: was there no way around it?
    fn check_loss(&mut self, family: usize, token: &str) {
        let helpless = self.ledger.answers_at_risk && self.ledger.may_lose;
        let what = format!("login {family} ended, since {token} was used twice");
        if helpless {
            self.ledger.lost.push(what);
        } else {
            self.violate(Invariant::Family, format_args!("{what}"));
        }
    }

    /// A process hears what became of its request.
    pub(crate) fn hears(&mut self, call: u64, pid: Pid, answer: &Result<Answered, Missing>) {
        use unlapse_core::{Body, ErrorCode};
        let (heard, failed) = match answer {
            Ok(Answered::Token(reply)) => match (&reply.body, reply.status) {
                (_, 408 | 425 | 429 | 500..) => {
                    // A gateway has said nothing of what the server did.
                    let silent = matches!(reply.status, 502 | 504);
                    let strict = self.ledger.declared == Reuse::Strict;
                    let heard = if silent && strict { Heard::Nothing } else { Heard::NoVerdict };
                    (heard, reply.status != 429)
                }
                (Body::Grant(_), 200..300) | (Body::Error(ErrorCode::Rejection(_)), _) => {
                    (Heard::Verdict, false)
                }
                _ => (Heard::NoVerdict, true),
            },
            Err(Missing::Unsent) => (Heard::Unsent, true),
            _ => (Heard::Nothing, true),
        };
        if let Ok(Answered::Token(reply)) = answer
            && let Body::Grant(grant) = &reply.body
            && let Some(refresh) = grant.refresh_token.as_ref().filter(|_| reply.status < 300)
        {
            self.ledger.given.insert((pid, refresh.expose().to_owned()));
        }
        let host = self.host_of(pid);
        // A verdict on the client is no answer that helps (R9): it counts as a failure.
        let client = matches!(answer, Ok(Answered::Token(reply)) if matches!(&reply.body,
            Body::Error(ErrorCode::Rejection(rejection)) if !rejection.ends_login()));
        self.hosts[host].was_rejected = heard == Heard::Verdict
            && !client
            && matches!(answer, Ok(Answered::Token(reply)) if matches!(reply.body, Body::Error(_)));
        if failed || client {
            self.hosts[host].failures += 1;
        } else if heard == Heard::Verdict {
            self.hosts[host].failures = 0;
        }
        for sendings in self.ledger.sendings.values_mut() {
            let Some(this) =
                sendings.iter().position(|sending| sending.call == call && sending.from == pid)
            else {
                continue;
            };
            sendings[this].heard = heard;
            if heard == Heard::Verdict {
                // A verdict resolves every doubt before it.
                sendings[..this].iter_mut().for_each(|sending| sending.heard = heard);
            }
        }
    }

    /// A process gave a request up that was still under way.
    pub(crate) fn gave_up(&mut self, call: u64, pid: Pid, after: Duration) {
        let host = self.host_of(pid);
        self.hosts[host].failures += 1;
        // No deadline is shorter than a second.
        if after < Duration::from_secs(1) {
            let what = format_args!("P{} gave call {call} up after {after:?}", pid.slot + 1);
            self.violate(Invariant::Abandoned, what);
        }
    }

    /// A record became durable.
    pub(crate) fn kept(&mut self, record: &Record) {
        if self.planted == Some(Planted::AdoptOlder) {
            self.history.push(record.clone());
        }
        if record.generation > 0 && record.token.is_none() && record.credentials.is_none() {
            self.is_removed(record.generation.saturating_sub(100));
        }
        let Login::NeedsLogin(reason) = record.state else { return };
        let judged = matches!(reason, LoginReason::RefreshRejected | LoginReason::RotationLost);
        let token = record.token.as_ref().and_then(|token| token.refresh_token.as_ref());
        if let Some(token) = token.filter(|_| judged)
            && self.server.would_take(token.expose(), self.now)
        {
            let what = format!("{reason:?}, although the server would take {}", token.expose());
            self.violate(Invariant::Ended, format_args!("{what}"));
        }
    }
}
