//! The command line of `unlapse log`.

use std::time::Duration;

use clap::Args;

use super::duration;

#[derive(Debug, Args)]
pub(crate) struct LogArguments {
    /// Only of this profile
    pub(crate) profile: Option<String>,
    /// Only what is no older than this
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub(crate) since: Option<Duration>,
    /// Go on with whatever happens, until interrupted; with --json, a document a line
    #[arg(long, short)]
    pub(crate) follow: bool,
}
