//! Peppers as text, for a file that nobody else may read.

use core::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::pepper::{BadPepper, Pepper, Peppers};
use crate::random;

/// A text is no list of peppers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadPeppers {
    /// Longer than 64 KiB.
    #[error("it is larger than 64 KiB")]
    TooLarge,
    /// There is none in it.
    #[error("there is no pepper in it")]
    Empty,
    /// A line is no name and secret.
    #[error("line {line} is not a name, a space and a secret in base64url")]
    Line {
        /// Which, from 1.
        line: usize,
    },
    /// A pepper cannot be used.
    #[error("line {line}: {bad}")]
    Pepper {
        /// Which line, from 1.
        line: usize,
        /// Why.
        bad: BadPepper,
    },
}

/// Longest text that is read.
const MAX: usize = 64 * 1024;

impl Peppers {
    /// Reads a list of peppers, the newest first: a line each, with a name, a space and the secret
    /// in base64url. Empty lines and those that begin with `#` mean nothing.
    pub fn parse(text: &str) -> Result<Self, BadPeppers> {
        if text.len() > MAX {
            return Err(BadPeppers::TooLarge);
        }
        let mut peppers: Option<Self> = None;
        for (at, entry) in text.lines().enumerate() {
            let line = at + 1;
            let entry = entry.trim();
            if entry.is_empty() || entry.starts_with('#') {
                continue;
            }
            let malformed = BadPeppers::Line { line };
            let (kid, secret) = entry.split_once(char::is_whitespace).ok_or(malformed)?;
            let secret = URL_SAFE_NO_PAD.decode(secret.trim_start()).map_err(|_| malformed)?;
            let bad = |bad| BadPeppers::Pepper { line, bad };
            let pepper = Pepper::new(kid, &Zeroizing::new(secret)).map_err(bad)?;
            peppers = Some(match peppers {
                None => Self::new(pepper),
                Some(peppers) => peppers.verifying(pepper).map_err(bad)?,
            });
        }
        peppers.ok_or(BadPeppers::Empty)
    }

    /// A line for such a text: a pepper that was just drawn, under a name that no other has.
    pub fn draw_line() -> Zeroizing<String> {
        let secret = Zeroizing::new(random::bytes::<32>());
        // At its full size from the start: growing would leave copies behind.
        let mut line = Zeroizing::new(String::with_capacity(64));
        for byte in random::bytes::<4>() {
            // Writing to a string cannot fail.
            let _ = write!(line, "{byte:02x}");
        }
        line.push(' ');
        URL_SAFE_NO_PAD.encode_string(secret.as_slice(), &mut line);
        line
    }

    /// Their names, the newest first.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|pepper| pepper.kid().as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j1_what_was_drawn_reads_and_the_first_is_the_newest() {
        let lines = [Peppers::draw_line(), Peppers::draw_line()];
        let text = format!("# peppers\n\n{}\r\n  {}  \n", *lines[0], *lines[1]);
        let peppers = Peppers::parse(&text).expect("two");
        let names: Vec<_> = lines.iter().map(|line| &line[..8]).collect();
        assert_eq!(peppers.kids().collect::<Vec<_>>(), names);
        assert_eq!(peppers.newest().kid().as_str(), names[0]);
    }

    #[test]
    fn j6_a_row_for_each_bad_text() {
        let secret = "A".repeat(43);
        let pepper = |line, bad| BadPeppers::Pepper { line, bad };
        let rows = [
            (String::new(), BadPeppers::Empty),
            ("# a\n\n".to_owned(), BadPeppers::Empty),
            ("a".to_owned(), BadPeppers::Line { line: 1 }),
            (format!("\na {secret} more"), BadPeppers::Line { line: 2 }),
            (format!("a {secret}="), BadPeppers::Line { line: 1 }),
            (format!("a.b {secret}"), pepper(1, BadPepper::Kid)),
            ("a AAAA".to_owned(), pepper(1, BadPepper::Length)),
            (format!("a {secret}\n#\na {secret}"), pepper(3, BadPepper::Twice)),
            ("#".repeat(MAX + 1), BadPeppers::TooLarge),
        ];
        for (text, expected) in rows {
            let bad = Peppers::parse(&text).expect_err("bad");
            assert_eq!(bad, expected, "{text}");
            assert!(!bad.to_string().contains("AAAA"), "no secret in an error");
        }
    }
}
