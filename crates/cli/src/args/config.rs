//! The command line of `unlapse config`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Every value, and where it came from
    Show,
}
