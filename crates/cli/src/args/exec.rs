//! The command line of `unlapse exec`.

use std::time::Duration;

use clap::Args;

use super::{duration, variable};

#[derive(Debug, Args)]
pub(crate) struct ExecArguments {
    /// The profile
    pub(crate) profile: String,
    /// The variable that holds the token
    #[arg(long, default_value = "UNLAPSE_TOKEN", value_name = "NAME", value_parser = variable)]
    pub(crate) env: String,
    /// Renew first if the token would not live for this long
    #[arg(long, value_parser = duration, default_value = "0s", value_name = "DURATION")]
    pub(crate) min_ttl: Duration,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<std::ffi::OsString>,
}
