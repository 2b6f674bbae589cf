//! The command line of `unlapse drill`.

use clap::Args;

use crate::commands::drill::row::Row;

#[derive(Debug, Args)]
pub(crate) struct DrillArguments {
    /// How many processes run at once
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) workers: u16,
    /// Only these rows, separated by commas
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) rows: Vec<Row>,
    /// How the command is configured and logged in: unlapse, oidc-agent, or a file (docs/drill.md);
    /// may be left out for `unlapse` and `oidc-token`
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) template: Option<String>,
    /// Leave the homes that the command was given, and say where
    #[arg(long)]
    pub(crate) keep: bool,
    /// The command that prints a token, and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<std::ffi::OsString>,
}
