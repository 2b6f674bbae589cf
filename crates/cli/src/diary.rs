//! What this process writes into the journal of its store (K11).

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use unlapse::{Event, Outcome};
use unlapse_core::usage::{Alert, Deed, Ending, Entry, Limits, unusual};
use unlapse_core::{Key, UnixTime};
use unlapse_store::Journal;

use crate::report::one_line;
use crate::terminal;

/// The journal, and who writes in it. A line that cannot be written is told once, and nothing else
/// comes of it.
pub(crate) struct Diary {
    journal: Arc<Journal>,
    program: String,
    host: String,
    quiet: bool,
    /// Nothing more is written: it was told that it cannot be.
    is_broken: AtomicBool,
    /// Something was written that may be unusual.
    is_news: AtomicBool,
    /// When the first line of this process was written, in milliseconds since 1970.
    began: AtomicU64,
}

impl Diary {
    /// `program` is who wants the tokens.
    pub(crate) fn new(journal: Journal, program: String, quiet: bool) -> Self {
        Self {
            journal: Arc::new(journal),
            program,
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            quiet,
            is_broken: AtomicBool::new(false),
            is_news: AtomicBool::new(false),
            began: AtomicU64::new(u64::MAX),
        }
    }

    /// Writes down what happened, if it is worth a line.
    pub(crate) fn happened(&self, key: &Key, event: &Event) {
        if let Some(deed) = deed(event) {
            self.write(key, deed);
        }
    }

    /// A token was handed out.
    pub(crate) fn served(&self, key: &Key) {
        self.write(key, Deed::Served { count: 1 });
    }

    fn write(&self, key: &Key, deed: Deed) {
        if self.is_broken.load(Ordering::Relaxed) {
            return;
        }
        let is_news = may_be_unusual(&deed);
        let entry = Entry {
            at: unlapse::tokio::system_now().wall,
            key: key.clone(),
            program: self.program.clone(),
            pid: std::process::id(),
            host: self.host.clone(),
            deed,
        };
        // The least: a clock may be set back.
        self.began.fetch_min(entry.at.as_millis(), Ordering::Relaxed);
        match self.journal.append(&entry) {
            Ok(()) => {
                self.is_news.fetch_or(is_news, Ordering::Relaxed);
            }
            Err(error) => {
                self.is_broken.store(true, Ordering::Relaxed);
                let path = self.journal.path().display();
                tracing::warn!(target: "unlapse", %path, %error, "the journal cannot be written");
                // A store on a read-only disk is meant to be one: nobody is to be told each time.
                let is_meant = error.kind() == ErrorKind::ReadOnlyFilesystem;
                if !self.quiet && !is_meant {
                    terminal::warn(&format!("the journal {path} cannot be written: {error}"));
                }
            }
        }
    }

    /// Warns of what has become unusual by what this process wrote last. Once: the next process
    /// finds it no news.
    pub(crate) fn warn_of_news(&self) {
        if !self.is_news.swap(false, Ordering::Relaxed) {
            return;
        }
        let Ok(read) = self.journal.read() else { return };
        let began = UnixTime::from_millis(self.began.load(Ordering::Relaxed));
        let writer = Writer { pid: std::process::id(), host: &self.host, began };
        for alert in news(&read.entries, &writer) {
            let (key, code, text) = (alert.key(), alert.code(), one_line(&alert.to_string()));
            tracing::warn!(target: "unlapse", %key, event = "unusual", code, "{text}");
            if !self.quiet {
                terminal::warn(&format!("{text}; see `unlapse stats`"));
            }
        }
    }
}

/// Whether it can make anything unusual.
fn may_be_unusual(deed: &Deed) -> bool {
    matches!(
        deed,
        Deed::Renewed { outcome: Ending::Renewed, .. } | Deed::InDoubt | Deed::Ended { .. }
    )
}

/// A process, as its lines know it.
struct Writer<'a> {
    pid: u32,
    host: &'a str,
    /// When it wrote its first line: in a container, the process before it had the same id.
    began: UnixTime,
}

impl Writer<'_> {
    fn wrote(&self, entry: &Entry) -> bool {
        entry.pid == self.pid && entry.host == self.host && entry.at >= self.began
    }
}

/// What is unusual with the lines of `writer`, and was not without them.
fn news(entries: &[Entry], writer: &Writer<'_>) -> Vec<Alert> {
    let mine = |entry: &&Entry| writer.wrote(entry);
    let Some(last) = entries.iter().rev().find(mine) else { return Vec::new() };
    let (now, limits) = (last.at, Limits::default());
    let before: Vec<_> = entries.iter().filter(|entry| !mine(entry)).cloned().collect();
    let before = unusual(&before, now, &limits);
    let is_known = |alert: &Alert| {
        before.iter().any(|known| (known.code(), known.key()) == (alert.code(), alert.key()))
    };
    unusual(entries, now, &limits).into_iter().filter(|alert| !is_known(alert)).collect()
}

/// What a line says of an event, if it is worth one.
fn deed(event: &Event) -> Option<Deed> {
    Some(match *event {
        Event::Finished { outcome, generation, attempts, duration, automatic, lifetime } => {
            Deed::Renewed {
                outcome: ending(outcome),
                code: outcome.code().map(str::to_owned),
                attempts,
                duration,
                automatic,
                generation,
                lifetime,
            }
        }
        Event::InDoubt { .. } => Deed::InDoubt,
        Event::Ended { reason } => Deed::Ended { reason },
        Event::Refused { generation, is_late } => Deed::Refused { generation, is_late },
        Event::LoggedIn { generation } => Deed::LoggedIn { generation },
        Event::Cleared => Deed::LoggedOut,
        _ => return None,
    })
}

fn ending(outcome: Outcome) -> Ending {
    match outcome {
        Outcome::Renewed => Ending::Renewed,
        Outcome::Adopted => Ending::Adopted,
        Outcome::Served { .. } => Ending::Served,
        Outcome::Stale { .. } => Ending::Stale,
        Outcome::ApiKey => Ending::ApiKey,
        // Whatever else there may be brought no token.
        _ => Ending::Failed,
    }
}

/// The name of the program that started this one, which is who wants the token: a shell, a script by
/// its interpreter, `git`. Only the name: arguments may hold secrets (R18).
pub(crate) fn parent() -> String {
    let id = std::os::unix::process::parent_id();
    #[expect(clippy::disallowed_methods, reason = "a question to the kernel, not a file")]
    let name = std::fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
    named(name.trim_end())
}

/// A program's name as a line has it: on one line, and not without end.
pub(crate) fn named(name: &str) -> String {
    const LONGEST: usize = 64;
    let name: String = name.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    if name.is_empty() { "unlapse".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use unlapse_core::UnixTime;

    fn renewal(at: u64, pid: u32) -> Entry {
        Entry {
            at: UnixTime::from_secs(at),
            key: Key::new("acme"),
            program: "sh".to_owned(),
            pid,
            host: "h1".to_owned(),
            deed: Deed::Renewed {
                outcome: Ending::Renewed,
                code: None,
                attempts: 1,
                duration: Duration::from_millis(20),
                automatic: false,
                generation: at,
                lifetime: Some(Duration::from_secs(3600)),
            },
        }
    }

    #[test]
    fn k11_only_the_process_that_tips_the_scale_warns() {
        let entries = |count: u32| -> Vec<_> {
            (0..count).map(|pid| renewal(u64::from(pid) * 60, pid)).collect()
        };
        let codes = |count: u32| -> Vec<_> {
            let writer = Writer { pid: count - 1, host: "h1", began: UnixTime::default() };
            news(&entries(count), &writer).iter().map(Alert::code).collect()
        };
        assert_eq!(codes(10), [""; 0]);
        assert_eq!(codes(11), ["early_renewals"]);
        assert_eq!(codes(12), [""; 0], "it is known");
    }

    #[test]
    fn k11_a_process_with_the_id_of_the_one_before_knows_what_was_known() {
        let entries: Vec<_> = (0..12).map(|number| renewal(number * 60, 1)).collect();
        let codes = |count: usize, host| -> Vec<_> {
            let began = entries[count - 1].at;
            let writer = Writer { pid: 1, host, began };
            news(&entries[..count], &writer).iter().map(Alert::code).collect()
        };
        assert_eq!(codes(11, "h1"), ["early_renewals"]);
        assert_eq!(codes(12, "h1"), [""; 0], "it is known");
        // Another host's process of that id has written all of it.
        assert_eq!(codes(11, "h2"), [""; 0]);
    }

    #[test]
    fn r18_a_program_is_named_on_one_line() {
        assert_eq!(named("deploy.sh"), "deploy.sh");
        assert_eq!(named("a\u{1b}[2J\nb"), "a[2Jb");
        assert_eq!(named(&"x".repeat(100)).len(), 64);
        assert_eq!(named(""), "unlapse");
    }
}
