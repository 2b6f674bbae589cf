//! What a program asks of an outbox.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use unlapse_core::outbox::{
    Contents, EntryId, Hurry, NewRequest, OutboxError, Outcome, Progress, Sender, Summary,
};
use unlapse_core::{Key, UnixTime};

use super::builder::Outbox;
use super::event::OutboxEvent;
use super::line::{Halt, Order, Walked};
use super::message;
use super::together::together;
use crate::http::HttpReply;

/// What a flush came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Requests that were sent and acted upon.
    pub sent: usize,
    /// Requests that were set apart: their server refuses them.
    pub refused: usize,
    /// Entries that were set aside because they cannot be used.
    pub unreadable: usize,
    /// Requests that still wait.
    pub left: usize,
    /// Requests that stand apart, from earlier on too.
    pub failed: usize,
    /// Whether a line waits for a login, or for a source of tokens.
    pub is_blocked: bool,
    /// When the next can be tried, if any can by itself.
    pub next_try: Option<UnixTime>,
}

/// What became of one request that was to be sent at once.
#[derive(Debug)]
pub enum Sending {
    /// The server has acted upon it.
    Sent(HttpReply),
    /// The server refuses it: it stands apart.
    Refused(HttpReply),
    /// It waits, and this is how it is doing. One ahead of it may be what it waits for.
    Waits(Progress),
    /// It was sent, or dropped, by somebody else.
    Gone,
}

impl Outbox {
    /// Puts a request at the end of the line of `key`; durable when it returns. It is sent by the next
    /// [`Outbox::flush`], or by [`Outbox::run`].
    ///
    /// An `Idempotency-Key` that it brings is used; else one is drawn. Refused are requests to
    /// anywhere but `https`, or `http` to this machine, and fields such as `Authorization` and
    /// `Cookie`, which are not kept.
    pub async fn push(
        &self,
        key: &Key,
        request: Request<impl Into<Bytes>>,
    ) -> Result<Summary, OutboxError> {
        let (message, idempotency_key) = message::kept(request.map(Into::into))?;
        let queued_at = self.inner.clock.now().wall;
        let key = key.clone();
        let new = NewRequest { key, message, idempotency_key, queued_at };
        let queued = self.inner.store.append(new).await?;
        self.inner.tell(&OutboxEvent::Queued { id: queued.id });
        self.inner.wake.notify_one();
        Ok(queued)
    }

    /// What waits, in order.
    pub async fn list(&self) -> Result<Contents, OutboxError> {
        self.inner.store.list().await
    }

    /// Sends all that can be sent now, whatever waits of our own there are; a server that has asked to
    /// be left alone is. Says [`OutboxError::Busy`] when another process is sending.
    ///
    /// May be dropped at any point: what was under way is sent again by the next, under the same
    /// idempotency key.
    pub async fn flush(&self) -> Result<Flushed, OutboxError> {
        self.flushed(Order { hurry: Hurry::All, ..Order::default() })
            .await
            .map(|(flushed, _)| flushed)
    }

    /// The same, for the line of one credential.
    pub async fn flush_line(&self, key: &Key) -> Result<Flushed, OutboxError> {
        let order = Order { key: Some(key), hurry: Hurry::All, ..Order::default() };
        self.flushed(order).await.map(|(flushed, _)| flushed)
    }

    /// The same, with what was set apart before. Whoever calls this takes it upon them that what
    /// nobody can tell any more may be acted upon twice. `None`: every line.
    pub async fn flush_failed(&self, key: Option<&Key>) -> Result<Flushed, OutboxError> {
        let order = Order { key, hurry: Hurry::All, failed: true, ..Order::default() };
        self.flushed(order).await.map(|(flushed, _)| flushed)
    }

    /// Sends this request, after those that stand before it in its line, and says what became of it.
    pub async fn send(&self, queued: &Summary) -> Result<Sending, OutboxError> {
        let order = Order {
            key: Some(&queued.key),
            hurry: Hurry::All,
            until: Some(queued.id),
            ..Order::default()
        };
        let (_, wanted) = self.flushed(order).await?;
        let contents = self.list().await?;
        let left = contents.entries.into_iter().find(|entry| entry.id == queued.id);
        Ok(match (wanted, left) {
            (Some((_, Some(reply))), None) => Sending::Sent(reply),
            (Some((Outcome::Replied { .. }, Some(reply))), Some(left))
                if left.progress.is_failed =>
            {
                Sending::Refused(reply)
            }
            (_, Some(left)) => Sending::Waits(left.progress),
            (_, None) => Sending::Gone,
        })
    }

    /// Drops requests without sending them. Says which there were. Waits for whoever is sending, so
    /// that none is dropped while it is under way.
    pub async fn discard(&self, ids: &[EntryId]) -> Result<Vec<EntryId>, OutboxError> {
        let sender = self.inner.store.sender(self.inner.policy.lease_wait).await?;
        let there: HashSet<_> = self.list().await?.entries.iter().map(|entry| entry.id).collect();
        let mut dropped = Vec::new();
        for id in ids.iter().filter(|id| there.contains(id)) {
            sender.remove(*id).await?;
            dropped.push(*id);
        }
        Ok(dropped)
    }

    /// Walks every line that `order` names, all at once, until nothing is left that can be sent, what
    /// was put in meanwhile included; or, when `order` is for a turn, until that is over.
    pub(super) async fn flushed(
        &self,
        order: Order<'_>,
    ) -> Result<(Flushed, Option<(Outcome, Option<HttpReply>)>), OutboxError> {
        let mut flushed = Flushed::default();
        let mut wanted = None;
        let contents = self.list().await?;
        if contents.entries.is_empty() && contents.unreadable.is_empty() {
            return Ok((flushed, None));
        }
        let sender = self.inner.store.sender(self.inner.policy.lease_wait).await?;
        let mut seen = HashSet::new();
        let mut halted: BTreeMap<Key, Halt> = BTreeMap::new();
        let started = self.inner.clock.now();
        let mut is_cut = false;
        while !is_cut {
            let contents = self.list().await?;
            // Whose line they stood in, nobody can read.
            let damaged = contents.damaged.iter().copied().filter(|id| seen.insert(*id));
            let aside = self.inner.set_aside(&sender, damaged.collect()).await?;
            flushed.unreadable += aside;
            let mut lines: BTreeMap<Key, Vec<EntryId>> = BTreeMap::new();
            for entry in &contents.entries {
                let is_asked_for = order.key.is_none_or(|key| *key == entry.key);
                if is_asked_for && !halted.contains_key(&entry.key) && seen.insert(entry.id) {
                    lines.entry(entry.key.clone()).or_default().push(entry.id);
                }
            }
            if lines.is_empty() {
                count(&mut flushed, &contents, order.key);
                break;
            }
            for (key, walked) in self.walk_all(&sender, lines, order).await {
                let walked = walked?;
                flushed.sent += walked.sent;
                flushed.refused += walked.refused;
                flushed.unreadable += walked.unreadable;
                wanted = wanted.or(walked.wanted);
                for id in &walked.rest {
                    seen.remove(id);
                }
                if let Some(halt) = walked.halt {
                    halted.insert(key, halt);
                }
            }
            if order.until.is_some_and(|id| seen.contains(&id)) {
                break;
            }
            is_cut = order.is_turn && self.inner.is_turn_over(&started);
        }
        flushed.is_blocked = halted.values().any(|halt| halt.is_blocked);
        let cut = is_cut.then(|| self.inner.clock.now().wall);
        flushed.next_try = halted.values().filter_map(|halt| halt.until).chain(cut).min();
        Ok((flushed, wanted))
    }

    async fn walk_all(
        &self,
        sender: &Arc<dyn Sender>,
        lines: BTreeMap<Key, Vec<EntryId>>,
        order: Order<'_>,
    ) -> Vec<(Key, Result<Walked, OutboxError>)> {
        let walks = lines.into_iter().map(|(key, line)| async move {
            let walked = self.inner.walk(sender, line, order).await;
            (key, walked)
        });
        together(self.inner.policy.at_once, walks).await
    }
}

fn count(flushed: &mut Flushed, contents: &Contents, key: Option<&Key>) {
    for entry in contents.entries.iter().filter(|entry| key.is_none_or(|key| *key == entry.key)) {
        if entry.progress.is_failed {
            flushed.failed += 1;
        } else {
            flushed.left += 1;
        }
    }
}
