//! `unlapse logout`

use serde_json::{Value, json};
use unlapse::Revoked;
use unlapse_core::{Cause, Error, StoreError};

use crate::app::{App, failed};
use crate::args::LogoutArguments;
use crate::commands::running::{block_on, settled};
use crate::config::{Grant, Profile};
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::terminal;
use crate::wiring::Shelf;

/// What a logout came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LoggedOut {
    /// The server ended the login, and it is forgotten here.
    Revoked,
    /// It is forgotten here; the server was not told, or has no way to be told.
    Forgotten,
    /// There was no login.
    Nobody,
}

impl LoggedOut {
    fn json(self, profile: &Profile) -> Value {
        json!({ "profile": profile.name, "revoked_at_server": self == Self::Revoked })
    }

    fn describe(self, local: bool) -> &'static str {
        match self {
            Self::Revoked => "revoked at the server and forgotten",
            Self::Forgotten if local => "forgotten here; the server was not told",
            Self::Forgotten => "forgotten here; the server has no revocation endpoint",
            Self::Nobody => "nobody was logged in",
        }
    }
}

pub(crate) fn run(app: &App, arguments: &LogoutArguments) -> Result<Exit, Diagnosis> {
    if arguments.all {
        return Ok(all(app, arguments.local));
    }
    let profile = app.profile(arguments.which.profile.as_deref())?;
    let logged_out = log_out(app, profile, &app.shelf_of(profile), arguments.local)?;
    if app.json {
        terminal::data(&format!("{}\n", logged_out.json(profile)));
    } else if !app.quiet {
        let how = logged_out.describe(arguments.local);
        terminal::note(&format!("{}: {how}", profile.name));
    }
    Ok(Exit::Ok)
}

/// Every login that there may be. One that cannot be ended keeps no other from it.
fn all(app: &App, local: bool) -> Exit {
    let shelves = app.shelves();
    let (mut exit, mut rows) = (Exit::Ok, Vec::new());
    for profile in app.config.profiles.values() {
        if matches!(profile.grant, Grant::ApiKey(_)) {
            // Nobody is logged in with it, and it cannot be forgotten here.
            continue;
        }
        let mut row = LoggedOut::Nobody.json(profile);
        row["problem"] = Value::Null;
        match log_out(app, profile, shelves.of(profile), local) {
            Ok(logged_out) => {
                row["revoked_at_server"] = logged_out.json(profile)["revoked_at_server"].take();
                if !app.json && !app.quiet {
                    terminal::note(&format!("{}: {}", profile.name, logged_out.describe(local)));
                }
            }
            Err(diagnosis) => {
                row["problem"] = format!("unlapse::{}", diagnosis.code).into();
                if !app.json {
                    terminal::report(&diagnosis, false);
                }
                exit = [exit, diagnosis.exit]
                    .into_iter()
                    .max_by_key(|exit| exit.code())
                    .unwrap_or(exit);
            }
        }
        rows.push(row);
    }
    if app.json {
        terminal::data(&format!("{}\n", json!({ "profiles": rows })));
    } else if rows.is_empty() && !app.quiet {
        terminal::note("no profiles that anybody logs in to");
    }
    exit
}

/// Revokes at the server, then forgets: in this order, so that a failure leaves something to try
/// again with.
fn log_out(
    app: &App,
    profile: &Profile,
    shelf: &Shelf,
    local: bool,
) -> Result<LoggedOut, Diagnosis> {
    let was_there = match shelf {
        Shelf::Memory(_) => false,
        Shelf::File(store) => match store.read(&profile.key()) {
            Ok(stored) => stored.is_some_and(|stored| stored.record.token.is_some()),
            // It has been set aside by now, and with it what could be revoked (C4). What cannot be
            // read can still be forgotten.
            Err(error @ StoreError::Damaged { .. }) if !local => {
                return Err(Diagnosis::of_store(&error, &profile.name));
            }
            // Anything else is met again, and told, below.
            Err(_) => true,
        },
    };
    block_on(async {
        let source = app.source(profile, shelf).await?;
        let work = async {
            let revoked = if local {
                source.clear().await.map(|()| Revoked::Unsupported)
            } else {
                source.log_out().await
            };
            match revoked.map_err(failed(profile))? {
                Revoked::Failed(cause) => Err(unrevoked(profile, cause)),
                _ if !was_there => Ok(LoggedOut::Nobody),
                Revoked::Done => Ok(LoggedOut::Revoked),
                _ => Ok(LoggedOut::Forgotten),
            }
        };
        settled(&source, work).await
    })
}

/// The server did not revoke: nothing is forgotten, and the reason says what helps.
fn unrevoked(profile: &Profile, cause: Cause) -> Diagnosis {
    let name = &profile.name;
    let error = Error::Temporary { key: profile.key(), cause, attempts: 1, retry_at: None };
    let diagnosis = Diagnosis::of(&error, name);
    let (code, exit) = match cause {
        Cause::Client | Cause::Request => ("client_rejected", Exit::Denied),
        _ => (diagnosis.code, diagnosis.exit),
    };
    Diagnosis {
        code,
        exit,
        message: format!("{name} was not logged out, for it could not be revoked: {cause}"),
        hint: format!(
            "{}; or forget it here alone: `unlapse logout {name} --local`",
            diagnosis.hint
        ),
        ..diagnosis
    }
}
