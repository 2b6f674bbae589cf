//! The command line of `unlapse logout`.

use clap::Args;

use super::Which;

#[derive(Debug, Args)]
pub(crate) struct LogoutArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Forget it here without telling the server
    #[arg(long)]
    pub(crate) local: bool,
    /// End the logins of all profiles
    #[arg(long, conflicts_with = "profile")]
    pub(crate) all: bool,
}
