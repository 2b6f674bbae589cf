//! `unlapse list`

use serde_json::json;
use unlapse_core::State;

use crate::app::App;
use crate::config::{Grant, Profile};
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::terminal;
use crate::wiring::{self, Shelf};

#[expect(clippy::unnecessary_wraps, reason = "every command has this shape")]
pub(crate) fn run(app: &App) -> Result<Exit, Diagnosis> {
    let shelves = app.shelves();
    let rows: Vec<_> = app
        .config
        .profiles
        .values()
        .map(|profile| (profile, login(app, shelves.of(profile), profile)))
        .collect();
    if app.json {
        let profiles: Vec<_> = rows
            .iter()
            .map(|(profile, login)| {
                json!({ "profile": profile.name, "account": profile.account,
                        "grant": grant(profile), "login": login })
            })
            .collect();
        terminal::data(&format!("{}\n", json!({ "profiles": profiles })));
        return Ok(Exit::Ok);
    }
    if rows.is_empty() && !app.quiet {
        terminal::note("no profiles; see docs/configuration.md, or run `unlapse demo`");
    }
    let width = rows.iter().map(|(profile, _)| profile.name.chars().count()).max().unwrap_or(0);
    for (profile, login) in rows {
        let login = login.replace('_', " ");
        terminal::data(&format!("{:width$}  {:18}  {login}\n", profile.name, grant(profile)));
    }
    Ok(Exit::Ok)
}

/// Whether there is a login, without telling more than that: a word for scripts.
fn login(app: &App, shelf: &Shelf, profile: &Profile) -> &'static str {
    if matches!(profile.grant, Grant::ApiKey(_)) {
        return if wiring::api_key(profile).is_some() { "api_key" } else { "api_key_not_set" };
    }
    let stored = match shelf {
        Shelf::File(store) => store.read(&profile.key()),
        Shelf::Memory(store) => Ok(store.read(&profile.key())),
    };
    match stored {
        Ok(Some(stored)) if stored.record.state != State::Active => "login_needed",
        Ok(Some(stored)) if stored.record.token.is_some() => "logged_in",
        Ok(stored) => {
            let credentials = stored.as_ref().and_then(|it| it.record.credentials.as_ref());
            let by_itself = wiring::rungs(profile, credentials).login;
            if by_itself { "no_token_yet" } else { "not_logged_in" }
        }
        Err(error) => {
            // A damaged record has been set aside by now, and nobody else meets it (C4).
            if !app.quiet {
                terminal::warn(&error.to_string());
            }
            "unreadable"
        }
    }
}

fn grant(profile: &Profile) -> &'static str {
    match profile.grant {
        Grant::RefreshToken { .. } => "refresh_token",
        Grant::ClientCredentials { .. } => "client_credentials",
        Grant::Password { .. } => "password",
        Grant::LoginEndpoint { .. } => "login_endpoint",
        Grant::Broker { .. } => "broker",
        Grant::ApiKey(_) => "api_key",
    }
}
