//! Requests that wait, on real disks and in real processes.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests touch files as a neighbour does")]

#[path = "../rig/mod.rs"]
mod rig;

mod disks;
mod hostile;
mod kept;
mod processes;

use std::path::Path;
use std::sync::Arc;

use unlapse_core::outbox::{Contents, EntryId};
use unlapse_store::FileOutbox;
use unlapse_store::custody::KeyFile;

/// The outbox below `root`, as every process of a test has it.
pub(crate) fn outbox(root: &Path) -> FileOutbox {
    let custody = Arc::new(KeyFile::new(root.join("keys").join("key")));
    FileOutbox::new(root.join("outbox"), "project", custody)
}

pub(crate) fn ids(contents: &Contents) -> Vec<EntryId> {
    contents.entries.iter().map(|entry| entry.id).collect()
}
