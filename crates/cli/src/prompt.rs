//! A secret, asked for at the terminal.
//!
//! The terminal hands over every key as it is typed and shows none: so that a secret may be longer
//! than the 4096 bytes that a terminal takes in a line, and that an interrupt leaves the terminal
//! as it was.

use std::io::{self, Read, Write};

use rustix::termios::{self, LocalModes, OptionalActions, Termios};
use unlapse_core::Secret;
use zeroize::Zeroizing;

/// Longest answer, in bytes.
const MAX_ANSWER: usize = 32 * 1024;

const CTRL_C: u8 = 0x03;
const CTRL_D: u8 = 0x04;
const CTRL_U: u8 = 0x15;
const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7f;

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A line.
    Given(Secret),
    /// Ctrl-C.
    Interrupted,
    /// The end of input, an answer that is too long or no text.
    Nothing,
}

/// Asks on stderr, and reads from stdin; both must be terminals.
pub(crate) fn secret(prompt: &str) -> io::Result<Answer> {
    let mut stderr = io::stderr();
    write!(stderr, "{prompt}: ")?;
    stderr.flush()?;
    let silent = Silent::begin()?;
    let answer = read(&mut io::stdin().lock());
    drop(silent);
    writeln!(stderr)?;
    answer
}

/// A terminal that shows nothing, until dropped.
struct Silent {
    before: Termios,
}

impl Silent {
    fn begin() -> io::Result<Self> {
        let before = termios::tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        // What was typed before the question is no answer to it.
        termios::tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self { before })
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        let _ = termios::tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

fn read(keys: &mut impl Read) -> io::Result<Answer> {
    // All of it at once: growing would leave copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_ANSWER));
    let mut key = Zeroizing::new([0]);
    loop {
        match keys.read(key.as_mut_slice()) {
            Ok(0) => return Ok(Answer::Nothing),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        match key[0] {
            b'\r' | b'\n' => break,
            CTRL_C => return Ok(Answer::Interrupted),
            CTRL_D if line.is_empty() => return Ok(Answer::Nothing),
            CTRL_U => line.clear(),
            BACKSPACE | DELETE => {
                // The last character, with the bytes that continue it (UTF-8).
                while line.pop().is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000) {}
            }
            _ if line.len() == MAX_ANSWER => return Ok(Answer::Nothing),
            byte => line.push(byte),
        }
    }
    Ok(str::from_utf8(&line).map_or(Answer::Nothing, |line| Answer::Given(Secret::new(line))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> Answer {
        read(&mut &*keys).expect("read")
    }

    #[test]
    fn a_row_for_each_key() {
        let given = |text: &str| Answer::Given(Secret::new(text));
        let rows: [(&[u8], Answer); 10] = [
            (b"p w\r", given("p w")),
            (b"pw\nmore", given("pw")),
            (b"px\x7fw\n", given("pw")),
            (b"\x7f\x08pw\n", given("pw")),
            ("pä\x7fw\n".as_bytes(), given("pw")),
            (b"wrong\x15pw\n", given("pw")),
            (b"pw\x03", Answer::Interrupted),
            (b"\x04", Answer::Nothing),
            (b"p\x04w\n", given("p\u{4}w")),
            (b"\xff\n", Answer::Nothing),
        ];
        for (keys, expected) in rows {
            assert_eq!(typed(keys), expected, "{keys:?}");
        }
    }

    #[test]
    fn a_token_longer_than_a_line_of_a_terminal_arrives_whole() {
        let long = "x".repeat(MAX_ANSWER);
        assert_eq!(
            typed(format!("{long}\n").as_bytes()),
            Answer::Given(Secret::new(long.as_str()))
        );
        assert_eq!(typed(format!("{long}x\n").as_bytes()), Answer::Nothing);
        assert_eq!(typed(b"cut off"), Answer::Nothing);
    }
}
