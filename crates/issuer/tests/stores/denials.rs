//! What was revoked is told.

use std::time::Duration;

use tokio::time::timeout;
use unlapse_issuer::{Advance, Denial, Policy, Presented, Succession};

use crate::every_store::{BECAUSE, Kept, after, every_store, session};

/// What was denied from then on. Entries may come twice, and older ones with them.
async fn denied(kept: &Kept, since: u64) -> Vec<(String, u64)> {
    let denied = kept.store.denied(after(since)).await.expect("told");
    let fresh = denied.into_iter().filter(|denial| denial.at >= after(since));
    let mut fresh: Vec<_> = fresh
        .map(|Denial { id, at }| (id, at.since(after(0)).as_millis().try_into().expect("short")))
        .collect();
    fresh.sort();
    fresh.dedup();
    fresh
}

#[tokio::test(flavor = "multi_thread")]
async fn j1_whatever_ends_a_session_denies_it() {
    for kept in every_store().await {
        let (store, name) = (&kept.store, kept.name);
        for number in 1..=4 {
            store.create(&session(number, "ada")).await.expect("created");
        }
        let id = |number| session(number, "ada").id;
        assert_eq!(denied(&kept, 0).await, [], "{name}");
        assert_eq!(store.revoke(id(1), BECAUSE, after(10)).await, Ok(true), "{name}");
        // The second reason is no news.
        assert_eq!(store.revoke(id(1), BECAUSE, after(99)).await, Ok(false), "{name}");
        let policy = Policy { grace: Duration::ZERO, ..Policy::default() };
        let kid = session(2, "ada").kid;
        for wanted in [Succession::Rotate, Succession::RevokeReuse] {
            let presented = Presented { generation: 1, client: "app", jkt: None };
            let (session, now) = (id(2), after(20));
            let advance = Advance { session, presented, kid: &kid, now, policy: &policy };
            let advanced = store.advance(advance).await.expect("advanced").expect("known");
            assert_eq!(advanced.succession, wanted, "{name}");
        }
        store.deny("a-jti", after(30)).await.expect("denied");
        store.deny("a-jti", after(30)).await.expect("denied again");
        let [one, two] = [1, 2].map(|number| id(number).to_string());
        let jti = "a-jti".to_owned();
        let mut all = vec![(one, 10), (two.clone(), 20), (jti.clone(), 30)];
        all.sort();
        assert_eq!(denied(&kept, 0).await, all, "{name}");
        let mut later = vec![(two, 20), (jti.clone(), 30)];
        later.sort();
        assert_eq!(denied(&kept, 20).await, later, "{name}");
        assert_eq!(denied(&kept, 21).await, [(jti, 30)], "{name}");
        assert_eq!(denied(&kept, 31).await, [], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn j1_news_are_told_at_once() {
    const SOON: Duration = Duration::from_secs(20);
    for kept in every_store().await {
        let (store, name) = (&kept.store, kept.name);
        store.create(&session(1, "ada")).await.expect("created");
        // From the call on, not from the first look at it.
        let news = store.news();
        store.revoke(session(1, "ada").id, BECAUSE, after(1)).await.expect("revoked");
        timeout(SOON, news).await.unwrap_or_else(|_| panic!("{name}: a session"));
        // A database may tell late about what is over.
        while timeout(Duration::from_millis(300), store.news()).await.is_ok() {}
        let news = store.news();
        store.deny("a-jti", after(2)).await.expect("denied");
        timeout(SOON, news).await.unwrap_or_else(|_| panic!("{name}: a token"));
    }
}
