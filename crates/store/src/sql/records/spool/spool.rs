//! The spool of one node.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use blocking::unblock;
use tokio::sync::{Notify, mpsc, oneshot};
use unlapse_core::StoreError;

use super::entry::Entry;
use super::sheet::{Sheets, write};
use crate::file::{Disk, DiskFile};
use crate::sql::records::node::NodeId;

/// So many entries share a sheet, and its wait for the disk.
const TOGETHER: usize = 50;

/// What the database has not yet.
#[derive(Clone)]
pub(in crate::sql::records) struct Spool(Arc<Inner>);

struct Inner {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    sheets: Sheets,
    waiting: mpsc::UnboundedSender<Waiting>,
    state: Mutex<State>,
    undone: Notify,
}

#[derive(Default)]
struct State {
    numbered: u64,
    /// Sheets of which no entry is needed any more.
    blank: Vec<DiskFile>,
    /// So many sheets have something on them.
    written: usize,
    /// What nobody sees to: its save has failed, or its process was told to end.
    undone: Vec<Kept>,
}

type Waiting = (Entry, Vec<u8>, oneshot::Sender<Result<Kept, StoreError>>);

/// An entry that is on the disk.
pub(super) struct Kept {
    pub(super) entry: Arc<Entry>,
    sheet: Arc<Sheet>,
}

struct Sheet {
    file: Mutex<Option<DiskFile>>,
    needed: AtomicUsize,
}

/// An entry that is on the disk, and somebody who sees to it. Dropped before it is
/// [done](Ticket::done), it is seen to by the spool.
pub(in crate::sql::records) struct Ticket {
    spool: Spool,
    kept: Option<Kept>,
}

impl Spool {
    /// Opens the folder, and gives what serves it.
    pub(in crate::sql::records) fn open(
        disk: Arc<dyn Disk>,
        folder: PathBuf,
        node: NodeId,
    ) -> Result<(Self, impl Future<Output = ()> + Send + use<>), StoreError> {
        let sheets = Sheets::open(&*disk, &folder, node)?;
        let (waiting, jobs) = mpsc::unbounded_channel();
        let (state, undone) = (Mutex::default(), Notify::new());
        let inner = Arc::new(Inner { disk, folder, sheets, waiting, state, undone });
        let serving = serve(Arc::downgrade(&inner), jobs);
        Ok((Self(inner), serving))
    }

    /// Puts `entry` on the disk; durable when it returns.
    pub(in crate::sql::records) async fn append(&self, entry: Entry) -> Result<Ticket, StoreError> {
        let line = entry.to_line()?;
        let (answer, kept) = oneshot::channel();
        let closed = || StoreError::Io {
            place: self.0.folder.display().to_string(),
            kind: std::io::ErrorKind::BrokenPipe,
        };
        self.0.waiting.send((entry, line, answer)).map_err(|_| closed())?;
        let kept = kept.await.map_err(|_| closed())??;
        Ok(Ticket { spool: self.clone(), kept: Some(kept) })
    }

    /// Whether this very record is on the disk, and seen to.
    pub(in crate::sql::records) fn has(&self, entry: &Entry) -> bool {
        let is_same = |kept: &Kept| {
            let known = &kept.entry;
            (&known.key, known.generation, known.revision)
                == (&entry.key, entry.generation, entry.revision)
        };
        self.0.state().undone.iter().any(is_same)
    }

    /// What nobody else sees to.
    pub(super) fn undone(&self) -> Vec<Kept> {
        core::mem::take(&mut self.0.state().undone)
    }

    /// What could not be done now.
    pub(super) fn not_yet(&self, undone: Vec<Kept>) {
        self.0.state().undone.extend(undone);
    }

    /// Whether something waits to be done.
    pub(super) fn is_empty(&self) -> bool {
        self.0.state().undone.is_empty()
    }

    /// Waits for something to be undone.
    pub(super) async fn news(&self) {
        self.0.undone.notified().await;
    }

    pub(super) fn disk(&self) -> Arc<dyn Disk> {
        Arc::clone(&self.0.disk)
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.0.folder.clone()
    }

    /// An entry is in the database. With the last of a sheet, that is blank.
    pub(super) fn done(&self, kept: &Kept) {
        if kept.sheet.needed.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        let file = kept.sheet.file.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(file) = file else { return };
        let inner = Arc::clone(&self.0);
        unblock(move || {
            // Otherwise it stays as it is, and its entries are found to be old one day.
            if inner.disk.truncate(&file, 0).is_ok() {
                let mut state = inner.state();
                state.written -= 1;
                state.blank.push(file);
            }
        })
        .detach();
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts lines on a blank sheet.
    fn write(&self, lines: &[u8]) -> Result<DiskFile, StoreError> {
        let (blank, number) = {
            let mut state = self.state();
            state.numbered += 1;
            (state.blank.pop(), state.numbered)
        };
        let sheet = match blank {
            Some(sheet) => sheet,
            None => self.sheets.create(&*self.disk, number)?,
        };
        if let Err(error) = write(&*self.disk, &sheet, lines) {
            // The next batch tries it again: a full disk does not get a file more with each.
            if self.disk.truncate(&sheet, 0).is_ok() {
                self.state().blank.push(sheet);
            }
            return Err(error);
        }
        self.state().written += 1;
        Ok(sheet)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Else the next process of this machine finds it: also what nobody knows of, since the runtime
        // ended in the middle.
        if state.undone.is_empty() && state.written == 0 {
            for sheet in &state.blank {
                let _ = self.disk.remove(&sheet.path);
            }
            self.sheets.close(&*self.disk);
        }
    }
}

/// Writes what waits, a batch at a time: while the disk is waited for, the next gather.
async fn serve(spool: std::sync::Weak<Inner>, mut jobs: mpsc::UnboundedReceiver<Waiting>) {
    let mut waiting = Vec::new();
    while jobs.recv_many(&mut waiting, TOGETHER).await > 0 {
        let (mut lines, mut callers) = (Vec::new(), Vec::new());
        for (entry, line, caller) in waiting.drain(..) {
            lines.extend(line);
            callers.push((entry, caller));
        }
        let Some(inner) = spool.upgrade() else { return };
        let written = unblock(move || inner.write(&lines)).await;
        match written {
            Ok(file) => {
                let needed = AtomicUsize::new(callers.len());
                let sheet = Arc::new(Sheet { file: Mutex::new(Some(file)), needed });
                for (entry, caller) in callers {
                    let kept = Kept { entry: Arc::new(entry), sheet: Arc::clone(&sheet) };
                    // Who is gone is seen to all the same.
                    if let (Err(Ok(kept)), Some(inner)) = (caller.send(Ok(kept)), spool.upgrade()) {
                        drop(Ticket { spool: Spool(inner), kept: Some(kept) });
                    }
                }
            }
            Err(error) => {
                tracing::error!(code = error.code(), %error, "the spool takes nothing");
                for (_, caller) in callers {
                    let _ = caller.send(Err(error.clone()));
                }
            }
        }
    }
}

impl Ticket {
    /// It is in the database.
    pub(in crate::sql::records) fn done(mut self) {
        if let Some(kept) = self.kept.take() {
            self.spool.done(&kept);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(kept) = self.kept.take() {
            self.spool.0.state().undone.push(kept);
            self.spool.0.undone.notify_one();
        }
    }
}
