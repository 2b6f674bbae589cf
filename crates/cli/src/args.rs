//! The command line. Its comments are what `--help` prints.
#![allow(clippy::doc_markdown, reason = "help is plain text: backticks would be printed")]

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use unlapse::outbox::EntryId;

use crate::commands::drill::row::Row;

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

/// Where an issuer keeps what it keeps; the same for the server and for commands beside it.
#[derive(Debug, Args)]
pub(crate) struct IssuerArguments {
    /// Keep everything in this directory: sessions and keys in issuer.db, peppers in peppers
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Keep sessions and keys here: sqlite:PATH, postgres://… or memory [env:
    /// UNLAPSE_ISSUER_DATABASE]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) database: Option<String>,
    /// Listen here
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// What the issuer is called from outside: the `iss` of its tokens
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// For development: in memory, on the loopback, with a user and clients that everybody knows
    #[arg(long)]
    pub(crate) dev: bool,
    #[command(subcommand)]
    pub(crate) command: Option<IssuerCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IssuerCommand {
    /// Read the configuration, and say what is wrong with it
    Check,
    /// The keys that tokens are signed with
    #[command(subcommand)]
    Keys(KeysCommand),
    /// The secrets that refresh tokens are made under, and keys sealed
    #[command(subcommand)]
    Pepper(PepperCommand),
    /// Who is logged in
    #[command(subcommand)]
    Sessions(SessionsCommand),
    /// Users of the configuration
    #[command(subcommand)]
    User(UserCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Every key, and where it is in its life
    List,
    /// Let the next key sign: at once, if it has been published for long enough
    Rotate {
        /// Only the key of this algorithm: EdDSA, ES256 or RS256
        #[arg(long)]
        algorithm: Option<String>,
    },
    /// Give a key up: nothing that it signed is accepted any more
    Revoke {
        /// Its name
        kid: String,
    },
    /// Take a private key in (PKCS#8, PEM or DER): it is published, and signs next
    Import {
        /// The file; - for stdin
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PepperCommand {
    /// The peppers, the newest first
    List,
    /// Draw another one
    Add {
        /// Make new tokens under it at once: every node must have it before
        #[arg(long)]
        newest: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionsCommand {
    /// The sessions of a subject that are live
    List {
        /// The `sub` of its tokens
        subject: String,
    },
    /// End a session, or all of a subject's
    End {
        /// The session's name
        #[arg(required_unless_present = "subject", conflicts_with = "subject")]
        session: Option<String>,
        /// All sessions of this subject
        #[arg(long)]
        subject: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Print the hash of a password, which is asked for or read from stdin
    Hash,
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The profile; may be left out when there is only one
    pub(crate) profile: Option<String>,
}

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

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct LoginArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Read a refresh token from stdin
    #[arg(long, conflicts_with = "password_stdin")]
    pub(crate) refresh_token_stdin: bool,
    /// Read, after the refresh token, the private key that it is bound to from stdin (DPoP; PKCS#8 in
    /// base64, on one line); it is kept, encrypted
    #[arg(long, requires = "refresh_token_stdin")]
    pub(crate) sender_key_stdin: bool,
    /// Read the password from stdin; it is kept, encrypted, to log in again
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Read the client's secret from stdin (its first line, when a password follows); it is kept,
    /// encrypted
    #[arg(long)]
    pub(crate) client_secret_stdin: bool,
    /// The user name, if the profile names none
    #[arg(long, value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// Keep what was read without asking the server whether it is good
    #[arg(long)]
    pub(crate) no_verify: bool,
}

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
    #[arg(long, value_name = "NONCE", requires = "dpop_proof")]
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

#[derive(Debug, Args)]
pub(crate) struct RefreshArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Even if another process has just renewed it
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LogoutArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Forget it here without telling the server
    #[arg(long)]
    pub(crate) local: bool,
    /// End the logins of all profiles
    #[arg(long, conflicts_with = "profile")]
    pub(crate) all: bool,
}

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

#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
    /// What waits, and why
    List,
    /// Send what can be sent
    Flush(FlushArguments),
    /// Forget requests without sending them
    Drop(DropArguments),
}

#[derive(Debug, Args)]
pub(crate) struct FlushArguments {
    /// Only the line of this profile
    pub(crate) profile: Option<String>,
    /// Also what was refused, or may have been acted upon long ago: it may be acted upon twice
    #[arg(long)]
    pub(crate) failed: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DropArguments {
    /// Which, as `unlapse queue list` names them
    #[arg(required_unless_present_any = ["all", "failed"], value_name = "ID")]
    pub(crate) ids: Vec<EntryId>,
    /// All of them
    #[arg(long, conflicts_with_all = ["ids", "failed"])]
    pub(crate) all: bool,
    /// Those that were refused
    #[arg(long, conflicts_with = "ids")]
    pub(crate) failed: bool,
    /// Do not ask
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
}

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

#[derive(Debug, Args)]
pub(crate) struct StatsArguments {
    /// Only of this profile
    pub(crate) profile: Option<String>,
    /// Only what is no older than this
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub(crate) since: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Close the breakers of all token endpoints, so that they are asked again at once
    #[arg(long)]
    pub(crate) reset_breaker: bool,
    /// Remove records that nothing can be done with any more, a month after they ended
    #[arg(long)]
    pub(crate) repair: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Every value, and where it came from
    Show,
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
}
