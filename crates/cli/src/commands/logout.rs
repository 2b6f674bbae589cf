//! `unlapse logout`

use serde_json::json;
use unlapse::Revoked;
use unlapse_core::{Cause, Error, StoreError};

use crate::app::{App, failed};
use crate::args::LogoutArguments;
use crate::commands::running::{block_on, settled};
use crate::config::Profile;
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

/// Revokes at the server, then forgets: in this order, so that a failure leaves something to try
/// again with.
pub(crate) fn run(app: &App, arguments: &LogoutArguments) -> Result<Exit, Diagnosis> {
    let profile = app.profile(arguments.which.profile.as_deref())?;
    let shelf = app.shelf_of(profile);
    let was_there = match &shelf {
        Shelf::Memory(_) => false,
        Shelf::File(store) => match store.read(&profile.key()) {
            Ok(stored) => stored.is_some_and(|stored| stored.record.token.is_some()),
            // It has been set aside by now, and with it what could be revoked (C4). What cannot be
            // read can still be forgotten.
            Err(error @ StoreError::Damaged { .. }) if !arguments.local => {
                return Err(Diagnosis::of_store(&error, &profile.name));
            }
            // Anything else is met again, and told, below.
            Err(_) => true,
        },
    };
    let logged_out = block_on(async {
        let source = app.source(profile, &shelf).await?;
        let work = async {
            let revoked = if arguments.local {
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
    })?;
    if app.json {
        let at_server = logged_out == LoggedOut::Revoked;
        let value = json!({ "profile": profile.name, "revoked_at_server": at_server });
        terminal::data(&format!("{value}\n"));
    } else if !app.quiet {
        let how = match logged_out {
            LoggedOut::Revoked => "revoked at the server and forgotten",
            LoggedOut::Forgotten if arguments.local => "forgotten here; the server was not told",
            LoggedOut::Forgotten => "forgotten here; the server has no revocation endpoint",
            LoggedOut::Nobody => "nobody was logged in",
        };
        terminal::note(&format!("{}: {how}", profile.name));
    }
    Ok(Exit::Ok)
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
