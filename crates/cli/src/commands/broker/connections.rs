//! `unlapse broker connections`

use std::fmt::Write as _;

use http::Method;
use serde_json::{Value, json};
use unlapse_oauth::grant::ConnectionPath;
use zeroize::Zeroizing;

use super::client::Client;
use super::shown::{data, done, list, table, text};
use super::{Run, failure};
use crate::args::{ConnectionsCommand, ListConnectionsArguments, WhichConnection};
use crate::commands::running::block_on;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::terminal;

/// Connections in a part of a list: the most that a broker gives.
const PART: u32 = 500;

pub(super) fn run(run: &Run<'_>, command: &ConnectionsCommand) -> Result<Exit, Diagnosis> {
    let client = run.client()?;
    block_on(async {
        match command {
            ConnectionsCommand::List(wanted) => list_them(run, &client, wanted).await?,
            ConnectionsCommand::Show(which) => show(run, &client, which).await?,
            ConnectionsCommand::Refresh(which) => {
                let (path, name) = path_of(which)?;
                let path = below(&path, Some("refresh"));
                let connection = client.ask(Method::POST, &path, &[], None).await?;
                let until = text(&connection, "access_expires_at");
                done(run, &connection, &format!("renewed {name}: valid until {until}"));
            }
            ConnectionsCommand::Remove { which, yes } => {
                let (path, name) = path_of(which)?;
                let question = format!("Revoke {name} at its provider, and forget it?");
                if !yes && !terminal::confirm(&question, "--yes")? {
                    return Ok(Exit::Ok);
                }
                let removed = client.ask(Method::DELETE, &below(&path, None), &[], None).await?;
                done(run, &removed, &format!("{name} is gone"));
            }
            ConnectionsCommand::Connect { which, scopes, return_to } => {
                let (path, _) = path_of(which)?;
                let [user, provider, account] = path.parts();
                let mut wanted = json!({ "user": user, "provider": provider, "account": account });
                if !scopes.is_empty() {
                    wanted["scopes"] = json!(scopes);
                }
                if let Some(return_to) = return_to {
                    wanted["return_to"] = json!(return_to);
                }
                let body = Zeroizing::new(wanted.to_string().into_bytes());
                let connect = client.ask(Method::POST, &["connect"], &[], Some(body)).await?;
                data(run, &connect, |connect| format!("{}\n", text(connect, "url")));
            }
        }
        Ok(Exit::Ok)
    })
}

fn path_of(which: &WhichConnection) -> Result<(ConnectionPath, String), Diagnosis> {
    let path: Result<ConnectionPath, _> = which.connection.parse();
    let path = path.map_err(|bad| failure::bad_connection(&bad.to_string()))?;
    let name = crate::report::one_line(&path.to_string());
    Ok((path, name))
}

fn below<'a>(path: &'a ConnectionPath, further: Option<&'a str>) -> Vec<&'a str> {
    std::iter::once("connections").chain(path.parts()).chain(further).collect()
}

/// Part after part, until there are enough.
async fn list_them(
    run: &Run<'_>,
    client: &Client,
    wanted: &ListConnectionsArguments,
) -> Result<(), Diagnosis> {
    let limit = usize::try_from(wanted.limit).unwrap_or(usize::MAX);
    let part = wanted.limit.min(PART).to_string();
    let mut connections: Vec<Value> = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let filters = [
            ("limit", Some(part.as_str())),
            ("state", wanted.state.as_deref()),
            ("provider", wanted.provider.as_deref()),
            ("user", wanted.user.as_deref()),
            ("cursor", cursor.as_deref()),
        ];
        let query: Vec<_> =
            filters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let page = client.ask(Method::GET, &["connections"], &query, None).await?;
        connections.extend(list(&page, "connections").iter().cloned());
        cursor = page.get("next").and_then(Value::as_str).map(str::to_owned);
        if cursor.is_none() || connections.len() >= limit {
            break;
        }
    }
    let is_all = cursor.is_none() && connections.len() <= limit;
    connections.truncate(limit);
    let value = json!({ "connections": connections, "complete": is_all });
    data(run, &value, told);
    if !is_all && !run.common.json && !run.common.quiet {
        terminal::note("there are more: --limit, or filter by --state, --provider and --user");
    }
    Ok(())
}

fn told(value: &Value) -> String {
    let row = |connection: &Value| {
        let why = match (text(connection, "code"), connection.get("failing")) {
            (code, _) if code != "-" => code,
            (_, Some(failing)) if !failing.is_null() => {
                format!("{} × {}", text(failing, "count"), text(failing, "code"))
            }
            _ => String::new(),
        };
        [
            name_of(connection),
            text(connection, "state"),
            text(connection, "access_expires_at"),
            text(connection, "due_at"),
            why,
        ]
    };
    let rows: Vec<_> = list(value, "connections").iter().map(row).collect();
    table(["CONNECTION", "STATE", "VALID UNTIL", "RENEWED AT", "PROBLEM"], &rows)
}

/// As commands take it.
fn name_of(connection: &Value) -> String {
    let part = |member| text(connection, member).replace('%', "%25").replace('/', "%2F");
    format!("{}/{}/{}", part("user"), part("provider"), part("account"))
}

async fn show(run: &Run<'_>, client: &Client, which: &WhichConnection) -> Result<(), Diagnosis> {
    let (path, _) = path_of(which)?;
    let connection = client.ask(Method::GET, &below(&path, None), &[], None).await?;
    let tried = client.ask(Method::GET, &below(&path, Some("attempts")), &[], None).await?;
    let value = json!({ "connection": connection, "attempts": tried["attempts"] });
    data(run, &value, shown);
    Ok(())
}

fn shown(value: &Value) -> String {
    const MEMBERS: [&str; 12] = [
        "tenant",
        "state",
        "code",
        "failing",
        "generation",
        "scope",
        "access_expires_at",
        "refresh_expires_at",
        "due_at",
        "created_at",
        "connected_at",
        "seen_at",
    ];
    let connection = &value["connection"];
    let mut lines = format!("{}\n", name_of(connection));
    for member in MEMBERS {
        let said = text(connection, member);
        if said != "-" {
            let _ = writeln!(lines, "  {:18}  {said}", member.replace('_', " "));
        }
    }
    let row = |tried: &Value| {
        ["at", "number", "code", "status", "delay_ms", "duration_ms", "node"]
            .map(|member| text(tried, member))
    };
    let rows: Vec<_> = list(value, "attempts").iter().map(row).collect();
    if !rows.is_empty() {
        lines.push('\n');
        lines.push_str(&table(
            ["AT", "ATTEMPT", "PROBLEM", "STATUS", "AFTER MS", "TOOK MS", "NODE"],
            &rows,
        ));
    }
    lines
}
