//! Who used which token how often, and what is unusual about it (K11).
//!
//! A journal holds an [`Entry`] for whatever a process did with a credential. What follows from them
//! is decided here: [`tallies`] counts, [`unusual`] finds what somebody should look at. Never a secret
//! (R18).

mod alert;
mod entry;
mod tally;

pub use alert::{Alert, Limits, unusual};
pub use entry::{Deed, Ending, Entry};
pub use tally::{Percentiles, Tally, tallies};
