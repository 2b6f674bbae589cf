//! The queue of the audit log, before a log that can be taken away.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;

use tokio::sync::watch;
use unlapse_core::BoxFuture;

use super::*;
use crate::clock::system_sleep;

#[derive(Default)]
struct Log {
    away: AtomicBool,
    batches: Mutex<Vec<Vec<AuditEntry>>>,
}

impl AuditLog for Log {
    fn append<'a>(&'a self, entries: &'a [AuditEntry]) -> BoxFuture<'a, Result<(), Unavailable>> {
        Box::pin(async move {
            if self.away.load(SeqCst) {
                return Err(Unavailable { retry_after: Duration::from_secs(1) });
            }
            self.batches.lock().expect("no panic held it").push(entries.to_vec());
            Ok(())
        })
    }
}

impl Log {
    fn sizes(&self) -> Vec<usize> {
        self.batches.lock().expect("no panic held it").iter().map(Vec::len).collect()
    }
}

struct World {
    log: Arc<Log>,
    queue: Arc<AuditQueue>,
    tell: watch::Sender<bool>,
    writing: tokio::task::JoinHandle<()>,
}

#[expect(clippy::disallowed_methods, reason = "a test spawns what a host would")]
fn world() -> World {
    let log = Arc::new(Log::default());
    let queue = Arc::new(AuditQueue::new(Arc::clone(&log) as Arc<dyn AuditLog>));
    let (tell, told) = watch::channel(false);
    let writer = Arc::clone(&queue);
    let writing = tokio::spawn(async move {
        writer.write(&system_sleep(), &Stop::new(told)).await;
    });
    World { log, queue, tell, writing }
}

fn push(queue: &AuditQueue, numbers: core::ops::Range<u64>) {
    push_event(queue, "rotated", numbers);
}

fn push_event(queue: &AuditQueue, event: &'static str, numbers: core::ops::Range<u64>) {
    for at in numbers {
        let entry = AuditEntry {
            at,
            event,
            code: None,
            session: None,
            subject: None,
            client: None,
            peer: None,
        };
        queue.push(entry);
    }
}

async fn pass(millis: u64) {
    #[expect(clippy::disallowed_methods, reason = "the clock of the runtime is a simulated one")]
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

#[tokio::test(start_paused = true)]
async fn j2_entries_are_written_together_within_a_tenth_of_a_second() {
    let world = world();
    pass(1000).await;
    push(&world.queue, 0..1);
    pass(50).await;
    push(&world.queue, 1..7);
    assert_eq!(world.log.sizes(), [0; 0]);
    pass(51).await;
    assert_eq!(world.log.sizes(), [7]);
    push(&world.queue, 7..1207);
    pass(1).await;
    assert_eq!(world.log.sizes(), [7, 500, 500], "full batches do not wait");
    pass(100).await;
    assert_eq!(world.log.sizes(), [7, 500, 500, 200]);
    let batches = world.log.batches.lock().expect("no panic held it");
    let order: Vec<_> = batches.iter().flatten().map(|entry| entry.at).collect();
    assert_eq!(order, (0..1207).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn j2_a_log_that_is_away_gets_every_entry_when_it_is_back() {
    let world = world();
    world.log.away.store(true, SeqCst);
    push(&world.queue, 0..3);
    pass(10_000).await;
    push(&world.queue, 3..5);
    pass(10_000).await;
    assert_eq!(world.log.sizes(), [0; 0]);
    world.log.away.store(false, SeqCst);
    pass(1_101).await;
    assert_eq!(world.log.sizes().iter().sum::<usize>(), 5);
    assert_eq!(world.queue.lost(), 0);
}

#[tokio::test(start_paused = true)]
async fn j2_what_finds_no_room_is_counted_and_the_rest_is_kept() {
    let world = world();
    world.log.away.store(true, SeqCst);
    let room = u64::try_from(ROOM).expect("small");
    push(&world.queue, 0..room + 7);
    assert_eq!(world.queue.lost(), 7);
    pass(60_000).await;
    world.log.away.store(false, SeqCst);
    pass(60_000).await;
    assert_eq!(world.log.sizes().iter().sum::<usize>(), ROOM);
    assert_eq!(world.queue.lost(), 7);
}

#[tokio::test(start_paused = true)]
async fn j2_strangers_do_not_push_anything_out() {
    let world = world();
    world.log.away.store(true, SeqCst);
    let room = u64::try_from(ROOM).expect("small");
    push_event(&world.queue, Event::REFUSED, 0..room);
    assert_eq!(world.queue.lost(), room / 2);
    push(&world.queue, 0..room / 2);
    assert_eq!(world.queue.lost(), room / 2, "others find room");
    push(&world.queue, 0..1);
    assert_eq!(world.queue.lost(), room / 2 + 1);
}

#[tokio::test(start_paused = true)]
async fn j2_the_end_writes_what_is_there_and_does_not_wait_for_ever() {
    let ending = world();
    push(&ending.queue, 0..1203);
    ending.tell.send(true).expect("the writer listens");
    ending.writing.await.expect("it ends");
    assert_eq!((ending.log.sizes(), ending.queue.lost()), (vec![500, 500, 203], 0));

    let away = world();
    away.log.away.store(true, SeqCst);
    push(&away.queue, 0..5);
    pass(10_000).await;
    away.tell.send(true).expect("the writer listens");
    let before = tokio::time::Instant::now();
    away.writing.await.expect("it ends");
    assert_eq!(before.elapsed().as_secs(), 5);
    assert_eq!((away.log.sizes(), away.queue.lost()), (vec![], 5));
}
