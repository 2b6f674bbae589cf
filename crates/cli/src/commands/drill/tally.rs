//! What was seen while a row ran.

use std::collections::BTreeMap;
use std::time::Duration;

use unlapse_issuer::Counts;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ending {
    /// With this exit code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
    /// Not within its deadline: it was killed.
    Overdue,
}

/// What a command's stdout was worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Handed {
    /// It was empty.
    Nothing,
    /// A token that the server accepted when it was printed.
    Valid,
    /// A token of the server's that had ended before it was printed.
    Ended,
    /// A token of the server's that is revoked.
    Revoked,
    /// Something that the server has never given out.
    Foreign,
}

/// One run of the command.
#[derive(Clone, Debug)]
pub(super) struct Ran {
    pub(super) ending: Ending,
    pub(super) handed: Handed,
    pub(super) took: Duration,
    /// The first line of stderr, which must have no secret in it.
    pub(super) said: String,
    /// Where a secret of the row was seen.
    pub(super) leaked: Option<&'static str>,
}

impl Ran {
    /// It did what it is for.
    pub(super) fn is_good(&self) -> bool {
        self.ending == Ending::Exit(0) && self.handed == Handed::Valid
    }
}

/// Everything that was seen of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// How often commands ended how.
    pub(super) endings: BTreeMap<Ending, u64>,
    /// Tokens that were printed with exit code 0 and that the server accepted.
    pub(super) valid: u64,
    /// What else was printed with exit code 0.
    pub(super) wrong: BTreeMap<Handed, u64>,
    /// Commands that failed without a word on stderr.
    pub(super) silent: u64,
    /// Places where a secret was seen, by command.
    pub(super) leaks: BTreeMap<&'static str, u64>,
    /// What a failed command said last.
    pub(super) said: Option<String>,
    /// Why the tool's daemon could not be started again.
    pub(super) stuck: Option<String>,
    /// The longest that a command took.
    pub(super) slowest: Duration,
    /// Requests for a token.
    pub(super) requests: u64,
    /// Refresh tokens that were succeeded by the next.
    pub(super) renewals: u64,
    /// Refresh tokens that were sent again within the grace window.
    pub(super) replays: u64,
    /// Logins that a second use of a refresh token has ended.
    pub(super) families_revoked: u64,
    /// How long after the fault a valid token was printed; `None`: not at all.
    pub(super) recovered: Option<Duration>,
}

impl Tally {
    pub(super) fn commands(&self) -> u64 {
        self.endings.values().sum()
    }

    pub(super) fn ended(&self, ending: Ending) -> u64 {
        self.endings.get(&ending).copied().unwrap_or_default()
    }

    /// Tokens that were printed with exit code 0 and that the server did not accept.
    pub(super) fn invalid(&self) -> u64 {
        let printed = self.wrong.iter().filter(|(handed, _)| **handed != Handed::Nothing);
        printed.map(|(_, count)| count).sum()
    }

    /// Counts one run.
    pub(super) fn add(&mut self, ran: &Ran) {
        *self.endings.entry(ran.ending).or_default() += 1;
        self.slowest = self.slowest.max(ran.took);
        if let Some(place) = ran.leaked {
            *self.leaks.entry(place).or_default() += 1;
        }
        match (ran.ending, ran.handed) {
            (Ending::Exit(0), Handed::Valid) => self.valid += 1,
            (Ending::Exit(0), wrong) => *self.wrong.entry(wrong).or_default() += 1,
            (Ending::Exit(_), _) => {
                if ran.said.is_empty() {
                    self.silent += 1;
                } else {
                    self.said = Some(ran.said.clone());
                }
            }
            // What was killed had no time to say anything.
            (Ending::Signal(_) | Ending::Overdue, _) => {}
        }
    }

    /// Takes over what a server has counted.
    pub(super) fn served(&mut self, requests: u64, counts: Counts) {
        self.requests += requests;
        self.renewals += counts.rotations;
        self.replays += counts.replays;
        self.families_revoked += counts.families_revoked;
    }

    /// Both together. A login must be alive in both.
    #[must_use]
    pub(super) fn plus(mut self, other: Self) -> Self {
        for (ending, count) in other.endings {
            *self.endings.entry(ending).or_default() += count;
        }
        for (place, count) in other.leaks {
            *self.leaks.entry(place).or_default() += count;
        }
        self.valid += other.valid;
        for (handed, count) in other.wrong {
            *self.wrong.entry(handed).or_default() += count;
        }
        self.silent += other.silent;
        self.said = other.said.or(self.said);
        self.stuck = other.stuck.or(self.stuck);
        self.slowest = self.slowest.max(other.slowest);
        self.requests += other.requests;
        self.renewals += other.renewals;
        self.replays += other.replays;
        self.families_revoked += other.families_revoked;
        self.recovered = self.recovered.zip(other.recovered).map(|(one, two)| one.max(two));
        self
    }
}
