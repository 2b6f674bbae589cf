//! A request that is kept until it can be sent.

use std::sync::Arc;

use unlapse::outbox::{OutboxError, OutboxStore, Progress, Sending, Summary};
use unlapse::reqwest::ReqwestHttp;
use unlapse::{HttpReply, Outbox};

use super::asked::Asked;
use super::shown::{self, Sink, Told};
use super::within;
use crate::app::App;
use crate::args::CurlArguments;
use crate::commands::queue::failure;
use crate::commands::running::{block_on, settled};
use crate::config::Profile;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::terminal;
use crate::wiring::{self, Shelf};

/// What is told of a request.
struct Shown<'a> {
    app: &'a App,
    profile: &'a Profile,
    arguments: &'a CurlArguments,
    queued: &'a Summary,
    /// Sending it twice is as good as once.
    is_safe: bool,
}

/// Durable first, then sent if it can be: whatever ends in between, the next `queue flush` goes on.
pub(super) fn run(
    app: &App,
    profile: &Profile,
    asked: Asked,
    arguments: &CurlArguments,
) -> Result<Exit, Diagnosis> {
    let shelf = app.shelf_of(profile);
    let store = match (app.outbox(), &shelf) {
        (Some(store), Shelf::File(_)) => Arc::new(store) as Arc<dyn OutboxStore>,
        _ => return Err(failure::nowhere(&profile.name)),
    };
    let http = Arc::new(ReqwestHttp::new(wiring::settings(&app.config.http)?));
    let is_safe = asked.request.method().is_idempotent();
    let sink = Sink::of(app, arguments)?;
    block_on(async {
        let source = app.source(profile, &shelf).await?;
        let outbox = Outbox::builder(store, http)
            .policy(app.config.queue.policy)
            .source(source.clone())
            .build();
        let queued = outbox.push(&profile.key(), asked.request).await;
        let queued = queued.map_err(|error| failure::of(&error))?;
        let shown = Shown { app, profile, arguments, queued: &queued, is_safe };
        let work = async {
            let spinner = terminal::spinner(format!("sending {}", queued.id), app.quiet);
            let sending = within(arguments.max_time, outbox.send(&queued)).await;
            spinner.finish_and_clear();
            match sending {
                Some(Ok(Sending::Sent(reply))) => shown.reply(sink, &reply),
                Some(Ok(Sending::Refused(reply))) => {
                    // Shown now: nobody has to look for it in the queue. If it stays, it stays apart.
                    if let Err(error) = outbox.discard(&[queued.id]).await {
                        terminal::warn(&error.to_string());
                    }
                    shown.reply(sink, &reply)
                }
                Some(Ok(Sending::Waits(progress))) => Ok(shown.waits(Some(&progress), None)),
                Some(Ok(Sending::Gone)) => {
                    Ok(shown.waits(None, Some("another process has sent it")))
                }
                Some(Err(error @ OutboxError::Busy { .. })) => {
                    Ok(shown.waits(None, Some(&error.to_string())))
                }
                Some(Err(error)) => Ok(shown.waits(None, Some(&error.to_string()))),
                None => Ok(shown.waits(None, Some("it was not answered within --max-time"))),
            }
        };
        settled(&source, work).await
    })
}

impl Shown<'_> {
    /// It was answered.
    fn reply(&self, mut sink: Sink, reply: &HttpReply) -> Result<Exit, Diagnosis> {
        let (status, headers) = (reply.status, &reply.headers);
        let undelivered = |why| shown::undelivered(why, status, self.is_safe);
        self.app.served(self.profile);
        sink.begin().map_err(undelivered)?;
        shown::head(self.app, self.arguments, status, headers);
        match &reply.body {
            Some(body) => sink.take(body).map_err(undelivered)?,
            None if self.app.quiet => {}
            None => terminal::warn(
                "the reply is larger than 1 MiB, or did not arrive whole, and is not shown",
            ),
        }
        if self.app.json {
            let told = Told { status: Some(status), headers: Some(headers), ..self.told() };
            shown::json(&told, &sink);
        }
        terminal::delivered().map_err(undelivered)?;
        shown::ending(self.app, self.arguments, status)
    }

    /// It stands in its line, and is safe there.
    fn waits(&self, progress: Option<&Progress>, why: Option<&str>) -> Exit {
        let setback = progress.and_then(|progress| progress.setback);
        let why = why.map(str::to_owned).or_else(|| setback.map(|it| it.what.to_string()));
        // Nothing has happened to it yet.
        let why = why.unwrap_or_else(|| "another one stands before it".to_owned());
        if self.app.json {
            shown::json(&Told { setback: Some(why), ..self.told() }, &Sink::Kept(Vec::new()));
        } else if !self.app.quiet {
            terminal::note(&format!(
                "queued as {}: {why}; `unlapse queue flush` sends it",
                self.queued.id
            ));
        }
        Exit::Ok
    }

    fn told(&self) -> Told<'_> {
        Told {
            profile: &self.profile.name,
            id: Some(self.queued.id.to_string()),
            idempotency_key: Some(&self.queued.idempotency_key),
            ..Told::default()
        }
    }
}
