//! Lines on a terminal that are drawn over what they were before.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::report::Style;

/// The lines that were drawn last.
#[derive(Default)]
pub(crate) struct Canvas {
    lines: usize,
}

impl Canvas {
    /// Draws these in the place of those before; the first one is a heading.
    pub(crate) fn draw(&mut self, lines: Vec<String>, style: Style) {
        let (columns, _) = Self::window();
        // Up to where it began, and over it. A line that wrapped would make that too short.
        let mut text = self.back();
        self.lines = lines.len();
        for (number, line) in lines.into_iter().enumerate() {
            let line: String = line.chars().take(columns.saturating_sub(1)).collect();
            let line = if number == 0 { style.paint("1", &line) } else { line };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{line}\x1b[K");
        }
        // Below it, where a taller one may have been before the window changed.
        put(&format!("{text}\x1b[J"));
    }

    /// Whether anything was drawn.
    pub(crate) fn is_drawn(&self) -> bool {
        self.lines > 0
    }

    /// Takes away what was drawn.
    pub(crate) fn clear(&mut self) {
        if self.is_drawn() {
            put(&format!("{}\x1b[J", self.back()));
            self.lines = 0;
        }
    }

    fn back(&self) -> String {
        match self.lines {
            0 => String::new(),
            lines => format!("\x1b[{lines}A"),
        }
    }

    /// Columns and rows of the terminal; those of old where it does not say.
    pub(crate) fn window() -> (usize, usize) {
        match rustix::termios::tcgetwinsize(std::io::stdout()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                (usize::from(size.ws_col), usize::from(size.ws_row))
            }
            _ => (80, 24),
        }
    }
}

/// Progress, on stdout. Nobody is told when it cannot be shown.
pub(crate) fn put(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}
