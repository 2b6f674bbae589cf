//! `unlapse logout`

use serde_json::json;
use unlapse::Revoked;
use unlapse_core::Error;

use crate::app::{App, failed};
use crate::args::LogoutArguments;
use crate::commands::running::{block_on, settled};
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::terminal;

/// Revokes at the server, then forgets: in this order, so that a failure leaves something to try
/// again with.
pub(crate) fn run(app: &App, arguments: &LogoutArguments) -> Result<Exit, Diagnosis> {
    let profile = app.profile(arguments.which.profile.as_deref())?;
    let shelf = app.shelf();
    let revoked = block_on(async {
        let source = app.source(profile, &shelf).await?;
        let work = async {
            let revoked =
                if arguments.local { Revoked::Unsupported } else { source.revoke().await? };
            if let Revoked::Failed(cause) = revoked {
                let key = profile.key();
                return Err(Error::Temporary { key, cause, attempts: 1, retry_at: None });
            }
            source.clear().await?;
            Ok(revoked)
        };
        settled(&source, async { work.await.map_err(failed(profile)) }).await
    })
    .map_err(|diagnosis| with_local_hint(diagnosis, &profile.name))?;
    let at_server = revoked == Revoked::Done;
    if app.json {
        let value = json!({ "profile": profile.name, "revoked_at_server": at_server });
        terminal::data(&format!("{value}\n"));
    } else if !app.quiet {
        let how = if at_server { "revoked at the server and forgotten" } else { "forgotten here" };
        terminal::note(&format!("{}: {how}", profile.name));
    }
    Ok(Exit::Ok)
}

fn with_local_hint(diagnosis: Diagnosis, profile: &str) -> Diagnosis {
    if diagnosis.code != "temporary_failure" {
        return diagnosis;
    }
    Diagnosis {
        message: format!("{profile} was not logged out: the server could not revoke it"),
        hint: format!("try again later, or forget it here alone: unlapse logout {profile} --local"),
        ..diagnosis
    }
}
