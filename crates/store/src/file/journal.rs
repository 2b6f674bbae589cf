//! The journal of what was done with tokens (K11): lines of JSON that every process appends to.
//!
//! Nothing waits for it and nothing depends on it. A line is one write at the end of the file, which
//! needs no lock; it is not made durable, since a line that is lost with the power costs a count and
//! no login. No secret is in it (R18): an [`Entry`] has no room for one.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use unlapse_core::usage::Entry;

use super::layout::{Layout, beside};
use super::trust::{exposed, ours};

/// The longest line, its end included: far more than what a process writes.
const LONGEST: u64 = 4096;

/// A journal in a file, and what it held before in a second one.
#[derive(Clone, Debug)]
pub struct Journal {
    path: PathBuf,
    max_bytes: u64,
}

/// What a journal holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalRead {
    /// The oldest first.
    pub entries: Vec<Entry>,
    /// Lines that are no entries: torn, or by a later version.
    pub skipped: usize,
}

impl Journal {
    /// When the file begins anew, if nothing else is said.
    pub const MAX_BYTES: u64 = 1024 * 1024;

    /// The journal of the store in `layout`. `max_bytes` is how much a file holds before it begins
    /// anew; the one before it is kept, so that twice as much is on the disk at most.
    pub fn of(layout: &Layout, max_bytes: u64) -> Self {
        let path = match layout {
            Layout::Directory(dir) => dir.join("usage.log"),
            Layout::File(path) => beside(path, ".usage"),
        };
        Self { path, max_bytes }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a line. A store that does not exist yet has no journal: nothing is written, and
    /// nothing is wrong.
    ///
    /// Fails where the file cannot be written or is not ours alone. To be told once, and no reason
    /// for anything else to fail.
    pub fn append(&self, entry: &Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        if line.len() as u64 > LONGEST {
            return Err(io::Error::new(ErrorKind::InvalidInput, "the line is too long"));
        }
        let mut file = match self.open(true) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            file => file?,
        };
        let len = file.metadata()?.len();
        if len >= self.max_bytes && self.begin_anew(&file)? {
            file = self.open(true)?;
        } else if !ends_a_line(&file, len) {
            // Torn by a full disk: without this, it would take the next line with it.
            line.insert(0, b'\n');
        }
        match file.write(&line)? {
            written if written == line.len() => Ok(()),
            _ => Err(ErrorKind::StorageFull.into()),
        }
    }

    /// Everything that it holds; nothing where there is none.
    pub fn read(&self) -> io::Result<JournalRead> {
        let mut read = JournalRead::default();
        for path in [self.before(), self.path.clone()] {
            match open(&path, OpenOptions::new().read(true)) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                file => read.add(file?, self.max_bytes)?,
            }
        }
        Ok(read)
    }

    /// Follows it from its end on.
    pub fn tail(&self) -> io::Result<JournalTail> {
        let mut tail = JournalTail { journal: self.clone(), open: None };
        // What is there already is not news.
        tail.read().map(|_| tail)
    }

    fn open(&self, append: bool) -> io::Result<File> {
        let mut options = OpenOptions::new();
        open(&self.path, options.read(true).append(append).create(append).mode(0o600))
    }

    fn before(&self) -> PathBuf {
        beside(&self.path, ".1")
    }

    /// Puts a full file aside, over the one before it. Says whether there is a new one to be begun:
    /// of those who find it full at the same time, one moves it.
    fn begin_anew(&self, full: &File) -> io::Result<bool> {
        if full.try_lock().is_err() {
            // Somebody is at it: one line more in the old one does no harm.
            return Ok(false);
        }
        let here = std::fs::symlink_metadata(&self.path);
        let full = full.metadata()?;
        if here.is_ok_and(|here| id(&here) == id(&full)) {
            #[expect(clippy::disallowed_methods, reason = "this file owns the journal")]
            std::fs::rename(&self.path, self.before())?;
        }
        Ok(true)
    }
}

impl JournalRead {
    /// Takes a line.
    fn line(&mut self, line: &[u8]) {
        if line == b"\n" {
            return;
        }
        let entry = Some(line).filter(|line| line.len() as u64 <= LONGEST);
        match entry.and_then(|line| serde_json::from_slice(line).ok()) {
            Some(entry) => self.entries.push(entry),
            None => self.skipped += 1,
        }
    }

    /// Reads one file, and no more of it than there may be: whoever else could write to it might
    /// have written without end.
    fn add(&mut self, file: File, max_bytes: u64) -> io::Result<()> {
        let mut lines = BufReader::new(file.take(max_bytes.saturating_add(16 * LONGEST)));
        let mut line = Vec::new();
        loop {
            line.clear();
            if lines.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            self.line(&line);
        }
    }
}

/// What is appended from some moment on.
#[derive(Debug)]
pub struct JournalTail {
    journal: Journal,
    /// The file that is read, and how far.
    open: Option<(File, u64)>,
}

impl JournalTail {
    /// What has been appended since this was asked last. Asks for no lock and waits for nothing.
    pub fn read(&mut self) -> io::Result<JournalRead> {
        let mut read = JournalRead::default();
        let here = match self.journal.open(false) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            here => Some(here?),
        };
        if let Some((file, at)) = &mut self.open {
            whole_lines(file, at, self.journal.max_bytes, &mut read)?;
        }
        let same = match (&here, &self.open) {
            (Some(here), Some((open, _))) => id(&here.metadata()?) == id(&open.metadata()?),
            _ => false,
        };
        if let (Some(here), false) = (here, same) {
            // It has begun, or begun anew.
            let mut at = 0;
            whole_lines(&here, &mut at, self.journal.max_bytes, &mut read)?;
            self.open = Some((here, at));
        }
        Ok(read)
    }
}

/// Reads the whole lines from `at` on. What is being written is left for the next time.
fn whole_lines(
    file: &File,
    at: &mut u64,
    max_bytes: u64,
    read: &mut JournalRead,
) -> io::Result<()> {
    let len = file.metadata()?.len().min(max_bytes.saturating_add(16 * LONGEST));
    let mut bytes = vec![0; usize::try_from(len.saturating_sub(*at)).unwrap_or(0)];
    file.read_exact_at(&mut bytes, *at)?;
    let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else { return Ok(()) };
    for line in bytes[..=end].split_inclusive(|byte| *byte == b'\n') {
        read.line(line);
    }
    *at += end as u64 + 1;
    Ok(())
}

/// Which file it is, whatever it is called.
fn id(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Opens a file that is ours alone; anything else is an error.
fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    #[expect(clippy::cast_possible_wrap, reason = "flags are bits, the kernel takes an int")]
    let file = options.custom_flags(flags.bits() as i32).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || !ours(&metadata) || exposed(&metadata) {
        return Err(ErrorKind::PermissionDenied.into());
    }
    Ok(file)
}

/// Whether the last line of a file of `len` bytes is whole.
fn ends_a_line(file: &File, len: u64) -> bool {
    let Some(last) = len.checked_sub(1) else { return true };
    let mut byte = [b'\n'];
    // One that has begun anew meanwhile ends a line.
    file.read_at(&mut byte, last).is_err() || byte == *b"\n"
}
