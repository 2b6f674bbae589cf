//! The demo while it runs: a live table on a terminal, a plain line a second without one.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use super::arena::Arena;
use super::crew::Crew;
use crate::report::Style;

/// Lines of the live table that are no worker's.
const AROUND: usize = 9;

pub(super) struct Table {
    /// How to draw it in place; `None` without a terminal.
    live: Option<Style>,
    silent: bool,
    seconds: u64,
    lines: usize,
    last_second: Option<u64>,
}

impl Table {
    pub(super) fn new(live: Option<Style>, silent: bool, seconds: u64) -> Self {
        Self { live, silent, seconds, lines: 0, last_second: None }
    }

    pub(super) fn draw(&mut self, crew: &Crew, arena: &Arena, elapsed: Duration) {
        if self.silent {
            return;
        }
        if let Some(style) = self.live {
            let (columns, rows) = window();
            let lines = self.table(crew, arena, elapsed, rows.saturating_sub(AROUND).max(1));
            // Up to where it began, and over it. A line that wrapped would make that too short.
            let mut text = match self.lines {
                0 => String::new(),
                lines => format!("\x1b[{lines}A"),
            };
            self.lines = lines.len();
            for (number, line) in lines.into_iter().enumerate() {
                let line: String = line.chars().take(columns.saturating_sub(1)).collect();
                let line = if number == 0 { style.paint("1", &line) } else { line };
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{line}\x1b[K");
            }
            // Below it, where a taller one may have been before the window changed.
            put(&format!("{text}\x1b[J"));
        } else if self.last_second != Some(elapsed.as_secs()) {
            self.last_second = Some(elapsed.as_secs());
            let [done, thrown, verdict] = summary(crew, arena);
            put(&format!("{:>3} s  {done} | {thrown} | {verdict}\n", elapsed.as_secs()));
        }
    }

    pub(super) fn finish(&mut self) {
        if self.live.is_some() && self.lines > 0 {
            put("\n");
        }
    }

    fn table(
        &self,
        crew: &Crew,
        arena: &Arena,
        elapsed: Duration,
        most_workers: usize,
    ) -> Vec<String> {
        let mut lines = vec![
            format!(
                "unlapse demo  {} of {} s · tokens of 5 s · every refresh token is good once",
                elapsed.as_secs(),
                self.seconds
            ),
            String::new(),
            "worker      pid   killed   requests   401s   renewals   cancelled   token".to_owned(),
        ];
        for worker in crew.workers().iter().take(most_workers) {
            let tally = worker.tally();
            let pid = worker.pid().map_or_else(|| "-".to_owned(), |pid| pid.to_string());
            lines.push(format!(
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
        if let Some(more @ 1..) = crew.workers().len().checked_sub(most_workers) {
            lines.push(format!("       and {more} more"));
        }
        lines.push(String::new());
        lines.extend(summary(crew, arena));
        lines
    }
}

/// What was done, what was thrown at it, and what must stay zero.
fn summary(crew: &Crew, arena: &Arena) -> [String; 3] {
    let (total, counts, faults) = (crew.total(), arena.counts(), arena.faults());
    [
        format!(
            "{} requests, {} renewals, {} replays",
            total.requests, counts.rotations, counts.replays
        ),
        format!(
            "{} kill -9, {} cancelled, {} × 503, {} firewall pages, {} lost replies",
            crew.kills(),
            total.cancelled,
            faults.unavailable,
            faults.firewall,
            faults.lost_replies
        ),
        format!(
            "{} × 401, {} families revoked",
            total.unauthorized.max(arena.unauthorized()),
            counts.families_revoked
        ),
    ]
}

/// Columns and rows of the terminal; those of old where it does not say.
fn window() -> (usize, usize) {
    match rustix::termios::tcgetwinsize(std::io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
            (usize::from(size.ws_col), usize::from(size.ws_row))
        }
        _ => (80, 24),
    }
}

fn put(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}
