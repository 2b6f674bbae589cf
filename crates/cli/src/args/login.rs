//! The command line of `unlapse login`.

use clap::Args;

use super::Which;

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
    /// Read the API key of the profile's broker from stdin; it is kept, encrypted
    #[arg(long, conflicts_with_all = ["refresh_token_stdin", "password_stdin", "client_secret_stdin"])]
    pub(crate) broker_key_stdin: bool,
    /// The user name, if the profile names none
    #[arg(long, value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// Keep what was read without asking the server whether it is good
    #[arg(long)]
    pub(crate) no_verify: bool,
}
