//! The demo while it runs: a live table on a terminal, a plain line a second without one.

use std::time::Duration;

use super::arena::Arena;
use super::crew::Crew;
use crate::commands::embedded::{Canvas, put};
use crate::report::Style;

/// Lines of the live table that are no worker's.
const AROUND: usize = 9;

pub(super) struct Table {
    /// How to draw it in place; `None` without a terminal.
    live: Option<Style>,
    silent: bool,
    seconds: u64,
    canvas: Canvas,
    last_second: Option<u64>,
}

impl Table {
    pub(super) fn new(live: Option<Style>, silent: bool, seconds: u64) -> Self {
        Self { live, silent, seconds, canvas: Canvas::default(), last_second: None }
    }

    pub(super) fn draw(&mut self, crew: &Crew, arena: &Arena, elapsed: Duration) {
        if self.silent {
            return;
        }
        if let Some(style) = self.live {
            let (_, rows) = Canvas::window();
            let lines = self.table(crew, arena, elapsed, rows.saturating_sub(AROUND).max(1));
            self.canvas.draw(lines, style);
        } else if self.last_second != Some(elapsed.as_secs()) {
            self.last_second = Some(elapsed.as_secs());
            let [done, thrown, verdict] = summary(crew, arena);
            put(&format!("{:>3} s  {done} | {thrown} | {verdict}\n", elapsed.as_secs()));
        }
    }

    pub(super) fn finish(&mut self) {
        if self.canvas.is_drawn() {
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
