//! The command line of `unlapse doctor`.

use clap::Args;

use super::Which;

#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Close the breakers of all token endpoints, so that they are asked again at once
    #[arg(long)]
    pub(crate) reset_breaker: bool,
    /// Remove records that nothing can be done with any more, a month after they ended
    #[arg(long)]
    pub(crate) repair: bool,
}
