//! `unlapse broker keys`

use http::Method;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use unlapse_broker::{Name, Problem, Verb, Verbs};

use super::offline::beside;
use super::shown::{data, done, list, table, text};
use super::{Run, failure};
use crate::args::{AddKeyArguments, BrokerKeysCommand};
use crate::commands::running::{block_on, block_on_threads};
use crate::commands::serve;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::report::rfc3339;
use crate::terminal;

pub(super) fn run(run: &Run<'_>, command: &BrokerKeysCommand) -> Result<Exit, Diagnosis> {
    if let BrokerKeysCommand::Add(arguments) = command
        && arguments.offline
    {
        return offline(run, arguments);
    }
    let client = run.client()?;
    block_on(async {
        match command {
            BrokerKeysCommand::List => {
                let keys = client.ask(Method::GET, &["api-keys"], &[], None).await?;
                data(run, &keys, told);
            }
            BrokerKeysCommand::Add(arguments) => {
                let body = Zeroizing::new(wanted(arguments).to_string().into_bytes());
                let made = client.ask(Method::POST, &["api-keys"], &[], Some(body)).await?;
                say(run, &made);
            }
            BrokerKeysCommand::Revoke { id } => {
                let path = ["api-keys", id.as_str()];
                let revoked = client.ask(Method::DELETE, &path, &[], None).await?;
                done(run, &revoked, "the key is revoked: no node takes it after some seconds");
            }
        }
        Ok(Exit::Ok)
    })
}

/// Makes a key in the database itself.
fn offline(run: &Run<'_>, arguments: &AddKeyArguments) -> Result<Exit, Diagnosis> {
    let verbs: Verbs = arguments.verbs.join(" ").parse().map_err(|_| failure::bad_verbs())?;
    let tenant = run.arguments.tenant.as_deref().unwrap_or("default");
    let tenant: Name = tenant.parse().map_err(|bad| failure::bad_tenant(&bad))?;
    block_on_threads(async {
        let broker = beside(run, &arguments.place).await?;
        let tables = broker.tables();
        let failed = |problem: Problem| serve::failure::problem(&problem);
        if !arguments.operator && tables.tenant(&tenant).await.map_err(failed)?.is_none() {
            return Err(failure::no_tenant(&tenant));
        }
        let tenant = (!arguments.operator).then_some(tenant);
        let now = tables.database().now().await.map_err(|away| failed(away.into()))?;
        let expires_at = arguments.expires_in.map(|life| now.plus(life));
        let made = tables.make_api_key(tenant, &arguments.label, verbs, expires_at).await;
        let (key, secret) = made.map_err(failed)?;
        let verbs: Vec<_> = Verb::ALL.iter().filter(|verb| key.verbs.allow(**verb)).collect();
        let verbs: Vec<_> = verbs.into_iter().map(|verb| verb.as_str()).collect();
        let made = json!({
            "id": key.id,
            "tenant": key.tenant.as_ref().map(Name::as_str),
            "label": key.label,
            "verbs": verbs,
            "expires_at": key.expires_at.map(rfc3339),
            "key": secret.expose(),
        });
        say(run, &made);
        Ok(Exit::Ok)
    })
}

fn wanted(arguments: &AddKeyArguments) -> Value {
    let mut wanted = json!({ "label": arguments.label, "verbs": arguments.verbs });
    if let Some(life) = arguments.expires_in {
        wanted["expires_in"] = json!(life.as_secs());
    }
    wanted
}

/// The key alone is data, so that it can be piped; it is shown this once.
fn say(run: &Run<'_>, made: &Value) {
    if !run.common.quiet && !run.common.json {
        let whose = match text(made, "tenant") {
            none if none == "-" => "an operator".to_owned(),
            tenant => format!("the tenant {tenant}"),
        };
        let (id, verbs) = (text(made, "id"), text(made, "verbs"));
        terminal::note(&format!("the key {id} of {whose} may: {verbs}. It is shown this once:"));
    }
    data(run, made, |made| format!("{}\n", text(made, "key")));
}

fn told(keys: &Value) -> String {
    let row = |key: &Value| {
        ["id", "tenant", "label", "verbs", "expires_at", "revoked_at"]
            .map(|member| text(key, member))
    };
    let rows: Vec<_> = list(keys, "api_keys").iter().map(row).collect();
    table(["KEY", "TENANT", "LABEL", "VERBS", "UNTIL", "REVOKED"], &rows)
}
