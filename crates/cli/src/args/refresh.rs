//! The command line of `unlapse refresh`.

use clap::Args;

use super::Which;

#[derive(Debug, Args)]
pub(crate) struct RefreshArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Even if another process has just renewed it
    #[arg(long)]
    pub(crate) force: bool,
}
