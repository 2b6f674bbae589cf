//! What the database has not yet, kept on this machine's disk.
//!
//! An answer is worth more than anything else here: its refresh token is good once. It is on the
//! disk before it is sent to the database, so that a process that dies, or a database that is away
//! for longer than the process lives, loses none. What is here and not there is put where the next
//! holder finds it, when the database is back.

mod drain;
mod entry;
mod sheet;
#[expect(clippy::module_inception, reason = "the file of the main type")]
mod spool;

pub(super) use drain::{drain, drain_now};
pub(super) use entry::Entry;
pub(super) use spool::Spool;
