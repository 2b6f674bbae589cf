//! The command line of `unlapse curl`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::duration;

#[derive(Debug, Args)]
pub(crate) struct CurlArguments {
    /// The profile
    pub(crate) profile: String,
    /// Where the request goes: https, or http to this machine; no redirect is followed
    pub(crate) url: String,
    /// The method; GET, or POST with data
    #[arg(long = "request", short = 'X', value_name = "METHOD")]
    pub(crate) method: Option<String>,
    /// A header, like 'Accept: text/plain'; @FILE for a file of such lines, @- for stdin
    #[arg(long = "header", short = 'H', value_name = "HEADER")]
    pub(crate) headers: Vec<String>,
    /// The body; @FILE for a file, - or @- for stdin, where other users cannot see it
    #[arg(long, short = 'd', value_name = "DATA", allow_hyphen_values = true)]
    pub(crate) data: Option<String>,
    /// Print the headers of the reply too, on stderr
    #[arg(long, short = 'i')]
    pub(crate) include: bool,
    /// Write the body of the reply there instead of stdout
    #[arg(long, short = 'o', value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Longest that all of it may take
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub(crate) max_time: Option<Duration>,
    /// Exit with 13 when the reply's status is 4xx, and with 11 when it is 408, 425, 429 or 5xx
    #[arg(long)]
    pub(crate) fail: bool,
    /// Keep it first, then send it, now or once the network is back, under one idempotency key
    #[arg(long)]
    pub(crate) queue: bool,
}
