//! The command line. Its comments are what `--help` prints.
#![allow(clippy::doc_markdown, reason = "help is plain text: backticks would be printed")]

mod broker;
mod config;
mod curl;
mod demo;
mod doctor;
mod drill;
mod exec;
mod issuer;
mod log;
mod login;
mod logout;
mod queue;
mod refresh;
mod serve;
mod stats;
mod status;
mod token;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

pub(crate) use broker::{
    AddAppArguments, AddKeyArguments, AppsCommand, BrokerArguments, BrokerCommand,
    BrokerKeysCommand, ConnectionsCommand, ExportArguments, ImportArguments,
    ListConnectionsArguments, ProvidersArguments, RotateKeyArguments, TenantsCommand,
    WhichConnection,
};
pub(crate) use config::ConfigCommand;
pub(crate) use curl::CurlArguments;
pub(crate) use demo::{DemoArguments, DemoWorkerArguments};
pub(crate) use doctor::DoctorArguments;
pub(crate) use drill::DrillArguments;
pub(crate) use exec::ExecArguments;
pub(crate) use issuer::{
    IssuerArguments, IssuerCommand, KeysCommand, PepperCommand, SessionsCommand,
};
pub(crate) use log::LogArguments;
pub(crate) use login::LoginArguments;
pub(crate) use logout::LogoutArguments;
pub(crate) use queue::{DropArguments, FlushArguments, QueueCommand};
pub(crate) use refresh::RefreshArguments;
pub(crate) use serve::{BrokerPlace, ServeArguments};
pub(crate) use stats::StatsArguments;
pub(crate) use status::StatusArguments;
pub(crate) use token::{Format, TokenArguments};

/// Tokens that never lapse: one login, renewed exactly once across every process that uses it.
#[derive(Debug, Parser)]
#[command(name = "unlapse", version, max_term_width = 100, propagate_version = true)]
#[command(
    after_help = "Exit codes: 0 ok, 2 usage, 10 login needed, 11 temporary failure, 12 lease \
busy, 13 denied, 14 store damaged, 15 renewal's outcome unknown."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Common {
    /// Read this configuration instead of the user's and the project's [env: UNLAPSE_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Keep nothing on disk [env: UNLAPSE_NO_STORE=1, UNLAPSE_PERSIST=off]
    #[arg(long, visible_alias = "no-persist", global = true)]
    pub(crate) no_store: bool,
    /// Log what happens to stderr: warn, info, debug, trace [env: UNLAPSE_LOG]
    #[arg(long, global = true, value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// The token endpoint of every profile [env: UNLAPSE_TOKEN_ENDPOINT]
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    pub(crate) token_endpoint: Option<String>,
    /// Requests in one renewal [env: UNLAPSE_ATTEMPTS]
    #[arg(long, global = true, value_name = "COUNT", hide_short_help = true)]
    pub(crate) attempts: Option<String>,
    /// Delay before the first retry [env: UNLAPSE_BASE_DELAY]
    #[arg(long, global = true, value_name = "DURATION", hide_short_help = true)]
    pub(crate) base_delay: Option<String>,
    /// Longest delay between retries [env: UNLAPSE_MAX_DELAY]
    #[arg(long, global = true, value_name = "DURATION", hide_short_help = true)]
    pub(crate) max_delay: Option<String>,
    /// Longest wait for one answer of the server [env: UNLAPSE_TIMEOUT]
    #[arg(long, global = true, value_name = "DURATION", hide_short_help = true)]
    pub(crate) timeout: Option<String>,
    /// Print data and errors as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print nothing but data and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Watch logins survive: real processes, one encrypted store, and faults thrown at them
    Demo(DemoArguments),
    /// Throw faults at any command that prints a token, and see whether its login survives
    Drill(DrillArguments),
    /// Log in, and keep what renews the login from then on
    Login(LoginArguments),
    /// Print a valid token, and nothing else
    Token(TokenArguments),
    /// How each login is doing, and what to do next
    Status(StatusArguments),
    /// Renew now
    Refresh(RefreshArguments),
    /// Revoke at the server, then forget
    Logout(LogoutArguments),
    /// The profiles, and which have a login
    List,
    /// Run a command with the token in its environment
    Exec(ExecArguments),
    /// Make a request with the token; keep it until it can be sent, with --queue
    Curl(CurlArguments),
    /// Requests that wait for the network
    #[command(subcommand)]
    Queue(QueueCommand),
    /// What was done with tokens: by which program, when, and what came of it
    Log(LogArguments),
    /// How often which program used which token, how renewals went, and what is unusual
    Stats(StatsArguments),
    /// Find what is wrong with clock, custody, permissions, locks and records, and how to mend it
    Doctor(DoctorArguments),
    /// Keep other people's logins: a broker, on a file or on PostgreSQL
    Serve(ServeArguments),
    /// What an operator does with a broker: keys, apps, connections, tenants
    Broker(BrokerArguments),
    /// Give out sessions: the server side, for development and for backends
    Issuer(IssuerArguments),
    /// Show the configuration and where each value came from
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a completion script for a shell
    Completion {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The profile; may be left out when there is only one
    pub(crate) profile: Option<String>,
}

fn duration(text: &str) -> Result<Duration, unlapse_core::duration::BadDuration> {
    unlapse_core::duration::parse(text)
}

/// The name of an environment variable as POSIX has it: others cannot be used in a shell.
fn variable(text: &str) -> Result<String, &'static str> {
    let word = text.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    if word && text.starts_with(|c: char| !c.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("a variable's name has letters, digits and `_`, no digit first")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn rfc9449_8_a_nonce_is_whatever_the_server_has_drawn() {
        for nonce in ["eyJ7S_zG", "-3mP_x", "--dpop", "-"] {
            let words = ["unlapse", "token", "acme", "--dpop-proof", "GET", "https://a.example/"];
            let words = words.into_iter().chain(["--dpop-nonce", nonce, "--no-input"]);
            let Ok(Command::Token(token)) = Arguments::try_parse_from(words).map(|it| it.command)
            else {
                panic!("{nonce}");
            };
            assert_eq!((token.dpop_nonce.as_deref(), token.no_input), (Some(nonce), true));
        }
    }
}
