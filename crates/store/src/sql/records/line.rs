//! What waits to be written: saves and leases that are given back, in the order in which they came.
//!
//! While one batch is under way the next gather; whole ones do not wait for each other. Each caller is
//! told of its own.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinSet};

use super::held::Held;
use super::node::NodeId;
use super::record_id::RecordId;
use super::release::{Release, give_back};
use super::save::{Answer, Save, save};
use crate::sql::{Away, Database};

/// So many share a statement.
const TOGETHER: usize = 50;

/// So many statements wait for the disk at the same time, when there is that much to write.
const AT_ONCE: usize = 4;

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
        let (waiting, under_way) = (VecDeque::new(), UnderWay::default());
        let serving = Serving { database, node, held, waiting, under_way, again: Vec::new() };
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
    under_way: UnderWay,
    /// What could not be given back: the database was away.
    again: Vec<Release>,
}

/// Batches that are being written.
#[derive(Default)]
struct UnderWay {
    /// Each comes to what could not be given back.
    batches: JoinSet<Vec<Release>>,
    /// No two batches have a row in common: what is written to it is written in order.
    ids: HashMap<Id, HashSet<RecordId>>,
}

impl UnderWay {
    fn has(&self, id: RecordId) -> bool {
        self.ids.values().any(|ids| ids.contains(&id))
    }

    fn start(
        &mut self,
        ids: HashSet<RecordId>,
        batch: impl Future<Output = Vec<Release>> + Send + 'static,
    ) {
        let id = self.batches.spawn(batch).id();
        self.ids.insert(id, ids);
    }

    /// What the next that comes to its end could not give back; none while nothing is under way.
    async fn next(&mut self) -> Option<Vec<Release>> {
        let (id, again) = match self.batches.join_next_with_id().await? {
            Ok((id, again)) => (id, again),
            Err(error) => (error.id(), Vec::new()),
        };
        self.ids.remove(&id);
        Some(again)
    }
}

impl Serving {
    #[expect(clippy::disallowed_methods, reason = "it is the database that is waited for")]
    async fn serve(mut self, mut jobs: mpsc::UnboundedReceiver<Job>) {
        let mut is_open = true;
        while is_open || !self.waiting.is_empty() || !self.under_way.batches.is_empty() {
            while self.start() {}
            tokio::select! {
                job = jobs.recv(), if is_open => {
                    is_open = job.is_some();
                    self.waiting.extend(job);
                    while let Ok(job) = jobs.try_recv() {
                        self.waiting.push_back(job);
                    }
                }
                Some(mut again) = self.under_way.next() => {
                    let is_back = again.is_empty();
                    self.again.append(&mut again);
                    if is_back {
                        self.try_again();
                    }
                }
                () = tokio::time::sleep(AGAIN), if !self.again.is_empty() => self.try_again(),
                else => {}
            }
        }
        // Once more; after that, the end of the node frees them.
        let _ = give_back(&self.database, self.node, &self.held, &self.again).await;
    }

    /// Gives back what could not be: a row of which something is being written has to wait.
    fn try_again(&mut self) {
        let waits = |release: &Release| self.under_way.has(release.id);
        let (later, now): (Vec<_>, Vec<_>) = self.again.drain(..).partition(waits);
        self.again = later;
        if !now.is_empty() {
            self.write(now.iter().map(|release| release.id).collect(), Vec::new(), now);
        }
    }

    /// Starts the next batch, where there is one to be started: by itself when nothing is under way,
    /// beside others when it is a whole one.
    fn start(&mut self) -> bool {
        let under_way = self.under_way.batches.len();
        if under_way >= AT_ONCE || (under_way > 0 && self.waiting.len() < TOGETHER) {
            return false;
        }
        let (mut ids, mut saves, mut releases) = (HashSet::new(), Vec::new(), Vec::new());
        while saves.len() < TOGETHER && releases.len() < 10 * TOGETHER {
            let Some(next) = self.waiting.pop_front() else { break };
            // Two changes of a row are two statements, one after the other.
            let is_in_the_way = match next.id() {
                Some(id) => self.under_way.has(id) || !ids.insert(id),
                None => !ids.is_empty() || under_way > 0,
            };
            if is_in_the_way {
                self.waiting.push_front(next);
                break;
            }
            match next {
                Job::Save(save, answer) => saves.push((*save, answer)),
                // What was leased again meanwhile is not given back.
                Job::Release(release) => {
                    if self.held.let_go(release.id, release.fence) {
                        releases.push(release);
                    }
                }
                Job::Done(waiting) => {
                    let _ = waiting.send(());
                    return true;
                }
            }
        }
        if saves.is_empty() && releases.is_empty() {
            // Only what was leased again: there may be more behind it.
            return !ids.is_empty();
        }
        self.write(ids, saves, releases);
        true
    }

    fn write(
        &mut self,
        ids: HashSet<RecordId>,
        saves: Vec<(Save, Answer)>,
        releases: Vec<Release>,
    ) {
        let (database, node, held) = (self.database.clone(), self.node, Arc::clone(&self.held));
        self.under_way.start(ids, async move {
            if !saves.is_empty() {
                answered(&database, node, saves).await;
            }
            let given = give_back(&database, node, &held, &releases).await;
            if given.is_ok() { Vec::new() } else { releases }
        });
    }
}

/// Saves, and tells each caller of its own.
async fn answered(database: &Database, node: NodeId, mut saves: Vec<(Save, Answer)>) {
    // In one order, so that two batches, of two nodes even, never wait for each other.
    saves.sort_by_key(|(save, _)| save.id);
    let (saves, answers): (Vec<_>, Vec<_>) =
        saves.into_iter().map(|(save, answer)| ((save.id, save), answer)).unzip();
    let (ids, saves): (Vec<_>, Vec<_>) = saves.into_iter().unzip();
    let saved = save(database, node, saves).await.map(HashSet::<_>::from_iter);
    for (id, answer) in ids.iter().zip(answers) {
        // A caller that is gone is not told.
        let _ = answer.send(saved.as_ref().map(|saved| saved.contains(id)).map_err(|away| *away));
    }
}

/// When leases that could not be given back are tried again.
const AGAIN: core::time::Duration = core::time::Duration::from_secs(1);
