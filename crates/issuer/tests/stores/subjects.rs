//! The sessions of one subject: listed, and ended together.

use unlapse_issuer::{MOST_SESSIONS, Revoked, RevokedBecause, Session};

use crate::every_store::{BECAUSE, after, every_store, session};

#[tokio::test(flavor = "multi_thread")]
async fn k9_live_sessions_of_a_subject_are_listed_the_newest_first() {
    for kept in every_store().await {
        let store = &kept.store;
        let gone = Revoked { at: after(0), because: RevokedBecause::Client };
        let rows = [
            session(1, "ada"),
            session(2, "bob"),
            session(3, "ada"),
            Session { revoked: Some(gone), ..session(4, "ada") },
            Session { idle_ends_at: after(500), ..session(5, "ada") },
            Session { ends_at: after(500), idle_ends_at: after(400), ..session(6, "ada") },
            // Of the same moment: by their ids.
            Session { opened_at: after(3), ..session(7, "ada") },
            session(8, "ada "),
            session(9, "Ada"),
        ];
        for row in &rows {
            store.create(row).await.expect("created");
        }
        let listed = store.of_subject("ada", after(500)).await.expect("listed");
        assert_eq!(listed, [rows[2].clone(), rows[6].clone(), rows[0].clone()], "{}", kept.name);
        assert_eq!(store.of_subject("eve", after(500)).await, Ok(vec![]), "{}", kept.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn k9_no_more_than_the_newest_are_listed() {
    for kept in every_store().await {
        let many = u64::try_from(MOST_SESSIONS).expect("some") + 5;
        let rows: Vec<_> = (0..many).map(|number| session(number, "ada")).collect();
        let creating: Vec<_> = rows.iter().map(|row| kept.store.create(row)).collect();
        for created in creating {
            created.await.expect("created");
        }
        let listed = kept.store.of_subject("ada", after(5000)).await.expect("listed");
        assert_eq!(listed.len(), MOST_SESSIONS, "{}", kept.name);
        assert_eq!(listed.first(), rows.last(), "{}", kept.name);
        assert_eq!(listed.last(), rows.get(5), "{}", kept.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn k9_all_sessions_of_a_subject_end_but_the_one_that_is_kept() {
    for kept in every_store().await {
        let (store, name) = (&kept.store, kept.name);
        let first = Revoked { at: after(1), because: RevokedBecause::Reuse };
        let rows = [
            session(1, "ada"),
            session(2, "ada"),
            session(3, "bob"),
            Session { revoked: Some(first), ..session(4, "ada") },
            Session { idle_ends_at: after(500), ..session(5, "ada") },
        ];
        for row in &rows {
            store.create(row).await.expect("created");
        }
        let [ada, other, bob, ended, expired] = [0, 1, 2, 3, 4].map(|row: usize| rows[row].id);
        let now = after(500);
        let revoked = store.revoke_subject("ada", Some(other), BECAUSE, now).await;
        assert_eq!(revoked, Ok(vec![ada]), "{name}");
        let after = async |id| store.load(id).await.expect("there").expect("known").revoked;
        assert_eq!(after(ada).await, Some(Revoked { at: now, because: BECAUSE }), "{name}");
        assert_eq!(after(ended).await, Some(first), "{name}: the first reason stays");
        for id in [other, bob, expired] {
            assert_eq!(after(id).await, None, "{name}");
        }
        let revoked = store.revoke_subject("ada", None, BECAUSE, now).await;
        assert_eq!(revoked, Ok(vec![other]), "{name}");
        assert_eq!(store.revoke_subject("ada", None, BECAUSE, now).await, Ok(vec![]), "{name}");
        let mut denied = store.denied(now).await.expect("told");
        denied.retain(|denial| denial.at >= now);
        let ids: Vec<_> = denied.iter().map(|denial| denial.id.clone()).collect();
        assert_eq!(ids.len(), 2, "{name}");
        assert!(ids.contains(&ada.to_string()) && ids.contains(&other.to_string()), "{name}");
    }
}
