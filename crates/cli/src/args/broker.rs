//! The command line of `unlapse broker`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{BrokerPlace, duration};

#[derive(Debug, Args)]
#[command(after_help = "Commands ask a running broker, with an API key from --key-file or \
UNLAPSE_BROKER_KEY. `keys add --offline`, `rotate-key`, `import` and `export` work on the \
database itself, on a machine that has it and the master key. `providers` needs neither.")]
pub(crate) struct BrokerArguments {
    /// The broker; http://127.0.0.1:8480, unless said otherwise [env: UNLAPSE_BROKER]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) broker: Option<String>,
    /// A file with the API key, which nobody else may read [env: UNLAPSE_BROKER_KEY holds the key]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// The tenant; the key's own, unless it is an operator's
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) tenant: Option<String>,
    #[command(subcommand)]
    pub(crate) command: BrokerCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BrokerCommand {
    /// API keys: who may ask the broker, and for what
    #[command(subcommand)]
    Keys(BrokerKeysCommand),
    /// Registrations at providers
    #[command(subcommand)]
    Apps(AppsCommand),
    /// Logins of users
    #[command(subcommand)]
    Connections(ConnectionsCommand),
    /// Products that share the broker, apart from one another
    #[command(subcommand)]
    Tenants(TenantsCommand),
    /// Bring many connections at once, into the database: a JSON object a line; what was cut off goes on
    Import(ImportArguments),
    /// Print every connection as an import takes it, from the database
    Export(ExportArguments),
    /// Change the keys that secrets are sealed with, while the broker runs
    RotateKey(RotateKeyArguments),
    /// The providers that are known, or whether a file of your own is good
    Providers(ProvidersArguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum BrokerKeysCommand {
    /// Make a key, and print it once
    Add(AddKeyArguments),
    /// Every key but its secret
    List,
    /// Give a key up
    Revoke {
        /// Its id, as `list` has it
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AddKeyArguments {
    /// What it is for, in your words
    pub(crate) label: String,
    /// What it may do: read, token, write, import, admin
    #[arg(long, value_delimiter = ',', default_value = "token", value_name = "VERB")]
    pub(crate) verbs: Vec<String>,
    /// It ends by itself after this time
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub(crate) expires_in: Option<Duration>,
    /// Make a key for an operator, who is bound to no tenant
    #[arg(long, conflicts_with = "tenant")]
    pub(crate) operator: bool,
    /// Make it in the database itself: for whoever has lost every key
    #[arg(long)]
    pub(crate) offline: bool,
    #[command(flatten)]
    pub(crate) place: BrokerPlace,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AppsCommand {
    /// Add or change one
    Add(AddAppArguments),
    /// Every app with the redirect URI to register at its provider, and without its secret
    List,
    /// Remove one that no connection needs
    Remove {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AddAppArguments {
    /// What connections call it: by default, as the provider is called
    pub(crate) name: String,
    /// The provider, as `unlapse broker providers` names it; the app's name, unless said otherwise
    #[arg(long)]
    pub(crate) provider: Option<String>,
    /// The client's id at the provider
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: String,
    /// Read the client's secret from stdin; it is asked for on a terminal
    #[arg(long, conflicts_with = "client_secret_file")]
    pub(crate) client_secret_stdin: bool,
    /// Read the client's secret from a file
    #[arg(long, value_name = "FILE")]
    pub(crate) client_secret_file: Option<PathBuf>,
    /// It has no secret
    #[arg(long, conflicts_with_all = ["client_secret_stdin", "client_secret_file"])]
    pub(crate) public: bool,
    /// A scope to ask for; as often as there are scopes
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<String>,
    /// What the provider's entry leaves to the app, like host=eu.example
    #[arg(long = "param", value_name = "NAME=VALUE")]
    pub(crate) params: Vec<String>,
    /// Where users may be sent after connecting
    #[arg(long = "return-to", value_name = "URL")]
    pub(crate) return_to: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConnectionsCommand {
    /// Those there are
    List(ListConnectionsArguments),
    /// One of them, and how its last renewals went
    Show(WhichConnection),
    /// Renew one now
    Refresh(WhichConnection),
    /// Revoke one at its provider where that is possible, and forget it
    Remove {
        #[command(flatten)]
        which: WhichConnection,
        /// Do not ask
        #[arg(long, short = 'y')]
        yes: bool,
    },
    /// Print the address at which its user gives their consent
    Connect {
        #[command(flatten)]
        which: WhichConnection,
        /// A scope to ask for; the app's, unless said otherwise
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        /// Where the user is sent afterwards: one of the app's
        #[arg(long, value_name = "URL")]
        return_to: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct WhichConnection {
    /// USER/PROVIDER/ACCOUNT, with %2F for a / within one of them
    #[arg(value_name = "CONNECTION")]
    pub(crate) connection: String,
}

#[derive(Debug, Args)]
pub(crate) struct ListConnectionsArguments {
    /// Only active ones, or those that need their user
    #[arg(long, value_parser = ["active", "needs_user"])]
    pub(crate) state: Option<String>,
    /// Only of this app
    #[arg(long)]
    pub(crate) provider: Option<String>,
    /// Only of this user
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// So many at most
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) limit: u32,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TenantsCommand {
    /// Those there are
    List,
    /// Add or change one
    Add {
        /// Its name
        name: String,
        /// How its connections are renewed: eager, or on_demand for those that are used
        #[arg(long, default_value = "eager", value_parser = ["eager", "on_demand"])]
        speed: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// A JSON object a line
    pub(crate) file: PathBuf,
    /// The import's name: one that was cut off goes on under its own; the file's, unless said otherwise
    #[arg(long)]
    pub(crate) id: Option<String>,
    #[command(flatten)]
    pub(crate) place: BrokerPlace,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// With refresh tokens and access tokens, in clear: whoever has the output has the logins
    #[arg(long)]
    pub(crate) with_secrets: bool,
    #[command(flatten)]
    pub(crate) place: BrokerPlace,
}

#[derive(Debug, Args)]
pub(crate) struct RotateKeyArguments {
    /// Wrap all data keys under the first key of the master key file, instead of drawing a new data key
    #[arg(long, conflicts_with = "tenant")]
    pub(crate) master: bool,
    #[command(flatten)]
    pub(crate) place: BrokerPlace,
}

#[derive(Debug, Args)]
pub(crate) struct ProvidersArguments {
    /// Read this file, and say what is wrong with it
    #[arg(long, value_name = "FILE")]
    pub(crate) check: Option<PathBuf>,
}
