//! The command line of `unlapse issuer`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

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
