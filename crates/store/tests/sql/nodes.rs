//! Several nodes on one database.

use std::time::Duration;

use unlapse_core::{Key, Now, Place as Lies, Store as _, StoreError};
use unlapse_store::sql::{SqlOptions, SqlStore, Statement, Value};

use crate::place::Place;
use crate::rig::{WAIT, eventually, key, node, node_of, record};

/// A node that says once that it is alive, and not again while a test runs.
async fn once_signed(place: &Place) -> SqlStore {
    let options = SqlOptions { alive: Duration::from_secs(3600), ..SqlOptions::default() };
    node_of(place.open().await, place.folder(), options).await
}

/// Says that a node has not been heard of for long, as if its process were stopped.
async fn silence(node: &SqlStore) {
    const SILENT: Statement = Statement::both("UPDATE nodes SET alive_until = 0 WHERE id = $1");
    let id = vec![Value::Int(node.node().as_i64())];
    node.database().execute(SILENT, id).await.expect("silent");
}

#[tokio::test]
async fn r1_two_nodes_of_a_process_are_two() {
    for place in Place::each() {
        let (one, other) = (node(&place).await, node(&place).await);
        assert_ne!(one.node(), other.node());
        let mut held = one.lease(&key(), WAIT).await.expect("free");
        let busy = other.lease(&key(), Duration::from_millis(50)).await.map(drop);
        assert!(matches!(busy, Err(StoreError::Busy { holder: Some(_), .. })), "{busy:?}");
        assert!(other.holder(&key()).await.expect("asked").is_some());
        held.save(&record(1)).await.expect("saved");
        drop(held);
        // Given back in the background.
        let mut next = other.lease(&key(), WAIT).await.expect("free");
        assert_eq!(next.load().await.expect("read").expect("a record").record, record(1));
    }
}

#[tokio::test]
async fn r19_a_lease_that_was_lost_saves_nothing_and_gives_nothing_back() {
    for place in Place::each() {
        let one = once_signed(&place).await;
        let other = node(&place).await;
        let mut lost = one.lease(&key(), WAIT).await.expect("free");
        lost.save(&record(1)).await.expect("saved");
        silence(&one).await;
        let mut now = other.lease(&key(), WAIT).await.expect("free");
        assert_eq!(lost.save(&record(5)).await, Err(StoreError::Fenced));
        assert_eq!(lost.remove().await, Err(StoreError::Fenced));
        lost.set_aside(&record(5)).await.expect("needs no lease");
        drop(lost);
        one.settle().await;
        assert_eq!(one.load(&key()).await.expect("read").expect("a record").place, Lies::SetAside);
        let found = now.load().await.expect("read").expect("a record");
        assert_eq!((found.record, found.place), (record(5), Lies::SetAside));
        let third = node(&place).await;
        let busy = third.lease(&key(), Duration::ZERO).await.map(drop);
        assert!(matches!(busy, Err(StoreError::Busy { .. })), "the other lease still holds");
        now.save(&record(5)).await.expect("saved");
        assert_eq!(now.load().await.expect("read").expect("a record").place, Lies::Kept);
    }
}

#[tokio::test]
async fn a_lease_is_valid_by_its_number_while_nobody_has_the_next() {
    for place in Place::each() {
        let one = once_signed(&place).await;
        let mut lease = one.lease(&key(), WAIT).await.expect("free");
        silence(&one).await;
        lease.save(&record(1)).await.expect("nobody has come between");
    }
}

#[tokio::test]
async fn what_is_settled_is_free_for_others_at_once() {
    for place in Place::each() {
        let (one, other) = (node(&place).await, node(&place).await);
        drop(one.lease(&key(), WAIT).await.expect("free"));
        one.settle().await;
        other.lease(&key(), Duration::ZERO).await.map(drop).expect("free at once");
        // Nor is there a trace of it.
        let nodes = other.overview(1).await.expect("told").nodes;
        assert_eq!(nodes.len(), 1, "{nodes:?}");
    }
}

#[tokio::test]
async fn a_store_that_nobody_has_any_more_frees_what_it_has_leased() {
    for place in Place::each() {
        let other = node(&place).await;
        let one = node(&place).await;
        let lease = one.lease(&key(), WAIT).await.expect("free");
        drop(one);
        let busy = other.lease(&key(), Duration::ZERO).await.map(drop);
        assert!(
            matches!(busy, Err(StoreError::Busy { .. })),
            "a lease outlives its store's handle"
        );
        drop(lease);
        other.lease(&key(), WAIT).await.map(drop).expect("free");
        eventually("the node says that it is gone", || async {
            other.overview(1).await.expect("told").nodes.len() == 1
        })
        .await;
    }
}

/// A row that is gone and comes again gives no number twice: an old lease is not taken for a new one.
#[tokio::test]
async fn r19_a_lease_of_a_row_that_was_removed_stays_lost() {
    for place in Place::each() {
        let one = once_signed(&place).await;
        let other = node(&place).await;
        let mut lost = one.lease(&key(), WAIT).await.expect("free");
        silence(&one).await;
        drop(other.lease(&key(), WAIT).await.expect("free"));
        let rows = Statement::both("SELECT count(*) FROM records");
        eventually("the row goes with its lease", || async {
            other.database().query(rows, vec![]).await.expect("counted")[0].int(0) == Ok(0)
        })
        .await;
        for _ in 0..3 {
            let _held = other.lease(&key(), WAIT).await.expect("free");
            assert_eq!(lost.save(&record(9)).await, Err(StoreError::Fenced));
        }
        assert_eq!(other.load(&key()).await, Ok(None));
    }
}

/// An answer may be set aside when the next holder has read the record already.
#[tokio::test]
async fn r19_nothing_is_spent_before_what_was_set_aside_is_adopted() {
    for place in Place::each() {
        let one = once_signed(&place).await;
        let other = node(&place).await;
        let mut lost = one.lease(&key(), WAIT).await.expect("free");
        lost.save(&record(1)).await.expect("saved");
        silence(&one).await;
        let mut now = other.lease(&key(), WAIT).await.expect("free");
        assert_eq!(now.load().await.expect("read").expect("a record").record, record(1));
        lost.set_aside(&record(2)).await.expect("needs no lease");
        let intent = record(1).intend(Now::default(), false);
        assert_eq!(now.save(&intent).await, Err(StoreError::Fenced));
        assert_eq!(now.load().await.expect("read").expect("a copy").record, record(2));
        now.save(&record(2)).await.expect("adopted");
        now.save(&record(2).intend(Now::default(), false)).await.expect("may be spent");
    }
}

/// What was damaged in its place is told, hides no copy, and can be written over.
#[tokio::test]
async fn c4_a_damaged_record_is_told_and_can_be_replaced() {
    const DAMAGE: Statement = Statement::each(
        "UPDATE tokens SET sealed = X'00FF'",
        "UPDATE tokens SET sealed = '\\x00ff'::bytea",
    );
    for place in Place::each() {
        let store = node(&place).await;
        let mut lease = store.lease(&key(), WAIT).await.expect("free");
        lease.save(&record(1)).await.expect("saved");
        assert_eq!(store.database().execute(DAMAGE, vec![]).await, Ok(1));
        let damaged = lease.load().await;
        assert!(matches!(damaged, Err(StoreError::Damaged { .. })), "{damaged:?}");
        lease.set_aside(&record(2)).await.expect("set aside");
        assert_eq!(lease.load().await.expect("read").expect("a copy").record, record(2));
        lease.save(&record(3)).await.expect("saved");
        assert_eq!(lease.load().await.expect("read").expect("a record").record, record(3));
    }
}

/// What was set aside and opens no more is newer than the record: no intent would ever be saved again.
#[tokio::test]
async fn r9_a_copy_that_nothing_opens_keeps_no_login_from_being_renewed() {
    const DAMAGE: Statement = Statement::each(
        "UPDATE orphans SET sealed = X'00FF'",
        "UPDATE orphans SET sealed = '\\x00ff'::bytea",
    );
    for place in Place::each() {
        let store = node(&place).await;
        let mut lease = store.lease(&key(), WAIT).await.expect("free");
        lease.save(&record(1)).await.expect("saved");
        lease.set_aside(&record(2)).await.expect("set aside");
        assert_eq!(store.database().execute(DAMAGE, vec![]).await, Ok(1));
        drop(lease);
        assert_eq!(store.load(&key()).await.expect("read").expect("a record").record, record(1));
        let mut lease = store.lease(&key(), WAIT).await.expect("free");
        assert_eq!(lease.load().await.expect("read").expect("a record").record, record(1));
        lease.save(&record(1).intend(Now::default(), false)).await.expect("may be spent");
    }
}

/// A record that was sealed for one key opens in no other's place.
#[tokio::test]
async fn c2_a_record_in_the_place_of_another_key_does_not_open() {
    const SWAP: Statement = Statement::both(
        "UPDATE tokens SET sealed = (SELECT other.sealed FROM tokens AS other \
         WHERE other.id <> tokens.id)",
    );
    for place in Place::each() {
        let store = node(&place).await;
        for name in ["a", "b"] {
            let mut lease = store.lease(&Key::new(name), WAIT).await.expect("free");
            lease.save(&record(1)).await.expect("saved");
        }
        assert_eq!(store.database().execute(SWAP, vec![]).await, Ok(2));
        let stolen = store.load(&Key::new("a")).await;
        assert!(matches!(stolen, Err(StoreError::Damaged { .. })), "{stolen:?}");
    }
}

/// Nothing that is secret is in clear, wherever it lies.
#[tokio::test]
async fn r18_no_table_has_a_token_in_clear() {
    let place = Place::file();
    let store = node(&place).await;
    let mut lease = store.lease(&key(), WAIT).await.expect("free");
    lease.save(&record(1).intend(Now::default(), false)).await.expect("saved");
    lease.set_aside(&record(2)).await.expect("set aside");
    drop(lease);
    store.settle().await;
    let files = [place.url.clone(), format!("{}-wal", place.url)];
    let bytes = files.map(|file| std::fs::read(file).unwrap_or_default()).concat();
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("https://as.example"), "whose it is stands in clear");
    for secret in ["access-1", "refresh-1", "access-2"] {
        assert!(!has(secret), "{secret}");
    }
}
