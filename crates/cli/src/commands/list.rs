//! `unlapse list`

use serde_json::json;
use unlapse_core::State;

use crate::app::App;
use crate::config::{Grant, Profile};
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::terminal;
use crate::wiring::Shelf;

#[expect(clippy::unnecessary_wraps, reason = "every command has this shape")]
pub(crate) fn run(app: &App) -> Result<Exit, Diagnosis> {
    let shelf = app.shelf();
    let rows: Vec<_> =
        app.config.profiles.values().map(|profile| (profile, login(&shelf, profile))).collect();
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
        terminal::data(&format!("{:width$}  {:18}  {login}\n", profile.name, grant(profile)));
    }
    Ok(Exit::Ok)
}

/// Whether there is a login, without telling more than that.
fn login(shelf: &Shelf, profile: &Profile) -> &'static str {
    if matches!(profile.grant, Grant::ApiKey(_)) {
        return "api key";
    }
    let Shelf::File(store) = shelf else { return "not logged in" };
    match store.read(&profile.key()) {
        Ok(Some(stored)) if stored.record.state != State::Active => "login needed",
        Ok(Some(stored)) if stored.record.token.is_some() => "logged in",
        Ok(_) => "not logged in",
        Err(_) => "unreadable",
    }
}

fn grant(profile: &Profile) -> &'static str {
    match profile.grant {
        Grant::RefreshToken { .. } => "refresh_token",
        Grant::ClientCredentials { .. } => "client_credentials",
        Grant::Password { .. } => "password",
        Grant::LoginEndpoint { .. } => "login_endpoint",
        Grant::ApiKey(_) => "api_key",
    }
}
