//! The command line of `unlapse queue`.

use clap::{Args, Subcommand};
use unlapse::outbox::EntryId;

#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
    /// What waits, and why
    List,
    /// Send what can be sent
    Flush(FlushArguments),
    /// Forget requests without sending them
    Drop(DropArguments),
}

#[derive(Debug, Args)]
pub(crate) struct FlushArguments {
    /// Only the line of this profile
    pub(crate) profile: Option<String>,
    /// Also what was refused, or may have been acted upon long ago: it may be acted upon twice
    #[arg(long)]
    pub(crate) failed: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DropArguments {
    /// Which, as `unlapse queue list` names them
    #[arg(required_unless_present_any = ["all", "failed"], value_name = "ID")]
    pub(crate) ids: Vec<EntryId>,
    /// All of them
    #[arg(long, conflicts_with_all = ["ids", "failed"])]
    pub(crate) all: bool,
    /// Those that were refused
    #[arg(long, conflicts_with = "ids")]
    pub(crate) failed: bool,
    /// Do not ask
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
}
