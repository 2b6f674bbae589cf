//! `unlapse broker apps`

use std::collections::BTreeMap;

use http::Method;
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::client::secret_of;
use super::shown::{data, done, list, table, text};
use super::{Run, failure};
use crate::args::{AddAppArguments, AppsCommand};
use crate::commands::running::block_on;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::terminal;

pub(super) fn run(run: &Run<'_>, command: &AppsCommand) -> Result<Exit, Diagnosis> {
    let client = run.client()?;
    // Before anybody is asked for anything over the network.
    let body = match command {
        AppsCommand::Add(arguments) => Some(body(run, arguments)?),
        _ => None,
    };
    block_on(async {
        match command {
            AppsCommand::List => {
                let apps = client.ask(Method::GET, &["apps"], &[], None).await?;
                data(run, &apps, told);
            }
            AppsCommand::Add(AddAppArguments { name, .. }) => {
                let app = client.ask(Method::PUT, &["apps", name.as_str()], &[], body).await?;
                let uri = text(&app, "redirect_uri");
                let told = format!(
                    "the app {name} is there: users can connect to it once its provider has the \
                     redirect URI {uri}"
                );
                done(run, &app, &told);
            }
            AppsCommand::Remove { name } => {
                let path = ["apps", name.as_str()];
                let removed = client.ask(Method::DELETE, &path, &[], None).await?;
                done(run, &removed, &format!("the app {name} is gone"));
            }
        }
        Ok(Exit::Ok)
    })
}

fn told(apps: &Value) -> String {
    let members = ["name", "provider", "client_id", "redirect_uri", "scopes"];
    let row = |app| members.map(|member| text(app, member));
    let rows: Vec<_> = list(apps, "apps").iter().map(row).collect();
    table(["APP", "PROVIDER", "CLIENT", "REDIRECT URI", "SCOPES"], &rows)
}

/// An app as the API takes it.
#[derive(Serialize)]
struct Sent<'a> {
    provider: &'a str,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
    scopes: &'a [String],
    params: BTreeMap<&'a str, &'a str>,
    return_to: &'a [String],
}

fn body(run: &Run<'_>, arguments: &AddAppArguments) -> Result<Zeroizing<Vec<u8>>, Diagnosis> {
    let AddAppArguments { name, provider, client_id, scopes, params, return_to, .. } = arguments;
    let params = params.iter().map(|param| param.split_once('=').ok_or_else(not_a_param));
    let params = params.collect::<Result<BTreeMap<_, _>, _>>()?;
    let secret = match &arguments.client_secret_file {
        _ if arguments.public => None,
        Some(path) => Some(secret_of(&run.environment.absolute(path))?),
        None if arguments.client_secret_stdin => terminal::secrets_from_stdin(1)?.pop(),
        None => Some(terminal::ask_secret(
            "Client secret",
            "--client-secret-stdin or --client-secret-file, or say --public",
        )?),
    };
    let sent = Sent {
        provider: provider.as_ref().unwrap_or(name),
        client_id,
        client_secret: secret.as_ref().map(unlapse_core::Secret::expose),
        scopes,
        params,
        return_to,
    };
    // Room for all of it: growing would leave copies behind.
    let mut body = Zeroizing::new(Vec::with_capacity(256 * 1024));
    serde_json::to_writer(&mut *body, &sent).map_err(|_| not_a_param())?;
    Ok(body)
}

fn not_a_param() -> Diagnosis {
    Diagnosis {
        hint: "write it like --param host=eu.example".to_owned(),
        ..failure::bad_connection("a parameter has a name, `=` and a value")
    }
}
