//! Who did what when: hashed always, kept when somebody wants to read it.

use std::fmt::{self, Write as _};
use std::time::Duration;

/// Who does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Actor {
    /// A process, by its place in the world.
    Process(usize),
    /// A host's disk.
    Disk(usize),
    /// The database that several hosts share.
    Database,
    /// The authorization server.
    Server,
    /// Whoever breaks things, and a person.
    Fate,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(number) => write!(f, "P{}", number + 1),
            Self::Disk(number) => write!(f, "disk{}", number + 1),
            Self::Database => f.write_str("database"),
            Self::Server => f.write_str("server"),
            Self::Fate => f.write_str("fate"),
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Since the world began.
    pub at: Duration,
    /// Who.
    pub who: Actor,
    /// To whom, when something travels.
    pub to: Option<Actor>,
    /// What, in a few words.
    pub what: String,
    /// The step's number, where a crash can be put; zero when it is none.
    pub step: u64,
    /// The message that it is about: as it leaves, as it is acted on, or as its answer is received.
    pub message: Option<u64>,
}

/// The record of one run.
#[derive(Debug)]
pub(crate) struct Trace {
    hash: u64,
    kept: Option<Vec<Entry>>,
    line: String,
}

impl Trace {
    /// A trace that keeps its entries, or only their hash.
    pub(crate) fn new(keep: bool) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, kept: keep.then(Vec::new), line: String::new() }
    }

    pub(crate) fn note(
        &mut self,
        at: Duration,
        who: Actor,
        to: Option<Actor>,
        step: u64,
        what: fmt::Arguments<'_>,
    ) {
        self.line.clear();
        // Writing to a string cannot fail.
        let _ = write!(self.line, "{} {who} {step} {what}", at.as_millis());
        for byte in self.line.bytes() {
            // FNV-1a: the same on every machine and in every version.
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        if let Some(kept) = &mut self.kept {
            kept.push(Entry { at, who, to, what: what.to_string(), step, message: None });
        }
    }

    /// Says which message the newest entry is about. A message's number follows from what is hashed.
    pub(crate) fn about(&mut self, message: u64) {
        if let Some(newest) = self.kept.as_mut().and_then(|kept| kept.last_mut()) {
            newest.message = Some(message);
        }
    }

    /// Names everything that happened so far.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn entries(&mut self) -> Vec<Entry> {
        self.kept.take().unwrap_or_default()
    }
}
