//! The command line of `unlapse serve`.

use std::path::PathBuf;

use clap::Args;

/// Where a broker keeps what it keeps; the same for the server and for commands beside it.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct BrokerPlace {
    /// Keep everything in this directory: broker.db, master.key and spool; the working directory,
    /// unless said otherwise
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Keep connections here: the path of a file, or postgres://… for a fleet [env:
    /// UNLAPSE_BROKER_DATABASE]
    #[arg(long, value_name = "PLACE")]
    pub(crate) database: Option<String>,
    /// What data keys are wrapped under: the path of a file (made for a new broker), env:NAME, or
    /// command:PROGRAM
    #[arg(long, value_name = "KEY")]
    pub(crate) master_key: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Every option is a key of the file that --config names, too: \
docs/broker/operations.md. SIGTERM and SIGINT end it after what is under way; a second one at once.")]
pub(crate) struct ServeArguments {
    #[command(flatten)]
    pub(crate) place: BrokerPlace,
    /// For a new broker on PostgreSQL: make the file of the master key, if it is not there
    #[arg(long)]
    pub(crate) new_master_key: bool,
    /// Listen here; 127.0.0.1:8480, unless said otherwise
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// Serve /metrics and health at an address of their own, without a key
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics_listen: Option<String>,
    /// What the broker is called from outside: where users' browsers come back to
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// A file of providers, beside those that are built in and before them
    #[arg(long, value_name = "FILE")]
    pub(crate) providers: Option<PathBuf>,
    /// Keep answers of providers here until the database has them
    #[arg(long, value_name = "DIR")]
    pub(crate) spool: Option<PathBuf>,
    /// Write the first API key of a new broker there (0600) instead of printing it; without a terminal,
    /// it goes into `first-key` in the data directory
    #[arg(long, value_name = "FILE")]
    pub(crate) first_key_file: Option<PathBuf>,
    /// How the log is written: text or json
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
    /// Read the configuration, say what is wrong with it, and make nothing
    #[arg(long)]
    pub(crate) check: bool,
}
