//! `[log]`

use unlapse_store::Journal;

use super::keys::LogKeys;
use super::origin::Valued;

/// Whether what is done with tokens is written down, and how much of it is kept (K11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogConfig {
    /// It is.
    pub(crate) journal: bool,
    /// When the journal begins anew; as much again is kept of what was before.
    pub(crate) max_bytes: u64,
}

/// The settings, and `[log]` with everything filled in that nobody set.
pub(crate) fn log(keys: &LogKeys) -> (LogConfig, LogKeys) {
    let max_bytes = u32::try_from(Journal::MAX_BYTES).unwrap_or(u32::MAX);
    let shown = LogKeys {
        journal: Some(keys.journal.clone().unwrap_or(Valued::default(true))),
        max_bytes: Some(keys.max_bytes.clone().unwrap_or(Valued::default(max_bytes))),
    };
    let config = LogConfig {
        journal: shown.journal.as_ref().is_none_or(|journal| journal.value),
        max_bytes: shown.max_bytes.as_ref().map_or(Journal::MAX_BYTES, |max| max.value.into()),
    };
    (config, shown)
}
