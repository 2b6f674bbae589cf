//! The command line of `unlapse stats`.

use std::time::Duration;

use clap::Args;

use super::duration;

#[derive(Debug, Args)]
pub(crate) struct StatsArguments {
    /// Only of this profile
    pub(crate) profile: Option<String>,
    /// Only what is no older than this
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub(crate) since: Option<Duration>,
}
