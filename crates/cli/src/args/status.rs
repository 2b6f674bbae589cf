//! The command line of `unlapse status`.

use std::time::Duration;

use clap::Args;

use super::{Which, duration};

#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Print nothing and ask nobody; exit 0 if the token is valid, 10 if a login is needed, 11 if it
    /// has to be renewed or obtained first
    #[arg(long)]
    pub(crate) check: bool,
    /// With --check: valid for this long more
    #[arg(long, value_parser = duration, default_value = "0s", value_name = "DURATION")]
    pub(crate) min_ttl: Duration,
}
