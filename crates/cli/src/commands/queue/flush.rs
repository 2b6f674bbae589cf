//! `unlapse queue flush`

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use unlapse::outbox::{Flushed, OutboxEvent};
use unlapse::reqwest::ReqwestHttp;
use unlapse::{Key, Outbox, TokenSource};
use unlapse_store::FileOutbox;

use super::{contents, failure, profile_of};
use crate::app::App;
use crate::args::FlushArguments;
use crate::commands::running::{block_on, settled_with};
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::report::rfc3339;
use crate::terminal;
use crate::wiring;

pub(super) fn run(
    app: &App,
    outbox: Option<FileOutbox>,
    arguments: &FlushArguments,
) -> Result<Exit, Diagnosis> {
    let profile = arguments.profile.as_deref().map(|name| app.profile(Some(name))).transpose()?;
    let key = profile.map(crate::config::Profile::key);
    let contents = contents(outbox.as_ref())?;
    let Some(store) = outbox else { return Ok(ended(app, &Flushed::default())) };
    let http = Arc::new(ReqwestHttp::new(wiring::settings(&app.config.http)?));
    let flushed = block_on(async {
        let keys = contents.entries.iter().map(|entry| &entry.key);
        let sources = sources(app, keys.filter(|it| key.as_ref().is_none_or(|key| key == *it)));
        let sources = sources.await?;
        let progress = terminal::spinner("sending what waits".to_owned(), app.quiet);
        let sent = Arc::new(Mutex::new(Vec::new()));
        let (told, bar) = (Arc::clone(&sent), progress.clone());
        let mut builder = Outbox::builder(Arc::new(store), http)
            .policy(app.config.queue.policy)
            .observer(Arc::new(move |event| {
                if let OutboxEvent::Sent { id, .. } = event {
                    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                    told.push(*id);
                    bar.set_message(format!("sending what waits: {} sent", told.len()));
                }
            }));
        for source in &sources {
            builder = builder.source(source.clone());
        }
        let outbox = builder.build();
        let work = async {
            let flushed = match (&key, arguments.failed) {
                (key, true) => outbox.flush_failed(key.as_ref()).await,
                (Some(key), false) => outbox.flush_line(key).await,
                (None, false) => outbox.flush().await,
            };
            progress.finish_and_clear();
            for id in sent.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                let entry = contents.entries.iter().find(|entry| entry.id == *id);
                if let Some(profile) = entry.and_then(|entry| profile_of(app, &entry.key)) {
                    app.served(profile);
                }
            }
            flushed.map_err(|error| failure::of(&error))
        };
        let settling = async {
            for source in &sources {
                // What could not be saved has been said.
                let _ = source.settle().await;
            }
        };
        settled_with(settling, work).await
    })?;
    Ok(ended(app, &flushed))
}

/// A source for each line that has a profile.
async fn sources<'a>(
    app: &App,
    keys: impl Iterator<Item = &'a Key>,
) -> Result<Vec<TokenSource>, Diagnosis> {
    let mut sources = BTreeMap::new();
    let shelves = app.shelves();
    for key in keys {
        let Some(profile) = profile_of(app, key) else { continue };
        if !sources.contains_key(key) {
            sources.insert(key, app.source(profile, shelves.of(profile)).await?);
        }
    }
    Ok(sources.into_values().collect())
}

/// Sums up, and says by the exit code what is to be done.
fn ended(app: &App, flushed: &Flushed) -> Exit {
    let Flushed { sent, refused, unreadable, left, failed, is_blocked, next_try, .. } = *flushed;
    if app.json {
        let value = json!({
            "sent": sent,
            "refused": refused,
            "left": left,
            "failed": failed,
            "unreadable": unreadable,
            "blocked": is_blocked,
            "next_try": next_try.map(rfc3339),
        });
        terminal::data(&format!("{value}\n"));
    } else if !app.quiet {
        terminal::note(&format!("{sent} sent, {left} left, {failed} stand apart"));
        if is_blocked {
            terminal::note("a line waits for a login: `unlapse queue list` says why");
        } else if left > 0 {
            terminal::note("`unlapse queue list` says why; nothing is lost");
        }
        if failed > 0 {
            terminal::note(
                "what was refused is in `unlapse queue list`: send it again with `unlapse queue \
                 flush --failed`, or drop it with `unlapse queue drop --failed`",
            );
        }
    }
    match (left, is_blocked, refused + unreadable) {
        (1.., true, _) => Exit::LoginNeeded,
        (1.., false, _) => Exit::Temporary,
        (0, _, 1..) => Exit::Denied,
        (0, _, 0) => Exit::Ok,
    }
}
