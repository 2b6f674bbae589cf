//! What an issuer has revoked, followed from afar.

mod support;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use support::{HandClock, HandRuntime, ISSUER, NOW, Web, ok, status};
use unlapse_core::UnixTime;
use unlapse_verify::{Denylist, DenylistFollower, FetchError, Fetched, NotHeard};

struct Rig {
    web: Arc<Web>,
    clock: HandClock,
    denylist: Arc<Denylist>,
    follower: Arc<DenylistFollower>,
}

fn rig(replies: impl IntoIterator<Item = Fetched>) -> Rig {
    let (web, clock, denylist) = (Web::new(replies), HandClock::new(), Arc::<Denylist>::default());
    let runtime = Arc::new(HandRuntime(clock.clone()));
    let follower = DenylistFollower::new(ISSUER, Arc::clone(&denylist), web.clone(), runtime);
    Rig { web, clock, denylist, follower: Arc::new(follower.expect("https")) }
}

fn page(ids: &[&str], next: &str) -> Fetched {
    let denied: Vec<_> = ids.iter().map(|id| json!({ "id": id, "until": NOW + 900 })).collect();
    ok(&json!({ "denied": denied, "next": next }))
}

#[tokio::test(start_paused = true)]
async fn j1_it_goes_on_from_where_it_was() {
    let many: Vec<_> = (0..1000).map(|number| number.to_string()).collect();
    let mut many: Vec<_> = many.iter().map(String::as_str).collect();
    many.extend(["a", "b"]);
    let rig = rig([page(&many, "7&x=/"), page(&["c"], "8"), page(&[], "8")]);
    assert_eq!(rig.follower.age(), None);
    assert_eq!(rig.follower.ask().await, Ok(true), "there may be more at once");
    assert_eq!(rig.follower.ask().await, Ok(false));
    assert_eq!(rig.follower.ask().await, Ok(false));
    assert!(["a", "b", "c"].iter().all(|id| rig.denylist.denies(id)));
    let asked = rig.web.asked.lock().expect("no panic").clone();
    assert_eq!(
        asked,
        [
            "https://id.example/denylist",
            "https://id.example/denylist?after=7%26x%3D%2F",
            "https://id.example/denylist?after=8",
        ]
    );
    assert_eq!(rig.denylist.since(UnixTime::default())[0].until, UnixTime::from_secs(NOW + 900));
}

#[tokio::test(start_paused = true)]
async fn j6_what_is_denied_stays_denied_while_the_issuer_is_away() {
    let rig = rig([page(&["a"], "1")]);
    assert_eq!(rig.follower.ask().await, Ok(false));
    rig.web.fall();
    rig.clock.advance(Duration::from_secs(5));
    let unreachable = Err(NotHeard::Fetch(FetchError::Unreachable));
    assert_eq!(rig.follower.ask().await, unreachable);
    for bad in [status(500), ok(&json!({ "denied": "all" })), ok(&json!([]))] {
        rig.web.say(bad);
        assert!(rig.follower.ask().await.is_err());
    }
    assert!(rig.denylist.denies("a"));
    assert_eq!(rig.follower.age(), Some(Duration::from_secs(5)));
    rig.web.say(page(&["b"], "2"));
    assert_eq!(rig.follower.ask().await, Ok(false));
    assert_eq!(rig.follower.age(), Some(Duration::ZERO));
    assert_eq!(
        rig.web.asked.lock().expect("no panic").last().map(String::as_str),
        Some("https://id.example/denylist?after=1")
    );
}

#[tokio::test(start_paused = true)]
async fn j1_a_cursor_that_is_not_known_any_more_begins_again() {
    let rig = rig([page(&["a"], "1"), status(410), page(&["a", "b"], "2")]);
    assert_eq!(rig.follower.ask().await, Ok(false));
    assert!(rig.follower.ask().await.is_err());
    assert_eq!(rig.follower.ask().await, Ok(false));
    assert_eq!(rig.web.asked.lock().expect("no panic")[2], "https://id.example/denylist");
    assert!(rig.denylist.denies("b"));
}

#[tokio::test(start_paused = true)]
async fn j1_a_session_that_was_ended_is_refused_within_a_second() {
    let rig = rig([page(&[], "0")]);
    let follower = Arc::clone(&rig.follower);
    #[expect(clippy::disallowed_methods, reason = "the test's own task, in tokio's paused time")]
    let running = tokio::spawn(async move { follower.run().await });
    #[expect(clippy::disallowed_methods, reason = "the test's own task, in tokio's paused time")]
    let wait = tokio::time::sleep;
    wait(Duration::from_millis(2100)).await;
    assert_eq!(rig.web.count(), 5, "twice a second");
    rig.web.say(page(&["ended"], "1"));
    wait(Duration::from_secs(1)).await;
    assert!(rig.denylist.denies("ended"));
    running.abort();
}
