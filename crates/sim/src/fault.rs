//! What can go wrong.

use std::time::Duration;

use crate::network::Fate;
use crate::server::Mood;

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A process is killed.
    Kill(usize),
    /// A host loses power, and starts again.
    PowerLoss(usize),
    /// A process is stopped for a while (SIGSTOP).
    Freeze(usize, Duration),
    /// A host sleeps for a while; its boot-time clock runs on.
    Suspend(usize, Duration),
    /// Every caller in a process is cancelled.
    Cancel(usize),
    /// Callers come back to a process whose callers were cancelled.
    Recall(usize),
    /// A process is asked to end (SIGTERM).
    Stop(usize),
    /// A host's wall clock is set, by so many milliseconds.
    SetClock(usize, i64),
    /// A disk takes nothing more.
    DiskFull(usize, Duration),
    /// A disk is mounted read-only.
    DiskReadOnly(usize, Duration),
    /// A disk neither reads nor writes.
    DiskBroken(usize, Duration),
    /// No other place takes a copy either.
    AsidesFail(usize, Duration),
    /// A host reaches nobody.
    CutOut(usize, Duration),
    /// Nobody's answers reach a host: a partition of one direction.
    CutIn(usize, Duration),
    /// A host does not reach the database.
    CutDatabase(usize, Duration),
    /// The database is down.
    DatabaseDown(Duration),
    /// The database's clock jumps ahead.
    DatabaseClock(Duration),
    /// The server takes no connections.
    ServerDown(Duration),
    /// The server, or something before it, is in a mood.
    Mood(Mood, Duration),
    /// The server's clock is off, by so many milliseconds.
    ServerClock(i64),
    /// An administrator ends the login.
    Revoke,
    /// Stored credentials are no longer good.
    CredentialsChanged,
    /// Everything takes 200 times as long.
    Slow(Duration),
    /// One message meets its fate.
    Message(Fate),
}

impl Fault {
    /// Its name in tables.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Kill(_) => "kill -9",
            Self::PowerLoss(_) => "power loss",
            Self::Freeze(..) => "process stopped",
            Self::Suspend(..) => "host asleep",
            Self::Cancel(_) => "callers cancelled",
            Self::Recall(_) => "callers come back",
            Self::Stop(_) => "SIGTERM",
            Self::SetClock(..) => "wall clock set",
            Self::DiskFull(..) => "disk full",
            Self::DiskReadOnly(..) => "disk read-only",
            Self::DiskBroken(..) => "disk broken",
            Self::AsidesFail(..) => "no room aside",
            Self::CutOut(..) => "partition out",
            Self::CutIn(..) => "partition in",
            Self::CutDatabase(..) => "database cut off",
            Self::DatabaseDown(_) => "database down",
            Self::DatabaseClock(_) => "database clock jumps",
            Self::ServerDown(_) => "server down",
            Self::Mood(mood, _) => match mood {
                Mood::Well => "server well",
                Mood::Status(_) | Mood::Empty(_) => "status without body",
                Mood::Html(_) => "firewall page",
                Mood::Limited(_) => "rate limit",
                Mood::Gateway(_) => "gateway timeout after the deed",
                Mood::Temporary | Mood::Misleading(_) => "error that is no verdict",
                Mood::Client(_) => "client rejected",
                Mood::Json(_) | Mood::Garbage(_) | Mood::Odd(_) => "unreadable reply",
                Mood::TooLarge(_) => "reply too large",
            },
            Self::ServerClock(_) => "server clock off",
            Self::Revoke => "login revoked",
            Self::CredentialsChanged => "credentials changed",
            Self::Slow(_) => "slow network",
            Self::Message(fate) => match fate {
                Fate::Plain => "message arrives",
                Fate::Unsent => "no connection",
                Fate::LoseRequest => "request lost",
                Fate::LoseReply => "reply lost",
                Fate::Silence => "reply lost in silence",
                Fate::LateRequest(_) => "request late",
                Fate::LateReply(_) => "reply late",
                Fate::TwiceRequested => "request twice",
                Fate::TwiceReplied => "reply twice",
            },
        }
    }

    /// Whether it may cost an answer that the server has given, or the only copy of one: the faults
    /// after which a strict server's login cannot be promised (R7).
    pub(crate) fn may_lose_an_answer(&self) -> bool {
        !matches!(
            self,
            Self::Cancel(_)
                | Self::SetClock(..)
                | Self::ServerDown(_)
                | Self::ServerClock(_)
                | Self::Revoke
                | Self::CredentialsChanged
                | Self::Stop(_)
                | Self::Recall(_)
                | Self::Message(Fate::Unsent | Fate::TwiceReplied | Fate::Plain)
        ) && !matches!(self, Self::Mood(mood, _) if !matches!(mood, Mood::Gateway(_)))
    }
}
