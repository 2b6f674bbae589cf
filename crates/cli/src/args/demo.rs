//! The command line of `unlapse demo`.

use std::path::PathBuf;

use clap::{Args, Parser};

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// How long it runs
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(3..=3600))]
    pub(crate) seconds: u64,
    /// How many processes share the login
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) workers: u16,
    /// Where the faults fall; the same seed throws them in the same order
    #[arg(long)]
    pub(crate) seed: Option<u64>,
}

/// One worker of `demo`, which only `demo` starts: no command for people, nor for completion.
#[derive(Debug, Parser)]
pub(crate) struct DemoWorkerArguments {
    #[arg(long)]
    pub(crate) number: u16,
    #[arg(long)]
    pub(crate) api: String,
    #[arg(long)]
    pub(crate) token_endpoint: String,
    #[arg(long)]
    pub(crate) store: PathBuf,
    #[arg(long)]
    pub(crate) seed: u64,
}
