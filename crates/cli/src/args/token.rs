//! The command line of `unlapse token`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{Which, duration};

#[derive(Debug, Args)]
pub(crate) struct TokenArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Raw)]
    pub(crate) format: Format,
    /// Print the headers of one request: the token, and with DPoP the proof that it is ours to use;
    /// made for `curl -H @-`
    #[arg(long, num_args = 2, value_names = ["METHOD", "URL"], conflicts_with = "format")]
    pub(crate) dpop_proof: Option<Vec<String>>,
    /// The nonce that the API's last reply had in its DPoP-Nonce header
    // Any server draws one that begins with a hyphen now and then.
    #[arg(long, value_name = "NONCE", requires = "dpop_proof", allow_hyphen_values = true)]
    pub(crate) dpop_nonce: Option<String>,
    /// Renew first if it would not live for this long (60s, 5m)
    #[arg(long, value_parser = duration, default_value = "0s", value_name = "DURATION")]
    pub(crate) min_ttl: Duration,
    /// Never ask anything, such as the passphrase of the store
    #[arg(long)]
    pub(crate) no_input: bool,
}

/// How a token is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The token
    Raw,
    /// `Authorization: Bearer …`
    Header,
    /// An object with the token and what is known of it
    Json,
    /// `UNLAPSE_TOKEN='…'`, for a shell
    Env,
}
