//! `unlapse queue list`

use serde_json::json;
use unlapse::outbox::{Progress, Summary};
use unlapse_core::UnixTime;
use unlapse_store::FileOutbox;

use super::{contents, profile_of};
use crate::app::App;
use crate::commands::status::span;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::report::rfc3339;
use crate::terminal;

pub(super) fn run(app: &App, outbox: Option<&FileOutbox>) -> Result<Exit, Diagnosis> {
    let contents = contents(outbox)?;
    let now = unlapse::tokio::system_now().wall;
    if app.json {
        let entries: Vec<_> =
            contents.entries.iter().map(|entry| document(app, entry, now)).collect();
        let value = json!({ "entries": entries, "unreadable": contents.unreadable });
        terminal::data(&format!("{value}\n"));
        return Ok(Exit::Ok);
    }
    if contents.entries.is_empty() && !app.quiet {
        terminal::note("nothing waits");
    }
    for entry in &contents.entries {
        terminal::data(&line(app, entry, now));
    }
    for path in contents.unreadable.iter().filter(|_| !app.quiet) {
        terminal::warn(&format!("{path} cannot be used, and is never sent"));
    }
    Ok(Exit::Ok)
}

/// The person who asks has typed the URL: all of it is shown.
fn document(app: &App, entry: &Summary, now: UnixTime) -> serde_json::Value {
    let progress = &entry.progress;
    json!({
        "id": entry.id.to_string(),
        "profile": profile_of(app, &entry.key).map(|profile| &profile.name),
        "key": entry.key.to_string(),
        "method": entry.method,
        "url": entry.url.expose(),
        "body_bytes": entry.body_len,
        "idempotency_key": entry.idempotency_key,
        "queued_at": rfc3339(entry.queued_at),
        "age": now.since(entry.queued_at).as_secs(),
        "state": state(progress),
        "attempts": progress.attempts,
        "in_doubt_since": progress.doubt_since.map(rfc3339),
        "setback": progress.setback.map(|setback| setback.what.to_string()),
        "setback_at": progress.setback.map(|setback| rfc3339(setback.at)),
        "next_try": next_try(progress, now).map(rfc3339),
    })
}

fn state(progress: &Progress) -> &'static str {
    if progress.is_failed { "failed" } else { "waiting" }
}

fn next_try(progress: &Progress, now: UnixTime) -> Option<UnixTime> {
    progress.wait.map(|wait| wait.until).filter(|until| *until > now)
}

fn line(app: &App, entry: &Summary, now: UnixTime) -> String {
    let progress = &entry.progress;
    let whose = profile_of(app, &entry.key)
        .map_or_else(|| format!("{} (no profile)", entry.key), |profile| profile.name.clone());
    let tries = match progress.attempts {
        0 => "not tried yet".to_owned(),
        1 => "1 try".to_owned(),
        tries => format!("{tries} tries"),
    };
    let setback = progress.setback.map(|it| format!("; {}", it.what)).unwrap_or_default();
    let next = next_try(progress, now)
        .map(|until| format!(", not before {} from now", span(until.since(now))))
        .unwrap_or_default();
    format!(
        "{}  {whose}  {}  {} {}\n    {} ago, {} bytes, {tries}{setback}{next}\n",
        entry.id,
        state(progress),
        entry.method,
        entry.url.expose(),
        span(now.since(entry.queued_at)),
        entry.body_len,
    )
}
