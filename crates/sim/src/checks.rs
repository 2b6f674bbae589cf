//! Holds every call against what is true.

use std::time::Duration;

use unlapse::{AccessToken, Bearer, Error};
use unlapse_core::{Freshness, LoginReason, Reuse, Spend};

use crate::caller::{API_KEY, Action, key};
use crate::invariant::Invariant;
use crate::ledger::Left;
use crate::process::Pid;
use crate::world::State;

/// What a caller was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handed {
    access: String,
    generation: u64,
    is_unsaved: bool,
}

impl Handed {
    pub(crate) fn bearer(bearer: &Bearer) -> Option<Self> {
        let text = bearer.header().to_str().ok()?;
        let access = text.split_once(' ')?.1.to_owned();
        Some(Self { access, generation: bearer.generation(), is_unsaved: false })
    }

    pub(crate) fn token(token: &AccessToken) -> Self {
        Self {
            access: token.secret.expose().to_owned(),
            generation: token.generation,
            is_unsaved: token.is_unsaved,
        }
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }
}

/// A call under way.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    pub(crate) pid: Pid,
    pub(crate) at: Duration,
    pub(crate) action: Action,
}

/// Longest that any call may take while its process runs: the callers' deadline, the wait for a
/// lease, and a little more (R17).
const LONGEST_CALL: Duration = Duration::from_secs(75);

/// The clocks of two looks are not read at the same moment.
const SLACK: Duration = Duration::from_secs(1);

impl State {
    pub(crate) fn call_begins(&mut self, pid: Pid, action: Action) -> u64 {
        self.calls += 1;
        if matches!(action, Action::Clear | Action::LogOut) {
            let generation = self.seen_by(pid).max(self.highest_handed());
            self.ledger.clearing = self.ledger.clearing.max(Some(generation));
        }
        self.open.insert(self.calls, Open { pid, at: self.now, action });
        self.calls
    }

    pub(crate) fn call_ends(&mut self, call: u64, result: Result<Option<Handed>, Error>) {
        let Some(open) = self.open.remove(&call) else { return };
        self.check_wait(&open);
        match result {
            Ok(handed) => {
                self.processes[open.pid.slot].last_error = None;
                if let Some(handed) = handed {
                    self.check_handed(&open, &handed);
                }
            }
            Err(error) => {
                self.check_canary(open.pid, &format!("{error:?} {error}"));
                self.note(
                    crate::trace::Actor::Process(open.pid.slot),
                    None,
                    format_args!("a caller is told: {error}"),
                );
                self.check_refused(&open, &error);
                self.processes[open.pid.slot].last_error = Some(error.clone());
                if open.action == Action::Final {
                    self.check_final(&open, &error);
                }
            }
        }
        if open.action == Action::Final {
            self.answered_at_the_end += 1;
        }
    }

    /// R17, R20: nobody waits beyond every deadline.
    pub(crate) fn check_wait(&mut self, open: &Open) {
        let took = self.now.saturating_sub(open.at);
        if took > LONGEST_CALL && !self.stood_still_since(open.pid, open.at) {
            let what = format_args!("{:?} of P{} took {took:?}", open.action, open.pid.slot + 1);
            self.violate(Invariant::Stranded, what);
        }
    }

    fn check_handed(&mut self, open: &Open, handed: &Handed) {
        let pid = open.pid;
        let slot = pid.slot + 1;
        if handed.access == API_KEY {
            return;
        }
        let host = &self.hosts[self.host_of(pid)];
        let clocks = host.clocks(self.now);
        // The hot path asks the wall clock alone, for as long as memory is trusted.
        let trust = self.profile.policy.trust + SLACK;
        let was_set = host.wall_set_at.is_some_and(|at| self.now.saturating_sub(at) <= trust);
        let still = self.stood_still_since(pid, open.at);
        let granted = self.ledger.access.get(&handed.access).cloned();
        let Some(granted) = granted else {
            let what = format_args!("P{slot} hands out {}, which nobody granted", handed.access);
            return self.violate(Invariant::Older, what);
        };
        if granted.lifetime.is_some_and(|life| clocks.since(&granted.obtained) >= life + SLACK)
            && !was_set
            && !still
            && !granted.is_vague
        {
            let age = clocks.since(&granted.obtained);
            let what = format_args!(
                "P{slot} hands out {} for {:?}, {age:?} old of {:?}",
                handed.access, open.action, granted.lifetime
            );
            self.violate(Invariant::Expired, what);
        }
        let durable = self.seen_by(pid);
        let process = &self.processes[pid.slot];
        let (before, born_at) = (process.handed.clone(), process.born_at);
        let admitted = handed.is_unsaved || process.said_unsaved;
        let gone = self.ledger.clearing.is_some_and(|gone| handed.generation <= gone);
        if durable < handed.generation && !admitted && !gone {
            let what = format_args!(
                "P{slot} hands out generation {}, and only {durable} is durable",
                handed.generation
            );
            self.violate(Invariant::Durable, what);
        }
        let gone = self.ledger.clearing.unwrap_or(0);
        let older = before
            .as_ref()
            .is_some_and(|(generation, _)| handed.generation < *generation && *generation > gone);
        // What only one process had gives way to what the store has.
        if (older || handed.generation < born_at) && !admitted {
            let what = format_args!(
                "P{slot} hands out generation {} after {before:?}, born at {born_at}",
                handed.generation
            );
            self.violate(Invariant::Older, what);
        }
        if self.ledger.cleared.is_some_and(|(_, at)| granted.granted_at < at) {
            self.check_cleared(open, handed);
        }
        self.processes[pid.slot].handed = Some((handed.generation, handed.access.clone()));
    }

    /// K9: what was cleared is not served beyond the time that memory is trusted.
    fn check_cleared(&mut self, open: &Open, handed: &Handed) {
        let Some((generation, at)) = self.ledger.cleared else { return };
        let policy = &self.profile.policy;
        let known_by = at + policy.trust + policy.lease_wait * 2 + SLACK;
        let keeps = self.processes[open.pid.slot].script.keeper;
        let still = self.stood_still_since(open.pid, at);
        let readable = !self.was_unreadable_since(open.pid, at);
        let began = self.processes[open.pid.slot].started_at <= at;
        let late = open.at > known_by;
        // Nothing was stored before, and nothing is that could tell of the logout.
        let said_unsaved = handed.is_unsaved || self.processes[open.pid.slot].said_unsaved;
        let unseen = self.ledger.left == Left::Nothing && said_unsaved;
        if late && !unseen && keeps && !still && readable && began {
            let what = format_args!(
                "P{} serves generation {} long after {generation} was cleared",
                open.pid.slot + 1,
                handed.generation
            );
            self.violate(Invariant::Cleared, what);
        }
    }

    fn was_unreadable_since(&self, pid: Pid, since: Duration) -> bool {
        let disk = &self.hosts[self.host_of(pid)].disk;
        disk.unreadable_at.is_some_and(|at| at >= since)
            || self.ledger.database_away_at.is_some_and(|at| at >= since)
    }

    /// R10: whoever asks for any valid token gets one, if there is one.
    fn check_refused(&mut self, open: &Open, error: &Error) {
        let pid = open.pid;
        let set_at = self.hosts[self.host_of(pid)].wall_set_at;
        let was_set = set_at.is_some_and(|at| at + SLACK >= open.at)
            || set_at.is_some() && self.ledger.begun_anew;
        if !open.action.asks_for_any() || self.stood_still_since(pid, open.at) || was_set {
            return;
        }
        let clocks = self.hosts[self.host_of(pid)].clocks(self.now);
        // A token that the resource has just refused helps nobody (R13).
        let rejected = self.ledger.rejected;
        let gone = rejected.max(self.ledger.clearing.unwrap_or(0));
        let is_valid = |access: &str| {
            let granted = self.ledger.access.get(access);
            granted.is_some_and(|granted| {
                let age = clocks.since(&granted.obtained) + SLACK;
                !granted.is_vague && granted.lifetime.is_none_or(|lifetime| age < lifetime)
            })
        };
        // What the process alone has; anything else of its own gives way to what the store has,
        // which may have ended already, by clocks that do not agree.
        let kept = gone.max(self.seen_by(pid));
        let own = self.processes[pid.slot].handed.as_ref();
        let own = own.filter(|(generation, access)| *generation > kept && is_valid(access));
        let own = own.map(|(_, access)| access.clone());
        // Durable, and still what is seen: a logout may have got as far as that.
        let seen = self.seen_by(pid);
        let stored = self.durable_for(pid).filter(|record| record.generation == seen);
        let stored = stored.filter(|record| record.generation > gone);
        let readable = !self.was_unreadable_since(pid, open.at);
        let stored = stored.filter(|record| readable && record.stored_at.plus(SLACK) < clocks.wall);
        let stored = stored.and_then(|record| record.token);
        let stored = stored.filter(|token| token.left(&clocks).is_none_or(|left| left > SLACK));
        let stored = stored.map(|token| token.access_token.expose().to_owned());
        let rules = matches!(error, Error::RuleBroken { .. });
        let whose = if own.is_some() { "its own" } else { "the stored" };
        if let Some(access) = own.or(stored).filter(|_| !rules) {
            let (slot, action) = (pid.slot + 1, open.action);
            let what = format!("P{slot} withholds {whose} {access} from {action:?}: {error}");
            self.violate(Invariant::Withheld, format_args!("{what}"));
        }
    }

    /// After healing, an error other than "log in" is a failure; so is a login that vanished.
    fn check_final(&mut self, open: &Open, error: &Error) {
        let slot = open.pid.slot + 1;
        match error {
            Error::NeedsLogin { reason: LoginReason::NeverLoggedIn, .. }
                if self.ledger.clearing.is_none() && self.ledger.logins > 0 =>
            {
                self.violate(Invariant::Family, format_args!("P{slot}: the login vanished"));
            }
            Error::NeedsLogin { .. } => {}
            error => {
                let what = format!("P{slot} is told after healing: {error}");
                self.violate(Invariant::Alive, format_args!("{what}"));
            }
        }
    }

    /// R18: no secret in what people read.
    pub(crate) fn check_canary(&mut self, pid: Pid, text: &str) {
        if text.contains("canary") {
            let what = format_args!("P{} says a secret", pid.slot + 1);
            self.violate(Invariant::Canary, what);
        }
    }

    /// R12: a renewal ahead of time begins at the moment that key and generation say.
    pub(crate) fn check_moment(&mut self, pid: Pid, spend: Spend) {
        let since = self.now.saturating_sub(LONGEST_CALL * 2);
        if !self.is_calm || spend != Spend::Refresh || self.stood_still_since(pid, since) {
            return;
        }
        let Some(record) = self.durable_for(pid) else { return };
        let clocks = self.hosts[self.host_of(pid)].clocks(self.now);
        let policy = &self.profile.policy;
        let early = record.freshness(&key(), &clocks, policy);
        if let Some(Freshness::Fresh { due_in }) = early
            && self.ledger.rejected < record.generation
        {
            let what = format_args!("P{} renews {due_in:?} too early", pid.slot + 1);
            self.violate(Invariant::Jitter, what);
        }
    }

    /// A resource answers: it takes a token that has not ended, of a login that has not.
    pub(crate) fn resource_takes(&self, handed: &Handed) -> bool {
        if handed.access == API_KEY {
            return true;
        }
        self.ledger.access.get(&handed.access).is_some_and(|granted| {
            granted.ends_at.is_none_or(|end| self.now < end)
                && self.server.families[granted.family].ended.is_none()
        })
    }

    pub(crate) fn was_rejected(&mut self, generation: u64) {
        self.ledger.rejected = self.ledger.rejected.max(generation);
        self.note(
            crate::trace::Actor::Fate,
            None,
            format_args!("a resource answers 401 to generation {generation}"),
        );
    }

    /// A process says that it has renewed: now, at the latest, the answer is durable (R4).
    pub(crate) fn check_renewed(&mut self, pid: Pid, generation: u64) {
        let durable = self.durable_for(pid).map_or(0, |record| record.generation);
        if durable < generation && !self.processes[pid.slot].said_unsaved {
            let what = format_args!(
                "P{} has renewed to generation {generation}, and only {durable} is durable",
                pid.slot + 1
            );
            self.violate(Invariant::Durable, what);
        }
    }

    fn highest_handed(&self) -> u64 {
        let handed = self.processes.iter().filter_map(|process| process.handed.as_ref());
        handed.map(|(generation, _)| *generation).max().unwrap_or(0)
    }

    /// A process has cleared the credential.
    pub(crate) fn was_cleared(&mut self, pid: Pid) {
        let generation = self.ledger.clearing.unwrap_or(0);
        let is_marked = self.durable_for(pid).is_some();
        self.ledger.left = match self.ledger.left {
            Left::NoRecord if !is_marked => Left::Nothing,
            _ => Left::Seen,
        };
        self.ledger.cleared = Some((generation, self.now));
    }

    /// The record is removed: from now on, generations may begin anew.
    pub(crate) fn is_removed(&mut self, generation: u64) {
        let generation = generation.max(self.highest_handed());
        self.ledger.clearing = self.ledger.clearing.max(Some(generation));
        for process in &mut self.processes {
            process.handed = None;
            process.born_at = 0;
        }
    }

    /// What must be true when everything is at rest.
    pub(crate) fn check_rest(&mut self) {
        for host in &mut self.hosts {
            host.disk.write_back(self.now);
        }
        let open: Vec<Open> = self.open.values().cloned().collect();
        for open in open {
            if self.is_alive(open.pid) {
                self.check_wait(&open);
            }
        }
        for slot in 0..self.processes.len() {
            let process = &self.processes[slot];
            let pid = Pid { slot, life: process.life };
            let handed = process.handed.clone();
            let durable = self.durable_for(pid).map_or(0, |record| record.generation);
            if let Some((generation, _)) = handed
                && self.processes[slot].script.keeper
                && self.is_alive(pid)
                && durable < generation
            {
                let what = format_args!("P{} never saved generation {generation}", slot + 1);
                self.violate(Invariant::Durable, what);
            }
        }
        if self.faults.is_empty() && self.server.class != Reuse::Stable && self.is_calm {
            for token in self.ledger.sent_more_than_once() {
                let what = format!("{token} was sent more than once, and nothing was broken");
                self.violate(Invariant::Once, format_args!("{what}"));
            }
        }
    }
}
