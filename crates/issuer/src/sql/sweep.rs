//! What is forgotten, and how much at a time.

use core::time::Duration;

/// An ended session is kept for so long, to say why it ended rather than that it is unknown; and
/// longer than any access token of it, which its row denies.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(86_400);

/// Nothing but a clock that went wrong is so far ahead of the last refresh of all: no session is
/// deleted by it. Where nobody came for as long, the next refresh lets it go on.
pub(crate) const AHEAD: Duration = Duration::from_secs(86_400);

/// Nobody asks for older denials: no access token lives longer than an hour.
pub(crate) const DENIED: Duration = Duration::from_secs(2 * 3600);

/// So many sessions are looked at by one sweep.
pub(crate) const LOOKED_AT: i64 = 10_000;

/// So many rows of any other table are forgotten by one sweep.
pub(crate) const FORGOTTEN: i64 = 5_000;
