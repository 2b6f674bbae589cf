//! One sealed file a key.
//!
//! `layout` names the files, `disk` touches them, `trust` decides what is read, `lock` who may
//! write, `replace` how. [`FileStore`] and [`FileLease`] put these together; `contract` makes them
//! the core's `Store` and `Lease`. `outbox` keeps requests that wait in the same way.

mod contract;
mod disk;
mod failure;
mod journal;
mod layout;
mod lease;
mod lock;
mod outbox;
mod probe;
mod quarantine;
mod replace;
mod store;
mod trust;
mod view;
mod watched;

pub use disk::{Disk, DiskFile, RealDisk};
#[cfg(feature = "sql")]
pub(crate) use failure::failure;
pub use journal::{Journal, JournalRead, JournalTail};
pub use layout::Layout;
pub(crate) use layout::{parent, temporary};
pub use lease::FileLease;
pub use outbox::{FileOutbox, FileSender};
pub use probe::{Permissions, Probe};
pub use store::FileStore;
#[cfg(feature = "sql")]
pub(crate) use trust::{Raw, ensure_dir, look_up_to};
pub(crate) use trust::{exposed, ours};
pub use watched::{DiskOperation, DiskStep, WatchedDisk};
