//! One line: what waits for one credential, first in first.

use std::sync::{Arc, PoisonError};

use unlapse_core::outbox::{
    EntryId, Hurry, Next, OutboxError, Outcome, Progress, QueuedRequest, Ready, Sender, decide,
    ready,
};
use unlapse_core::{Cause, Key, Now, UnixTime};

use super::attempt::no_token;
use super::builder::Inner;
use super::event::OutboxEvent;
use super::message;
use crate::http::HttpReply;

/// What is to be sent, and how.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Order<'a> {
    /// Only this line.
    pub(super) key: Option<&'a Key>,
    /// Which waits are cut short.
    pub(super) hurry: Hurry,
    /// What was set apart goes back into its line.
    pub(super) failed: bool,
    /// Nothing behind this one; its reply is wanted.
    pub(super) until: Option<EntryId>,
    /// For one turn of each line, after which others may send.
    pub(super) is_turn: bool,
}

/// What became of a line.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) sent: usize,
    pub(super) refused: usize,
    pub(super) unreadable: usize,
    /// What is left of it, as its turn is over.
    pub(super) rest: Vec<EntryId>,
    /// Why it went no further.
    pub(super) halt: Option<Halt>,
    /// What was answered to the one that is wanted.
    pub(super) wanted: Option<(Outcome, Option<HttpReply>)>,
}

/// Why a line goes no further for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Halt {
    /// It can be tried again then; `None`: not by itself.
    pub(super) until: Option<UnixTime>,
    /// A login is needed, or a source.
    pub(super) is_blocked: bool,
}

impl Inner {
    /// Sends `line` from its head on until one has to wait, or its turn is over.
    pub(super) async fn walk(
        &self,
        sender: &Arc<dyn Sender>,
        line: Vec<EntryId>,
        order: Order<'_>,
    ) -> Result<Walked, OutboxError> {
        let mut walked = Walked::default();
        let started = self.clock.now();
        let mut line = line.into_iter();
        while let Some(id) = line.next() {
            let entry = match sender.load(id).await {
                Ok(Some(entry)) => entry,
                // Dropped since it was listed.
                Ok(None) => continue,
                Err(OutboxError::Damaged { .. }) => {
                    self.tell(&OutboxEvent::Damaged { id });
                    walked.unreadable += 1;
                    continue;
                }
                Err(error) => return Err(error),
            };
            self.step(sender, entry, order, &mut walked).await?;
            if walked.halt.is_some() || order.until == Some(id) {
                break;
            }
            if self.is_turn_over(&started) {
                walked.rest = line.collect();
                break;
            }
        }
        Ok(walked)
    }

    /// Sets aside what cannot be used. Says how many there were.
    pub(super) async fn set_aside(
        &self,
        sender: &Arc<dyn Sender>,
        damaged: Vec<EntryId>,
    ) -> Result<usize, OutboxError> {
        let mut aside = 0;
        for id in damaged {
            match sender.load(id).await {
                // Gone, or put right since it was listed.
                Ok(_) => {}
                Err(OutboxError::Damaged { .. }) => {
                    self.tell(&OutboxEvent::Damaged { id });
                    aside += 1;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(aside)
    }

    pub(super) fn is_turn_over(&self, started: &Now) -> bool {
        self.clock.now().since(started) >= self.policy.turn
    }

    /// Sends one, if it is its turn, and does with it what its outcome says.
    async fn step(
        &self,
        sender: &Arc<dyn Sender>,
        mut entry: QueuedRequest,
        order: Order<'_>,
        walked: &mut Walked,
    ) -> Result<(), OutboxError> {
        let id = entry.id;
        if order.failed && entry.progress.is_failed {
            entry.progress = entry.progress.retried();
            sender.save(id, entry.progress).await?;
        }
        let now = self.clock.now().wall;
        let is_idempotent = entry.message.is_idempotent();
        match ready(&entry.progress, is_idempotent, now, order.hurry, &self.policy) {
            Ready::Go => {}
            Ready::Failed => return Ok(()),
            Ready::Wait(until) => {
                walked.halt = Some(Halt { until: Some(until), is_blocked: false });
                return Ok(());
            }
            Ready::TooLate => {
                let progress = entry.progress.too_late(now);
                return self.set_apart(sender, id, progress, walked).await;
            }
        }
        let Some(source) = self.source(&entry.key).await else {
            walked.halt = Some(Halt { until: None, is_blocked: true });
            return Ok(());
        };
        let Some(mut request) = message::sent(&entry) else {
            // No version of this has kept such a one: what is sealed is not what was sent before.
            let outcome = Outcome::Unsent(Cause::Request);
            let progress = entry.progress.after(outcome, Next::Refused, now);
            return self.set_apart(sender, id, progress, walked).await;
        };
        let (outcome, reply) = match source.authorize(&mut request).await {
            Err(error) => (no_token(&error), None),
            Ok(authorized) => {
                // Durable before it leaves: whoever finds it after a crash knows that it may have been
                // acted upon.
                sender.save(id, entry.progress.begun(now)).await?;
                self.send(&source, request, authorized).await
            }
        };
        self.settle(sender, &entry, outcome, walked).await?;
        if order.until == Some(id) {
            walked.wanted = Some((outcome, reply));
        }
        Ok(())
    }

    /// Keeps what an outcome means; `entry` is as it was before the attempt.
    async fn settle(
        &self,
        sender: &Arc<dyn Sender>,
        entry: &QueuedRequest,
        outcome: Outcome,
        walked: &mut Walked,
    ) -> Result<(), OutboxError> {
        let (id, now) = (entry.id, self.clock.now().wall);
        let next = {
            let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
            decide(outcome, entry, now, &self.policy, &mut dice)
        };
        let progress = entry.progress.after(outcome, next, now);
        match next {
            Next::Sent => {
                sender.remove(id).await?;
                walked.sent += 1;
                if let Outcome::Replied { status, .. } = outcome {
                    self.tell(&OutboxEvent::Sent { id, status, attempts: progress.attempts });
                }
                return Ok(());
            }
            Next::Refused => return self.set_apart(sender, id, progress, walked).await,
            Next::TryAgain(wait) | Next::Blocked(wait) => {
                sender.save(id, progress).await?;
                let is_blocked = matches!(next, Next::Blocked(_));
                walked.halt = Some(Halt { until: Some(wait.until), is_blocked });
                if let Some(setback) = progress.setback {
                    self.tell(&match next {
                        Next::Blocked(_) => OutboxEvent::Blocked { id, setback },
                        _ => OutboxEvent::Waits { id, setback, wait },
                    });
                }
            }
        }
        Ok(())
    }

    /// Keeps one apart from its line, for a person to see.
    async fn set_apart(
        &self,
        sender: &Arc<dyn Sender>,
        id: EntryId,
        progress: Progress,
        walked: &mut Walked,
    ) -> Result<(), OutboxError> {
        sender.save(id, progress).await?;
        walked.refused += 1;
        if let Some(setback) = progress.setback {
            self.tell(&OutboxEvent::Refused { id, setback });
        }
        Ok(())
    }
}
