//! What waits to be written: saves and leases that are given back, in the order in which they came.
//!
//! While one batch is under way the next gather. Each caller is told of its own.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::held::Held;
use super::node::NodeId;
use super::record_id::RecordId;
use super::release::{Release, release};
use super::save::{Answer, Save, save};
use crate::sql::{Away, Database};

/// So many share a statement.
const TOGETHER: usize = 50;

/// The way to it. It ends, after what waits already, when this is dropped.
#[derive(Clone)]
pub(super) struct Line(mpsc::UnboundedSender<Job>);

enum Job {
    Save(Box<Save>, Answer),
    Release(Release),
    /// Everything before it is done.
    Done(oneshot::Sender<()>),
}

impl Job {
    fn id(&self) -> Option<RecordId> {
        match self {
            Self::Save(save, _) => Some(save.id),
            Self::Release(release) => Some(release.id),
            Self::Done(_) => None,
        }
    }
}

impl Line {
    /// The line, and what serves it.
    pub(super) fn new(
        database: Database,
        node: NodeId,
        held: Arc<Held>,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (sender, jobs) = mpsc::unbounded_channel();
        let serving = Serving { database, node, held, waiting: VecDeque::new(), again: Vec::new() };
        (Self(sender), serving.serve(jobs))
    }

    /// Saves; whether the lease was there still. It is in the line when this returns.
    pub(super) fn save(&self, save: Save) -> oneshot::Receiver<Result<bool, Away>> {
        let (answer, answered) = oneshot::channel();
        // Who serves is gone: nobody answers, which says as much.
        let _ = self.0.send(Job::Save(Box::new(save), answer));
        answered
    }

    /// Gives a lease back that rests in [`Held`], if it still does when its turn comes.
    pub(super) fn release(&self, release: Release) {
        let _ = self.0.send(Job::Release(release));
    }

    /// Waits for what is in the line.
    pub(super) async fn done(&self) {
        let (done, waiting) = oneshot::channel();
        let _ = self.0.send(Job::Done(done));
        let _ = waiting.await;
    }
}

struct Serving {
    database: Database,
    node: NodeId,
    held: Arc<Held>,
    waiting: VecDeque<Job>,
    /// What could not be given back: the database was away.
    again: Vec<Release>,
}

impl Serving {
    async fn serve(mut self, mut jobs: mpsc::UnboundedReceiver<Job>) {
        loop {
            if self.waiting.is_empty() {
                match self.next(&mut jobs).await {
                    Some(job) => self.waiting.extend(job),
                    None => break,
                }
            }
            while let Ok(job) = jobs.try_recv() {
                self.waiting.push_back(job);
            }
            self.batch().await;
        }
        let _ = self.give_back(Vec::new()).await;
    }

    /// Waits for a job, or for the time to try again; `None` when there will be none any more.
    #[expect(clippy::disallowed_methods, reason = "it is the database that is waited for")]
    async fn next(&self, jobs: &mut mpsc::UnboundedReceiver<Job>) -> Option<Option<Job>> {
        if self.again.is_empty() {
            return jobs.recv().await.map(Some);
        }
        tokio::select! {
            job = jobs.recv() => job.map(Some),
            () = tokio::time::sleep(AGAIN) => Some(None),
        }
    }

    /// Writes the first that wait, up to the second of a key: two changes of a row are two
    /// statements.
    async fn batch(&mut self) {
        let (mut ids, mut saves, mut answers) = (HashSet::new(), Vec::new(), Vec::new());
        let (mut releases, mut done) = (Vec::new(), Vec::new());
        while saves.len() < TOGETHER && releases.len() < 10 * TOGETHER {
            match self.waiting.front().map(Job::id) {
                None => break,
                Some(Some(id)) if !ids.insert(id) => break,
                Some(_) => {}
            }
            match self.waiting.pop_front() {
                Some(Job::Save(save, answer)) => {
                    answers.push((save.id, answer));
                    saves.push(*save);
                }
                // What was leased again meanwhile is not given back.
                Some(Job::Release(release)) => {
                    if self.held.let_go(release.id, release.fence) {
                        releases.push(release);
                    }
                }
                Some(Job::Done(waiting)) => done.push(waiting),
                None => break,
            }
        }
        if !saves.is_empty() {
            let saved = save(&self.database, self.node, saves).await;
            let saved = saved.map(HashSet::<_>::from_iter);
            for (id, answer) in answers {
                // A caller that is gone is not told.
                let _ = answer
                    .send(saved.as_ref().map(|saved| saved.contains(&id)).map_err(|away| *away));
            }
        }
        let _ = self.give_back(releases).await;
        for waiting in done {
            let _ = waiting.send(());
        }
    }

    async fn give_back(&mut self, mut releases: Vec<Release>) -> Result<(), Away> {
        releases.append(&mut self.again);
        if releases.is_empty() {
            return Ok(());
        }
        let released = release(&self.database, self.node, &releases).await;
        if released.is_err() {
            // Of a lease whose number is not known, somebody here may have the next by then.
            releases.retain(|release| release.fence.is_some() || !self.held.is_held(release.id));
            self.again = releases;
        }
        released
    }
}

/// When leases that could not be given back are tried again.
const AGAIN: core::time::Duration = core::time::Duration::from_secs(1);
