//! Where Unlapse records rest, and how they are sealed.
//!
//! - [`FileStore`]: one sealed file a key (C1–C6), readable by later processes, locked by the
//!   operating system. Its own methods are synchronous, so that a command needs no runtime; the
//!   contract [`Store`](unlapse_core::Store) is implemented over them on any executor.
//! - [`MemoryStore`]: the reference of the contract, and what tests of others inject faults with.
//! - [`FileOutbox`], [`MemoryOutbox`]: where requests wait for the network (K12).
//! - [`Journal`]: who used which token how often (K11), beside the records.
//! - [`custody`]: where the sealing key comes from.
//! - [`Sealer`]: AES-256-GCM under a key of the project (C2).
//! - `sql` (features `sqlite`, `postgres`): a layer over two databases.
//! - `conformance` (feature of that name): the suite that every store has to pass.
//!
//! # What the process has to do
//!
//! A file-size limit (`RLIMIT_FSIZE`) makes the kernel send `SIGXFSZ`, which kills a process by
//! default. A binary that uses [`FileStore`] has to ignore that signal; the write then fails with
//! `EFBIG`, which is a [`StoreError::Full`](unlapse_core::StoreError::Full).

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod custody;
#[cfg(unix)]
mod file;
mod header;
#[cfg(unix)]
mod host;
mod key_check;
mod memory;
mod memory_outbox;
mod random;
mod seal;
#[cfg(feature = "sql")]
pub mod sql;

#[cfg(unix)]
pub use file::{
    Disk, DiskFile, DiskOperation, DiskStep, FileLease, FileOutbox, FileSender, FileStore, Journal,
    JournalRead, JournalTail, Layout, Permissions, Probe, RealDisk, WatchedDisk,
};
pub use memory::MemoryStore;
pub use memory_outbox::MemoryOutbox;
pub use seal::{Sealer, Unopened};
