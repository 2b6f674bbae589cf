//! How much goes wrong in a random run, and what.

use std::time::Duration;

use unlapse_core::Rejection;

use crate::chance::Chance;
use crate::fault::Fault;
use crate::network::Fate;
use crate::server::Mood;
use crate::trace::Actor;

/// The kinds of faults, for a run to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Deaths,
    Pauses,
    Cancels,
    Clocks,
    Disks,
    Lines,
    Database,
    Moods,
    Revocations,
}

impl Kind {
    pub(crate) const ALL: [Self; 9] = [
        Self::Deaths,
        Self::Pauses,
        Self::Cancels,
        Self::Clocks,
        Self::Disks,
        Self::Lines,
        Self::Database,
        Self::Moods,
        Self::Revocations,
    ];
}

/// What may befall a run.
#[derive(Clone, Debug)]
pub(crate) struct Weather {
    /// What may happen at all; nothing when empty.
    pub(crate) kinds: Vec<Kind>,
    /// Chance of a fault at a step, in ten thousand.
    pub(crate) at_step: u64,
    /// Chance that a message meets a fate, in ten thousand.
    pub(crate) at_message: u64,
    /// No fault from then on.
    pub(crate) clears_at: Duration,
    pub(crate) processes: usize,
    pub(crate) hosts: usize,
}

impl Weather {
    /// Nothing goes wrong by itself.
    pub(crate) fn clear() -> Self {
        Self {
            kinds: Vec::new(),
            at_step: 0,
            at_message: 0,
            clears_at: Duration::ZERO,
            processes: 0,
            hosts: 0,
        }
    }

    /// What befalls the world after a step, if anything does.
    pub(crate) fn strike(&self, chance: &mut Chance, now: Duration, who: Actor) -> Option<Fault> {
        if self.kinds.is_empty() || now >= self.clears_at || !chance.of_10_000(self.at_step) {
            return None;
        }
        let process = match who {
            Actor::Process(slot) if chance.of_10_000(7_000) => slot,
            _ => chance.index(self.processes),
        };
        let host = chance.index(self.hosts);
        let kind = chance.pick(&self.kinds);
        let secs = Duration::from_secs;
        let short = chance.between(secs(1), secs(40));
        let long = chance.between(secs(20), secs(400));
        let fault = match kind {
            Kind::Deaths => match chance.below(10) {
                0..=5 => Fault::Kill(process),
                6..=7 => Fault::PowerLoss(host),
                _ => Fault::Stop(process),
            },
            Kind::Pauses => match chance.below(3) {
                0 => Fault::Freeze(process, short),
                1 => Fault::Freeze(process, long),
                _ => Fault::Suspend(host, long * 5),
            },
            Kind::Cancels => Fault::Cancel(process),
            Kind::Clocks => match chance.below(4) {
                0 => Fault::ServerClock(signed(chance, 4_000_000)),
                1 => Fault::SetClock(host, signed(chance, 40_000_000)),
                _ => Fault::SetClock(host, signed(chance, 60_000)),
            },
            Kind::Disks => match chance.below(4) {
                0 => Fault::DiskReadOnly(host, long),
                1 => Fault::DiskBroken(host, short),
                2 => Fault::AsidesFail(host, long),
                _ => Fault::DiskFull(host, long),
            },
            Kind::Lines => match chance.below(4) {
                0 => Fault::CutIn(host, short),
                1 => Fault::CutOut(host, long),
                2 => Fault::Slow(short),
                _ => Fault::ServerDown(short),
            },
            Kind::Database => match chance.below(3) {
                0 => Fault::CutDatabase(host, short),
                1 => Fault::DatabaseDown(short),
                _ => Fault::DatabaseClock(short * 2),
            },
            Kind::Moods => Fault::Mood(mood(chance), chance.between(secs(1), secs(90))),
            Kind::Revocations => match chance.below(3) {
                0 => Fault::CredentialsChanged,
                _ => Fault::Revoke,
            },
        };
        Some(fault)
    }

    /// What becomes of a message to the authorization server.
    pub(crate) fn fate(&self, chance: &mut Chance, now: Duration) -> Fate {
        if now >= self.clears_at || !chance.of_10_000(self.at_message) {
            return Fate::Plain;
        }
        let late = chance.between(Duration::from_secs(1), Duration::from_secs(45));
        match chance.below(9) {
            0 => Fate::Unsent,
            1 => Fate::LoseRequest,
            2 | 3 => Fate::LoseReply,
            4 => Fate::Silence,
            5 => Fate::LateRequest(late),
            6 => Fate::LateReply(late),
            7 => Fate::TwiceRequested,
            _ => Fate::TwiceReplied,
        }
    }

    /// What becomes of a query to the database.
    pub(crate) fn query_fate(&self, chance: &mut Chance, now: Duration) -> Fate {
        let is_fickle = self.kinds.contains(&Kind::Database) && now < self.clears_at;
        if !is_fickle || !chance.of_10_000(self.at_message / 4) {
            return Fate::Plain;
        }
        chance.pick(&[Fate::Unsent, Fate::LoseRequest, Fate::LoseReply, Fate::Silence])
    }
}

fn signed(chance: &mut Chance, most: u64) -> i64 {
    let by = i64::try_from(chance.below(most)).unwrap_or(0);
    if chance.of_10_000(5_000) { by } else { -by }
}

fn mood(chance: &mut Chance) -> Mood {
    let wait = chance.between(Duration::from_secs(1), Duration::from_secs(100));
    let moods = [
        Mood::Status(503),
        Mood::Status(500),
        Mood::Status(504),
        Mood::Status(408),
        Mood::Status(425),
        Mood::Html(200),
        Mood::Html(403),
        Mood::Html(401),
        Mood::Html(502),
        Mood::Limited(wait),
        Mood::Gateway(502),
        Mood::Gateway(504),
        Mood::Temporary,
        Mood::Misleading(503),
        Mood::Misleading(429),
        Mood::Client(Rejection::InvalidClient),
        Mood::Client(Rejection::UnauthorizedClient),
        Mood::Client(Rejection::Other),
        Mood::Json(200),
        Mood::Json(401),
        Mood::Empty(200),
        Mood::Empty(401),
        Mood::Odd(302),
        Mood::Garbage(404),
        Mood::TooLarge(200),
        Mood::TooLarge(503),
    ];
    chance.pick(&moods)
}
