//! The demo while it runs: a live table on a terminal, a plain line a second without one.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use super::arena::Arena;
use super::crew::Crew;

pub(super) struct Table {
    live: bool,
    silent: bool,
    seconds: u64,
    lines: usize,
    last_second: Option<u64>,
}

impl Table {
    pub(super) fn new(live: bool, silent: bool, seconds: u64) -> Self {
        Self { live, silent, seconds, lines: 0, last_second: None }
    }

    pub(super) fn draw(&mut self, crew: &Crew, arena: &Arena, elapsed: Duration) {
        if self.silent {
            return;
        }
        if self.live {
            let text = self.table(crew, arena, elapsed);
            // Up to where it began, and over it.
            let up = if self.lines > 0 { format!("\x1b[{}A", self.lines) } else { String::new() };
            self.lines = text.lines().count();
            put(&format!("{up}{text}"));
        } else if self.last_second != Some(elapsed.as_secs()) {
            self.last_second = Some(elapsed.as_secs());
            put(&Self::line(crew, arena, elapsed));
        }
    }

    pub(super) fn finish(&mut self) {
        if self.live && self.lines > 0 {
            put("\n");
        }
    }

    fn table(&self, crew: &Crew, arena: &Arena, elapsed: Duration) -> String {
        let mut text = String::new();
        let mut line = |content: String| {
            let _ = writeln!(text, "{content}\x1b[K");
        };
        line(format!(
            "\x1b[1munlapse demo\x1b[0m  {} of {} s · tokens of 5 s · every refresh token is good once",
            elapsed.as_secs(),
            self.seconds
        ));
        line(String::new());
        line(
            "worker      pid   killed   requests   401s   renewals   cancelled   token".to_owned(),
        );
        for worker in crew.workers() {
            let tally = worker.tally();
            let pid = worker.pid().map_or_else(|| "-".to_owned(), |pid| pid.to_string());
            line(format!(
                "{:>6} {pid:>8} {:>8} {:>10} {:>6} {:>10} {:>11}   #{}",
                worker.number,
                worker.lives,
                tally.requests,
                tally.unauthorized,
                tally.renewals,
                tally.cancelled,
                tally.generation
            ));
        }
        line(String::new());
        line(Self::line(crew, arena, elapsed).trim_end().to_owned());
        text
    }

    fn line(crew: &Crew, arena: &Arena, elapsed: Duration) -> String {
        let (total, counts, faults) = (crew.total(), arena.counts(), arena.faults());
        format!(
            "{:>3} s  {} requests, {} renewals, {} replays | {} kill -9, {} cancelled, {} × 503, \
             {} firewall pages, {} lost replies | {} × 401, {} families revoked\n",
            elapsed.as_secs(),
            total.requests,
            counts.rotations,
            counts.replays,
            crew.kills(),
            total.cancelled,
            faults.unavailable,
            faults.firewall,
            faults.lost_replies,
            total.unauthorized.max(arena.unauthorized()),
            counts.families_revoked
        )
    }
}

fn put(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}
