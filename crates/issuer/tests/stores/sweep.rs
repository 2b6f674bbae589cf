//! What ended long ago is forgotten, and nothing else.

use std::time::Duration;

use unlapse_core::UnixTime;
use unlapse_issuer::{Revoked, Session, Store, TicketId};

use crate::audit_log::entry;
use crate::every_store::{BECAUSE, after, every_store, session};

const DAY: Duration = Duration::from_secs(86_400);

/// Sweeps until nothing is left to be: how much, and in how many steps.
async fn sweep(store: &dyn Store, now: UnixTime) -> u64 {
    let mut swept = 0;
    // A sweep looks at a part only, and may find nothing there.
    for _ in 0..5 {
        swept += store.sweep(now).await.expect("swept");
    }
    swept
}

/// Somebody comes all the while, and says so that the clock is right.
fn seen_at_the_time() -> Session {
    let (seen_at, end) = (after(100_000).plus(DAY), after(0).plus(DAY * 1000));
    Session { seen_at, idle_ends_at: end, ends_at: end, ..session(9, "eve") }
}

#[tokio::test(flavor = "multi_thread")]
async fn j1_a_clock_that_goes_wrong_by_days_deletes_no_session() {
    let mut guarded = 0;
    for kept in every_store().await {
        let (store, name) = (&kept.store, kept.name);
        if name == "PostgreSQL" {
            // It goes by the server's clock, unless a test sets it.
            continue;
        }
        guarded += 1;
        let live = session(1, "ada");
        store.create(&live).await.expect("created");
        let ahead = after(100_000).plus(DAY * 16);
        assert_eq!(sweep(&**store, ahead).await, 0, "{name}");
        assert_eq!(store.load(live.id).await, Ok(Some(live)), "{name}");
        // That is the time: others come.
        let end = ahead.plus(DAY);
        let now = Session { seen_at: ahead, idle_ends_at: end, ends_at: end, ..session(2, "eve") };
        store.create(&now).await.expect("created");
        assert_eq!(sweep(&**store, ahead).await, 1, "{name}");
    }
    assert_eq!(guarded, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn j1_a_session_is_remembered_for_a_day_after_its_end() {
    for kept in every_store().await {
        let (store, name) = (&kept.store, kept.name);
        let revoked = Some(Revoked { at: after(1), because: BECAUSE });
        let rows = [
            session(1, "ada"),
            Session { revoked, ..session(2, "ada") },
            Session { idle_ends_at: after(10), ..session(3, "ada") },
            Session { idle_ends_at: after(10), ends_at: after(10), ..session(4, "ada") },
            Session { idle_ends_at: after(11), ..session(5, "ada") },
        ];
        for row in rows.iter().chain([&seen_at_the_time()]) {
            store.create(row).await.expect("created");
        }
        let now = after(10).plus(DAY);
        assert_eq!(sweep(&**store, after(9).plus(DAY)).await, 0, "{name}");
        assert_eq!(sweep(&**store, now).await, 2, "{name}");
        for (row, stays) in rows.iter().zip([true, true, false, false, true]) {
            let found = store.load(row.id).await.expect("there");
            assert_eq!(found.as_ref(), stays.then_some(row), "{name}");
        }
        // A revoked one is no exception, once it would have ended by itself.
        assert_eq!(sweep(&**store, after(100_000).plus(DAY)).await, 3, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn j1_tickets_and_denials_that_expired_are_forgotten() {
    for kept in every_store().await {
        let (store, name) = (&kept.store, kept.name);
        let [short, long] = ["short", "long"].map(|secret| TicketId::of("code", secret));
        assert_eq!(store.insert(short, b"", after(10), after(0)).await, Ok(true), "{name}");
        assert_eq!(store.insert(long, b"", after(11), after(0)).await, Ok(true), "{name}");
        store.deny("a-jti", after(0)).await.expect("denied");
        assert_eq!(sweep(&**store, after(9)).await, 0, "{name}");
        assert_eq!(sweep(&**store, after(10)).await, 1, "{name}");
        assert!(store.ticket(long, after(10)).await.expect("there").is_some(), "{name}");
        assert_eq!(store.denied(after(0)).await.expect("told").len(), 1, "{name}");
        // Of the denials themselves, a store in memory forgets when it takes the next.
        store.sweep(after(1).plus(DAY)).await.expect("swept");
        store.deny("another", after(1).plus(DAY)).await.expect("denied");
        assert_eq!(store.denied(after(0)).await.expect("told").len(), 1, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn j1_many_are_forgotten_a_part_at_a_time() {
    for kept in every_store().await {
        let (store, name) = (&kept.store, kept.name);
        let mut inserting = Vec::new();
        let ids: Vec<_> =
            (0..6000).map(|number| TicketId::of("code", &number.to_string())).collect();
        for (number, id) in ids.iter().enumerate() {
            inserting.push(store.insert(*id, b"", after(10), after(0)));
            if number % 500 == 499 {
                for inserted in inserting.drain(..) {
                    assert_eq!(inserted.await, Ok(true), "{name}");
                }
            }
        }
        assert_eq!(sweep(&**store, after(10)).await, 6000, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_the_audit_log_is_kept_until_its_operator_says_otherwise() {
    for kept in every_store().await {
        let (store, name) = (&kept.store, kept.name);
        let entries: Vec<_> = (0..4).map(|at| entry(at, true)).collect();
        store.append(&entries).await.expect("added");
        assert_eq!(sweep(&**store, after(0).plus(DAY * 10_000)).await, 0, "{name}");
        if kept.keep_audit_since(after(2)) {
            assert_eq!(sweep(&**store, after(0)).await, 2, "{name}");
            let found: Vec<_> = kept.audit().into_iter().map(|(at, _)| at).collect();
            assert_eq!(found, [after(2).as_millis(), after(3).as_millis()], "{name}");
        }
    }
}
