//! Requests that wait, one sealed file each.
//!
//! | file | what |
//! | --- | --- |
//! | `<number>-<tag>.request` | an entry; the number is its place in the line |
//! | `append.lock` | held while an entry gets its number and its room |
//! | `send.lock` | the exclusive right to send |
//! | `….request.tmp-<pid>-…` | not there yet: its process is writing it, or died of that |
//! | `….request.quarantined-…` | what could not be used |

mod contract;
mod place;
mod sealed;
mod sender;
mod store;

pub use sender::FileSender;
pub use store::FileOutbox;
