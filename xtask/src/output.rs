//! A child's output, line by line, without waiting for those who outlive the child.

use std::io::{BufRead, BufReader, PipeReader};
use std::process::Child;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::Result;

/// Lines as they come, read beside us so that waiting for one can be given up.
pub(crate) fn lines(reader: PipeReader) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            if sender.send(text).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Hands on each line until the output is closed; `false` if the child ended and, `grace` later,
/// it was not: then somebody whom the child started still holds it.
pub(crate) fn each_line(
    lines: &Receiver<String>,
    child: &mut Child,
    grace: Duration,
    mut take: impl FnMut(&str),
) -> Result<bool> {
    loop {
        match lines.recv_timeout(grace) {
            Ok(line) => take(&line),
            Err(RecvTimeoutError::Disconnected) => return Ok(true),
            Err(RecvTimeoutError::Timeout) if child.try_wait()?.is_some() => {
                // It may have ended a moment ago, with lines still on their way.
                return match lines.recv_timeout(grace) {
                    Err(RecvTimeoutError::Disconnected) => Ok(true),
                    Err(RecvTimeoutError::Timeout) => Ok(false),
                    Ok(line) => {
                        take(&line);
                        continue;
                    }
                };
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::process;

    fn seen(script: &str) -> (bool, Vec<String>) {
        let (reader, writer) = io::pipe().unwrap();
        let mut shell = process::program("sh");
        let mut child = shell.args(["-c", script]).stdout(writer).spawn().unwrap();
        drop(shell);
        let mut seen = Vec::new();
        let grace = Duration::from_millis(200);
        let take = |line: &str| seen.push(line.to_owned());
        let closed = each_line(&lines(reader), &mut child, grace, take).unwrap();
        child.wait().unwrap();
        (closed, seen)
    }

    #[test]
    fn every_line_arrives_even_the_one_without_an_end() {
        assert_eq!(seen("echo one; printf two"), (true, vec!["one".to_owned(), "two".to_owned()]));
    }

    #[test]
    fn a_process_left_behind_is_noticed_and_not_waited_for() {
        assert_eq!(seen("echo one; sleep 2 2>&- &"), (false, vec!["one".to_owned()]));
    }
}
