//! The drill while it runs: a table in place on a terminal, a row when it is over without one.

use std::time::Duration;

use super::report::{self, Done};
use super::row::Row;
use super::verdict::seconds;
use crate::commands::embedded::{Canvas, put};
use crate::report::Style;

pub(super) struct Table {
    /// How to draw it in place; `None` without a terminal.
    live: Option<Style>,
    silent: bool,
    /// Until it has been printed for good.
    heading: Option<String>,
    canvas: Canvas,
}

impl Table {
    pub(super) fn new(live: Option<Style>, silent: bool, heading: String) -> Self {
        Self { live, silent, heading: Some(heading), canvas: Canvas::default() }
    }

    /// The rows that are over, the one that runs and for how long, and those to come.
    pub(super) fn draw(&mut self, done: &[Done], rows: &[Row], elapsed: Duration) {
        let (Some(style), false) = (self.live, self.silent) else { return };
        let mut lines = vec![self.heading.clone().unwrap_or_default(), String::new()];
        lines.extend(done.iter().map(report::line));
        for (number, row) in rows.iter().enumerate().skip(done.len()) {
            let (verdict, took) =
                if number == done.len() { ("runs", seconds(elapsed)) } else { ("", String::new()) };
            lines.push(report::columns(row.word(), verdict, &took, row.title()));
        }
        // A window that is too small shows the end of it.
        let most = Canvas::window().1.saturating_sub(1).max(1);
        let hidden = lines.len().saturating_sub(most);
        lines.drain(..hidden);
        self.canvas.draw(lines, style);
    }

    /// A row is over.
    pub(super) fn over(&mut self, done: &Done) {
        if self.live.is_none() && !self.silent {
            self.put_heading(Style::Plain);
            put(&report::block(done, Style::Plain));
        }
    }

    /// All of it is over: what was drawn in place makes room for the whole of it.
    pub(super) fn finish(&mut self, done: &[Done]) {
        if let (Some(style), false) = (self.live, self.silent) {
            self.canvas.clear();
            self.put_heading(style);
            for done in done {
                put(&report::block(done, style));
            }
        }
    }

    fn put_heading(&mut self, style: Style) {
        if let Some(heading) = self.heading.take() {
            put(&format!("{}\n\n", style.paint("1", &heading)));
        }
    }
}
