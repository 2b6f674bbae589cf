//! The audit log as a file: a line of JSON for each entry.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use unlapse_core::BoxFuture;

use crate::audit_log::{AuditEntry, AuditLog};
use crate::store::Unavailable;

/// Appends entries to a file, and returns when they are on the disk. It is one process's: its lock
/// is held for as long as it is open.
///
/// Created for its owner alone (0600); whoever may read a file that is there already is not
/// changed. To rotate it, copy it and cut it to nothing (`copytruncate`).
#[derive(Debug)]
pub struct AuditFile {
    file: Arc<Mutex<File>>,
}

impl AuditFile {
    /// Opens the file, or creates it. An error of kind [`WouldBlock`](io::ErrorKind::WouldBlock)
    /// says that another process writes it.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        file.try_lock()?;
        end_last_line(&mut file)?;
        Ok(Self { file: Arc::new(Mutex::new(file)) })
    }
}

/// A process that died while it wrote left half a line: what follows gets a line of its own.
fn end_last_line(file: &mut File) -> io::Result<()> {
    if file.metadata()?.len() == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

impl AuditLog for AuditFile {
    fn append<'a>(&'a self, entries: &'a [AuditEntry]) -> BoxFuture<'a, Result<(), Unavailable>> {
        let mut lines = Vec::with_capacity(entries.len() * 160);
        for entry in entries {
            serde_json::to_writer(&mut lines, entry)
                .expect("strings and numbers always make JSON, and memory takes it");
            lines.push(b'\n');
        }
        let file = Arc::clone(&self.file);
        Box::pin(async move {
            let writing = tokio::task::spawn_blocking(move || {
                // A panic while it was held left a file that `write` makes whole again.
                write(&mut file.lock().unwrap_or_else(PoisonError::into_inner), &lines)
            });
            let written = writing.await.map_err(io::Error::other).flatten();
            written.map_err(|failed| {
                tracing::error!(%failed, "the audit file cannot be written");
                Unavailable { retry_after: Duration::from_secs(1) }
            })
        })
    }
}

/// All of it or nothing: a disk that is full leaves no half of a batch behind.
fn write(file: &mut File, lines: &[u8]) -> io::Result<()> {
    let before = file.metadata()?.len();
    let written = file.write_all(lines).and_then(|()| file.sync_data());
    if written.is_err() {
        // What cannot be cut off either is written once more, which is better than not at all.
        let _ = file.set_len(before);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: u64) -> AuditEntry {
        AuditEntry {
            at,
            event: "refused",
            code: Some("rate_limited"),
            session: None,
            subject: Some("a\n\"b".to_owned()),
            client: None,
            peer: "2001:db8::1".parse().ok(),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a test looks at the file")]
    fn read(path: &Path) -> String {
        std::fs::read_to_string(path).expect("readable")
    }

    #[tokio::test]
    async fn j2_a_line_for_each_entry_and_none_is_ever_changed() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("audit.jsonl");
        let file = AuditFile::open(&path).expect("created");
        file.append(&[entry(1), entry(2)]).await.expect("written");
        let line = r#"{"at":1,"event":"refused","code":"rate_limited","subject":"a\n\"b","peer":"2001:db8::1"}"#;
        let two = format!("{line}\n{}\n", line.replace(":1,", ":2,"));
        assert_eq!(read(&path), two);
        let busy = AuditFile::open(&path).expect_err("it is this one's");
        assert_eq!(busy.kind(), io::ErrorKind::WouldBlock);
        drop(file);
        let file = AuditFile::open(&path).expect("opened again");
        file.append(&[entry(3)]).await.expect("written");
        assert!(read(&path).starts_with(&two) && read(&path).lines().count() == 3);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = path.metadata().expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[tokio::test]
    async fn j6_half_a_line_of_a_process_that_died_spoils_no_other() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("audit.jsonl");
        let file = AuditFile::open(&path).expect("created");
        file.append(&[entry(1)]).await.expect("written");
        drop(file);
        let whole = read(&path);
        OpenOptions::new()
            .append(true)
            .open(&path)
            .expect("there")
            .write_all(b"{\"at\":2,\"ev")
            .expect("written");
        let file = AuditFile::open(&path).expect("opened again");
        file.append(&[entry(3)]).await.expect("written");
        let lines = read(&path);
        let last = whole.replace(":1,", ":3,");
        assert_eq!(lines, format!("{whole}{{\"at\":2,\"ev\n{last}"));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn j2_a_disk_that_is_full_is_no_success() {
        let file = AuditFile::open("/dev/full").expect("a device");
        assert!(file.append(&[entry(1)]).await.is_err());
    }
}
