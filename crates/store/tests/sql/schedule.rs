//! What is due is claimed once, renewed, given back or put off, and never forgotten.

use std::collections::BTreeSet;
use std::time::Duration;

use unlapse_core::{
    Cause, Grant, Key, LoginReason, Now, Place as Lies, Record, Secret, Store as _, StoreError,
    UnixTime,
};
use unlapse_store::sql::{Due, RecordId, SHARDS, SqlOptions, SqlStore, Statement, Value};

use crate::place::Place;
use crate::rig::{WAIT, eventually, key, node, node_of, record};

/// What a row says of its schedule.
pub(crate) async fn row(store: &SqlStore, key: &Key) -> (Option<UnixTime>, bool, i64) {
    const ROW: Statement =
        Statement::both("SELECT due_at, lease_owner, phase FROM records WHERE id = $1");
    let id = RecordId::of(key).as_bytes()[..].into();
    let rows = store.database().query(ROW, vec![id]).await.expect("asked");
    let row = rows.first().expect("a row");
    let is_leased = row.maybe_int(1).expect("an owner").is_some();
    (row.maybe_time(0).expect("a time"), is_leased, row.int(2).expect("a phase"))
}

async fn free(store: &SqlStore, key: &Key) {
    eventually("the lease is given back", || async { !row(store, key).await.1 }).await;
}

pub(crate) async fn put(store: &SqlStore, key: &Key, record: &Record) {
    let mut lease = store.lease(key, WAIT).await.expect("free");
    lease.save(record).await.expect("saved");
    drop(lease);
    free(store, key).await;
}

pub(crate) async fn claim(store: &SqlStore, key: &Key) -> Vec<Due> {
    store.claim(RecordId::of(key).shard(), 10).await.expect("claimed")
}

pub(crate) fn granted(record: &Record) -> Record {
    record.granted(Grant::bearer(Secret::new("next")), Now::default())
}

#[tokio::test]
async fn i8_a_claim_is_one_nodes_and_its_lease_brings_the_record() {
    for place in Place::each() {
        let (one, other) = (node(&place).await, node(&place).await);
        put(&one, &key(), &record(3)).await;
        let dues = claim(&one, &key()).await;
        let [due] = &dues[..] else { panic!("one is due: {dues:?}") };
        assert_eq!((due.key(), due.generation(), due.attempt()), (&key(), 3, 0));
        assert_eq!((due.due_at(), due.was_sent()), (UnixTime::default(), false));
        assert_eq!(due.access_expires_at(), Some(UnixTime::from_secs(300)));
        assert!(claim(&one, &key()).await.is_empty() && claim(&other, &key()).await.is_empty());
        let busy = other.lease(&key(), Duration::ZERO).await.map(drop);
        assert!(matches!(busy, Err(StoreError::Busy { .. })), "{busy:?}");
        let mut lease = one.lease(&key(), Duration::ZERO).await.expect("the claim is taken over");
        assert_eq!(lease.load().await.expect("read").expect("a record").record, record(3));
        // What ends the renewal gives the lease back; what comes after takes it again.
        let intent = record(3).intend(Now::default(), false);
        lease.save(&intent).await.expect("saved");
        assert_eq!((row(&one, &key()).await.1, row(&one, &key()).await.2), (true, 1));
        lease.save(&granted(&intent)).await.expect("saved");
        let (due_at, is_leased, phase) = row(&one, &key()).await;
        assert_eq!((due_at, is_leased, phase), (Some(UnixTime::default()), false, 0));
        let after = granted(&intent).next(|record| record.doubts = 1);
        lease.save(&after.intend(Now::default(), false)).await.expect("valid by its number");
        assert!(row(&one, &key()).await.1);
        drop(lease);
        drop(dues);
        free(&one, &key()).await;
    }
}

#[tokio::test]
async fn i8_what_is_claimed_comes_back_by_itself_when_its_node_dies() {
    for place in Place::each() {
        let one = node(&place).await;
        put(&one, &key(), &record(1)).await;
        let mut dues = claim(&one, &key()).await;
        let now = one.database().now().await.expect("told");
        let (pushed, is_leased, _) = row(&one, &key()).await;
        let ahead = pushed.expect("it is due again").since(now);
        assert!(is_leased && ahead > Duration::from_secs(5), "{ahead:?}");
        assert!(ahead <= Duration::from_secs(15), "{ahead:?}");
        // An intent puts it as far ahead, and marks it.
        let mut lease = one.lease(&key(), WAIT).await.expect("the claim");
        lease.save(&record(1).intend(Now::default(), false)).await.expect("saved");
        let now = one.database().now().await.expect("told");
        let (due, _, phase) = row(&one, &key()).await;
        let ahead = due.expect("it is due again").since(now);
        assert!(phase == 1 && ahead > Duration::from_secs(5), "{ahead:?}");
        assert!(ahead <= Duration::from_secs(15), "{ahead:?}");
        // The node is killed, and the time comes.
        let killed = Statement::both("UPDATE nodes SET alive_until = 0 WHERE id = $1");
        let other = node(&place).await;
        let dead = vec![Value::Int(one.node().as_i64())];
        other.database().execute(killed, dead).await.expect("killed");
        let later = Statement::both("UPDATE records SET due_at = now_ms() - 1");
        other.database().execute(later, vec![]).await.expect("passed");
        let again = claim(&other, &key()).await;
        assert_eq!(again.len(), 1);
        assert!(again[0].was_sent(), "R7: it is known that its token was sent");
        assert_eq!(lease.save(&record(2)).await, Err(StoreError::Fenced));
        dues.clear();
    }
}

/// A statement that took a lease has happened so late that nobody waited for it any more.
#[tokio::test]
async fn r20_a_lease_that_nobody_knows_of_is_given_back_and_one_that_is_held_is_not() {
    for place in Place::each() {
        let store = node(&place).await;
        put(&store, &key(), &record(1)).await;
        let late = Statement::both("UPDATE records SET lease_owner = $1, fence = fence + 1");
        let ours = vec![Value::Int(store.node().as_i64())];
        store.database().execute(late, ours).await.expect("leased");
        assert!(claim(&store, &key()).await.is_empty(), "as if it was held");
        store.look_for_lost();
        let dues = claim(&store, &key()).await;
        assert_eq!(dues.len(), 1);
        store.look_for_lost();
        assert!(claim(&store, &key()).await.is_empty(), "it waits for its renewal");
        let mut lease = store.lease(&key(), WAIT).await.expect("the claim");
        lease.save(&record(1).intend(Now::default(), false)).await.expect("saved");
        store.look_for_lost();
        assert!(claim(&store, &key()).await.is_empty(), "it is held");
        lease.save(&record(2)).await.expect("it has its lease still");
    }
}

/// The same of a row that never comes due: an ended login's, and one of which there is no record.
#[tokio::test]
async fn r20_a_lost_lease_of_what_is_not_scheduled_is_given_back_and_one_that_is_held_is_not() {
    for place in Place::each() {
        let (store, other) = (node(&place).await, node(&place).await);
        let ended = record(1).ended(LoginReason::Revoked);
        put(&store, &key(), &ended).await;
        let of_shard = |key: &Key| RecordId::of(key).shard() == RecordId::of(&self::key()).shard();
        let mut keys = (0..).map(|number| Key::new(format!("k{number}"))).filter(of_shard);
        let (held, theirs, bare) = (keys.next(), keys.next(), keys.next());
        let (held, theirs, bare) = (held.expect("one"), theirs.expect("one"), bare.expect("one"));
        put(&store, &held, &ended).await;
        // Leased by somebody here, by another node, and for a record that is yet to be.
        let mut lease = store.lease(&held, WAIT).await.expect("free");
        let kept = other.lease(&theirs, WAIT).await.expect("free");
        let ours = || Value::Int(store.node().as_i64());
        let id = |key: &Key| Value::from(&RecordId::of(key).as_bytes()[..]);
        let late =
            Statement::both("UPDATE records SET lease_owner = $1, fence = fence + 1 WHERE id = $2");
        store.database().execute(late, vec![ours(), id(&key())]).await.expect("leased");
        let new = Statement::both(
            "INSERT INTO records (id, server, account, scope, shard, state, attempt, lease_owner, \
             fence, generation, revision, phase, seen_at) \
             VALUES ($2, 'bare', '', '', $3, 0, 0, $1, 5, 0, 0, 0, 0)",
        );
        let params = vec![ours(), id(&bare), u32::from(RecordId::of(&bare).shard()).into()];
        store.database().execute(new, params).await.expect("leased");
        assert!(claim(&store, &key()).await.is_empty());
        assert!(row(&store, &key()).await.1, "nobody has looked yet");
        store.look_for_lost();
        assert!(claim(&store, &key()).await.is_empty(), "nothing of it is due");
        assert_eq!(row(&store, &key()).await, (None, false, 0));
        assert!(row(&store, &held).await.1 && row(&store, &theirs).await.1, "they are held");
        lease.save(&ended).await.expect("it has its lease still");
        let left = Statement::both("SELECT count(*) FROM records WHERE id = $1");
        let left = store.database().query(left, vec![id(&bare)]).await.expect("asked");
        assert_eq!(left[0].int(0), Ok(0), "a row without a record is no row");
        drop(kept);
    }
}

#[tokio::test]
async fn i8_a_claim_that_is_dropped_or_put_off_is_given_back() {
    for place in Place::each() {
        let store = node(&place).await;
        put(&store, &key(), &record(1)).await;
        drop(claim(&store, &key()).await);
        free(&store, &key()).await;
        let mut dues = claim(&store, &key()).await;
        let due = dues.pop().expect("due as before");
        let later = store.database().now().await.expect("told").plus(Duration::from_secs(3600));
        store.postpone(vec![(due, later)]).await.expect("put off");
        assert_eq!(row(&store, &key()).await, (Some(later), false, 0));
        assert!(claim(&store, &key()).await.is_empty());
        // One that was taken over is its holder's.
        put(&store, &key(), &record(2)).await;
        let due = claim(&store, &key()).await.pop().expect("due");
        let mut lease = store.lease(&key(), WAIT).await.expect("the claim");
        store.postpone(vec![(due, later)]).await.expect("nothing to do");
        assert!(row(&store, &key()).await.1, "still leased");
        lease.save(&record(3)).await.expect("saved");
    }
}

#[tokio::test]
async fn i8_a_renewal_that_kept_nothing_is_left_alone_and_what_was_saved_has_its_own_time() {
    for place in Place::each() {
        let store = node(&place).await;
        put(&store, &key(), &record(1)).await;
        let until = store.database().now().await.expect("told").plus(Duration::from_secs(600));
        let due = claim(&store, &key()).await.pop().expect("due");
        drop(store.lease(&key(), WAIT).await.expect("the claim"));
        store.leave_alone(due, until).await.expect("put off");
        free(&store, &key()).await;
        assert_eq!(row(&store, &key()).await.0, Some(until));
        put(&store, &key(), &record(2)).await;
        let due = claim(&store, &key()).await.pop().expect("due");
        let mut lease = store.lease(&key(), WAIT).await.expect("the claim");
        lease.save(&record(3)).await.expect("saved");
        drop(lease);
        let own = row(&store, &key()).await.0;
        store.leave_alone(due, until).await.expect("nothing to do");
        assert_eq!(row(&store, &key()).await.0, own);
    }
}

#[tokio::test]
async fn i8_an_ended_login_is_never_due_and_an_active_one_stays_in_the_schedule() {
    for place in Place::each() {
        let store = node(&place).await;
        let ended = record(1).ended(LoginReason::RefreshRejected);
        put(&store, &key(), &ended).await;
        assert_eq!(row(&store, &key()).await.0, None);
        assert!(claim(&store, &key()).await.is_empty());
        // A copy that is older changes nothing; an answer that came late is to be looked at.
        let mut lease = store.lease(&key(), WAIT).await.expect("free");
        lease.set_aside(&record(0)).await.expect("set aside");
        assert_eq!(row(&store, &key()).await.0, None);
        lease.set_aside(&record(2)).await.expect("set aside");
        assert!(row(&store, &key()).await.0.is_some());
        lease.save(&record(3)).await.expect("saved");
        assert_eq!(row(&store, &key()).await.0, Some(UnixTime::default()));
        let failure = record(3).failure(Cause::Connect, Now::default(), None);
        lease.save(&record(3).failed(failure)).await.expect("saved");
        drop(lease);
        free(&store, &key()).await;
        let dues = claim(&store, &key()).await;
        assert_eq!(dues[0].attempt(), 1);
        let overview = store.overview(2).await.expect("told");
        let [count] = &overview.counts[..] else { panic!("{overview:?}") };
        assert_eq!(
            (&*count.server, count.needs_login, count.count),
            ("https://as.example", false, 1)
        );
        assert_eq!(count.code.as_deref(), Some("FAILED"));
    }
}

/// R19: what could not be saved is put in its place at once, by whoever comes first.
#[tokio::test]
async fn r19_what_was_set_aside_is_due_at_once_and_comes_with_the_claim() {
    for place in Place::each() {
        let store = node(&place).await;
        put(&store, &key(), &record(1)).await;
        let later = Statement::both("UPDATE records SET due_at = now_ms() + 3600000");
        store.database().execute(later, vec![]).await.expect("later");
        let mut lease = store.lease(&key(), WAIT).await.expect("free");
        lease.set_aside(&record(2)).await.expect("set aside");
        drop(lease);
        free(&store, &key()).await;
        let dues = claim(&store, &key()).await;
        assert_eq!(dues.len(), 1, "it is due");
        let mut lease = store.lease(&key(), Duration::ZERO).await.expect("the claim");
        let found = lease.load().await.expect("read").expect("a copy");
        assert_eq!((found.record, found.place), (record(2), Lies::SetAside));
    }
}

#[tokio::test]
async fn a_record_that_nobody_uses_keeps_another_time() {
    const AGES_AGO: Statement = Statement::both("UPDATE records SET seen_at = 5");
    struct Two;
    impl unlapse_store::sql::Timetable for Two {
        fn next(&self, _: &Key, _: &Record) -> unlapse_store::sql::Next {
            let at = |secs| Some(UnixTime::from_secs(secs));
            unlapse_store::sql::Next { due: at(1), unused: at(2), code: None }
        }
    }
    for place in Place::each() {
        let store = SqlStore::open(
            place.open().await,
            crate::rig::sealer(place.folder()),
            std::sync::Arc::new(Two),
            SqlOptions::default(),
        );
        let store = store.await.expect("opened");
        put(&store, &key(), &record(1)).await;
        assert_eq!(row(&store, &key()).await.0, Some(UnixTime::from_secs(1)));
        store.database().execute(AGES_AGO, vec![]).await.expect("aged");
        put(&store, &key(), &record(2)).await;
        assert_eq!(row(&store, &key()).await.0, Some(UnixTime::from_secs(2)));
        store.touch(vec![key(), Key::new("unknown"), key()]).await.expect("touched");
        put(&store, &key(), &record(3)).await;
        assert_eq!(row(&store, &key()).await.0, Some(UnixTime::from_secs(1)));
    }
}

/// Four nodes that look at the same time claim everything once, and what is due longest first.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn i8_four_nodes_claim_everything_once() {
    for place in Place::each() {
        let mut nodes = Vec::new();
        for _ in 0..4 {
            nodes.push(node_of(place.open().await, place.folder(), SqlOptions::default()).await);
        }
        let saving: Vec<_> = (0..200)
            .map(|number| {
                let store = nodes[number % 4].clone();
                tokio::spawn(async move {
                    let key = Key::new(format!("k{number}"));
                    let mut lease = store.lease(&key, WAIT).await.expect("free");
                    lease.save(&record(1)).await.expect("saved");
                })
            })
            .collect();
        for saving in saving {
            saving.await.expect("no panic");
        }
        let claiming: Vec<_> = nodes
            .iter()
            .map(|store| {
                let store = store.clone();
                tokio::spawn(async move {
                    let mut claimed = Vec::new();
                    // Twice: those whose lease was still on its way back at first.
                    for _ in 0..20 {
                        for shard in 0..SHARDS {
                            let dues = store.claim(shard, 3).await.expect("claimed");
                            assert!(dues.len() <= 3);
                            claimed.extend(dues);
                        }
                    }
                    claimed
                })
            })
            .collect();
        let (mut keys, mut claims) = (BTreeSet::new(), Vec::new());
        for claiming in claiming {
            claims.extend(claiming.await.expect("no panic"));
        }
        for due in &claims {
            assert!(keys.insert(due.key().clone()), "twice: {due:?}");
        }
        assert_eq!(keys.len(), 200);
    }
}

/// A claim whose answer is lost may have happened: what it took is not left lying.
#[tokio::test(flavor = "multi_thread")]
async fn i8_what_was_claimed_by_a_lost_answer_is_claimed_again_at_once() {
    let Some(postgres) = unlapse_parts::Postgres::own() else { return };
    let url = postgres.fresh_database();
    let folder = tempfile::tempdir().expect("a directory");
    // One connection, which knows the statement when it is asked for the second time.
    let options =
        unlapse_store::sql::Options { connections: 1, ..unlapse_store::sql::Options::default() };
    let database = unlapse_store::sql::Database::open(&url, options).await.expect("opened");
    let alive = Duration::from_secs(3600);
    let options = SqlOptions { alive, ..SqlOptions::default() };
    let store = node_of(database, folder.path(), options).await;
    put(&store, &key(), &record(1)).await;
    drop(claim(&store, &key()).await);
    free(&store, &key()).await;
    postgres.pause();
    let shard = RecordId::of(&key()).shard();
    store.claim(shard, 10).await.map(drop).expect_err("nobody answers");
    postgres.resume();
    let began = std::time::Instant::now();
    eventually("it is claimed", || async {
        store.claim(shard, 10).await.is_ok_and(|dues| dues.len() == 1)
    })
    .await;
    // Not by waiting for what a claim puts its time ahead by.
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
}
