//! `unlapse issuer sessions`

use serde_json::json;
use unlapse_issuer::{RevokedBecause, Session, SessionId, end_logins, system_clock};

use super::{Run, failure};
use crate::args::SessionsCommand;
use crate::commands::running::block_on;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::report::rfc3339;
use crate::terminal;

pub(super) fn run(run: &Run<'_>, command: &SessionsCommand) -> Result<Exit, Diagnosis> {
    let settings = run.settings()?;
    block_on(async {
        let store = settings.store_beside().await?;
        let now = system_clock()();
        let because = RevokedBecause::Operator;
        match command {
            SessionsCommand::List { subject } => {
                let sessions =
                    store.of_subject(subject, now).await.map_err(failure::unavailable)?;
                show(run, &sessions);
            }
            SessionsCommand::End { session: Some(session), .. } => {
                let id: SessionId = session.parse().map_err(|_| failure::no_session())?;
                let ended = store.revoke(id, because, now).await.map_err(failure::unavailable)?;
                if !ended {
                    return Err(failure::no_session());
                }
                ends(run, &[id]);
            }
            SessionsCommand::End { subject, .. } => {
                let subject = subject.as_deref().unwrap_or_default();
                // Logins that are none of these sessions yet would become new ones.
                let logins = end_logins(&*store, subject, now).await;
                logins.map_err(failure::unavailable)?;
                let ended = store.revoke_subject(subject, None, because, now).await;
                ends(run, &ended.map_err(failure::unavailable)?);
            }
        }
        Ok(())
    })?;
    Ok(Exit::Ok)
}

fn ends(run: &Run<'_>, ended: &[SessionId]) {
    if run.common.json {
        let ended: Vec<_> = ended.iter().map(ToString::to_string).collect();
        terminal::data(&format!("{}\n", json!({ "ended": ended })));
    } else if !run.common.quiet {
        terminal::note(&format!("{} ended", ended.len()));
    }
}

fn show(run: &Run<'_>, sessions: &[Session]) {
    if run.common.json {
        let sessions: Vec<_> = sessions
            .iter()
            .map(|session| {
                json!({
                    "session": session.id.to_string(),
                    "client": session.client,
                    "device": session.label,
                    "opened_at": rfc3339(session.opened_at),
                    "seen_at": rfc3339(session.seen_at),
                    "ends_at": rfc3339(session.idle_ends_at),
                })
            })
            .collect();
        terminal::data(&format!("{}\n", json!({ "sessions": sessions })));
        return;
    }
    for session in sessions {
        // What a device calls itself comes from outside.
        let label: String = session
            .label
            .as_deref()
            .unwrap_or_default()
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let (seen, ends) = (rfc3339(session.seen_at), rfc3339(session.idle_ends_at));
        terminal::data(&format!(
            "{}  {:12}  seen {seen}  ends {ends}  {label}\n",
            session.id, session.client
        ));
    }
}
