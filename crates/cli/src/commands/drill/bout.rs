//! One server, one tool that is logged in at it, and what is seen of the two.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::task::JoinSet;

use super::authority::Authority;
use super::process::{Group, Left, Process};
use super::script::strictly;
use super::server::{Kind, Server};
use super::stand::{Disk, Stand};
use super::tally::{Ending, Ran, Tally};
use super::template::Template;
use super::verdict;
use super::{Failed, pause};
use crate::commands::embedded::Fault;

/// Between two looks whether the tool is well again.
const LOOK: Duration = Duration::from_millis(300);

/// What every row is given.
pub(super) struct Gym<'a> {
    pub(super) template: &'a Template,
    pub(super) command: &'a [OsString],
    pub(super) workers: u16,
    pub(super) authority: &'a Authority,
    /// The directory of this row.
    pub(super) dir: PathBuf,
    /// Life of an access token.
    pub(super) lifetime: Duration,
    /// The longest that a command takes among as many others.
    pub(super) slowest: Duration,
}

/// So many times as long as its slowest command a token lives at least: on a busy machine it would
/// end on its way otherwise, and nothing would be said about the tool.
const PACES: u32 = 4;
/// The longest that a token can live.
const LONGEST: Duration = Duration::from_secs(60);

impl Gym<'_> {
    /// Finds out how fast the tool is on this machine at this time, and lets tokens live so long.
    pub(super) async fn pace(&mut self) -> Result<(), Failed> {
        self.lifetime = LONGEST;
        let mut bout = Bout::begin(self, "pace", strictly(self)).await?;
        bout.burst(self.workers).await?;
        self.slowest = bout.tally.slowest;
        let needed = Duration::from_secs((self.slowest * PACES).as_secs());
        self.lifetime = needed.clamp(self.template.lifetime, LONGEST);
        Ok(())
    }
}

/// A row under way.
pub(super) struct Bout<'a> {
    pub(super) server: Arc<Server>,
    pub(super) stand: Stand<'a>,
    pub(super) tally: Tally,
    deadline: Duration,
    recovery: Duration,
}

/// Processes under way.
pub(super) struct Crowd {
    pub(super) groups: Vec<Group>,
    running: JoinSet<std::io::Result<Ran>>,
}

impl<'a> Bout<'a> {
    /// Opens a server, logs the tool in at it, and sees it print a token.
    pub(super) async fn begin(gym: &Gym<'a>, name: &str, kind: Kind) -> Result<Self, Failed> {
        let Gym { template, command, authority, .. } = *gym;
        let server = Arc::new(Server::open(kind, authority).await?);
        let dir = gym.dir.join(name);
        let stand = Stand::set_up(template, command, dir, &server, authority).await?;
        let mut bout = Self {
            server,
            stand,
            tally: Tally::default(),
            deadline: template.deadline,
            recovery: template.recovery,
        };
        let first = bout.one().await?;
        if !first.is_good() {
            let said = bout.server.quoted(&first.said);
            let how = verdict::told(&first);
            return Err(format!("before any fault, the command ended with {how}{said}").into());
        }
        Ok(bout)
    }

    /// Starts the command so often, at once.
    pub(super) fn start(&self, count: u16, disk: Disk) -> Result<Crowd, Failed> {
        let mut crowd = Crowd { groups: Vec::new(), running: JoinSet::new() };
        for _ in 0..count {
            let process = Process::start(&mut self.stand.command(disk), "")
                .map_err(|error| format!("the command cannot be started: {error}"))?;
            crowd.groups.push(process.group());
            crowd.running.spawn(run(process, Arc::clone(&self.server), self.deadline));
        }
        Ok(crowd)
    }

    /// Waits until all of them have ended.
    pub(super) async fn end(&mut self, mut crowd: Crowd) -> Result<Vec<Ran>, Failed> {
        let mut all = Vec::new();
        while let Some(ran) = crowd.running.join_next().await {
            let ran = ran??;
            self.tally.add(&ran);
            all.push(ran);
        }
        Ok(all)
    }

    /// Runs the command so often, at once, to its end.
    pub(super) async fn burst(&mut self, count: u16) -> Result<Vec<Ran>, Failed> {
        let crowd = self.start(count, Disk::Well)?;
        self.end(crowd).await
    }

    /// Runs it once.
    pub(super) async fn one(&mut self) -> Result<Ran, Failed> {
        let ran = self.burst(1).await?;
        Ok(ran.into_iter().next().expect("one was started"))
    }

    /// Waits until the last token has ended.
    pub(super) async fn expire(&self) {
        pause(self.server.left()).await;
    }

    /// Kills the tool's daemon, and starts it again. Does nothing where there is none.
    pub(super) async fn kill_daemon(&mut self) {
        // A daemon that finds nothing to start with is the tool's failure, not the drill's.
        if let Err(error) = self.stand.kill_daemon(&self.server).await {
            self.tally.stuck = Some(error.to_string());
        }
    }

    /// The fault is over: the next renewal is due, and has to succeed.
    pub(super) async fn recover(&mut self) -> Result<(), Failed> {
        self.server.desk.usual(Fault::None);
        self.expire().await;
        let start = unlapse::tokio::system_now();
        loop {
            let good = self.one().await?.is_good();
            let passed = unlapse::tokio::system_now().since(&start);
            if good {
                let before = self.tally.recovered.unwrap_or_default();
                self.tally.recovered = Some(passed.max(before));
                return Ok(());
            }
            if passed > self.recovery {
                self.tally.recovered = None;
                return Ok(());
            }
            pause(LOOK).await;
        }
    }

    /// What was seen.
    pub(super) fn finish(mut self) -> Tally {
        self.tally.served(self.server.desk.requests(), self.server.counts());
        self.tally
    }
}

impl Crowd {
    /// Sends a signal to all of them.
    pub(super) fn signal(&self, signal: Signal) {
        for group in &self.groups {
            group.signal(signal);
        }
    }
}

/// Watches one process to its end. A token is judged when it is printed: the process may go on.
async fn run(process: Process, server: Arc<Server>, deadline: Duration) -> std::io::Result<Ran> {
    let start = unlapse::tokio::system_now();
    let mut handed = None;
    let left = process.end(deadline, |stdout| {
        if handed.is_none() && !server.desk.access_tokens_in(stdout).is_empty() {
            handed = Some(server.judge(stdout));
        }
    });
    let Left { status, stdout, stderr } = left.await?;
    let ending = match status {
        None => Ending::Overdue,
        Some(status) => match (status.code(), status.signal()) {
            (Some(code), _) => Ending::Exit(code),
            (None, signal) => Ending::Signal(signal.unwrap_or_default()),
        },
    };
    Ok(Ran {
        ending,
        handed: handed.unwrap_or_else(|| server.judge(&stdout)),
        took: unlapse::tokio::system_now().since(&start),
        said: server.redacted(&stderr),
        leaked: server.leak(&stdout, &stderr),
    })
}
