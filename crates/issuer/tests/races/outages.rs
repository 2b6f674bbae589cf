//! The database goes away in the middle of refreshes, and comes back: nobody is logged out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use unlapse_issuer::{Policy, PostgresOptions, RevokedBecause};
use unlapse_parts::Postgres;

use crate::fleet::Fleet;

/// What the clients have seen.
#[derive(Default)]
struct Seen {
    granted: [AtomicU64; CLIENTS],
    away: AtomicU64,
    /// The longest that somebody waited to be told that it is away, in milliseconds.
    longest: AtomicU64,
    over: AtomicBool,
}

const CLIENTS: usize = 8;

/// A machine that builds and tests much else is slow: on one that is not, these are fractions.
const PATIENCE: Duration = Duration::from_secs(90);

/// A client that refreshes for as long as the test goes on; told to come back, it does, with the
/// same token. It knows of nothing else.
async fn client(fleet: Arc<Fleet>, seen: Arc<Seen>, number: usize) {
    let mut token = fleet.nodes[number % 2].login().await;
    let mut turn = number;
    while !seen.over.load(SeqCst) {
        turn += 1;
        let began = Instant::now();
        let reply = fleet.nodes[turn % 2].refresh(&token).await;
        if reply.status == 200 {
            let next = reply.refresh_token();
            assert_ne!(next, token);
            token = next;
            seen.granted[number].fetch_add(1, SeqCst);
        } else {
            assert_eq!(reply.status, 503, "{reply:?}");
            assert_eq!(reply.text("code"), "temporarily_unavailable");
            let wait = reply.header("retry-after").and_then(|wait| wait.parse::<u64>().ok());
            assert!(wait.is_some_and(|wait| wait > 0), "{reply:?}");
            seen.away.fetch_add(1, SeqCst);
            let waited = u64::try_from(began.elapsed().as_millis()).expect("short");
            seen.longest.fetch_max(waited, SeqCst);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Seen {
    /// Every client gets on, twice at least.
    async fn go_on(&self, when: &str) {
        let before = self.granted.each_ref().map(|granted| granted.load(SeqCst));
        let began = Instant::now();
        loop {
            let now = self.granted.each_ref().map(|granted| granted.load(SeqCst));
            if before.iter().zip(now).all(|(before, now)| now >= before + 2) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{when}: {before:?}, then {now:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Somebody is told that it is away.
    async fn told(&self, when: &str) {
        let before = self.away.load(SeqCst);
        let began = Instant::now();
        while self.away.load(SeqCst) < before + 3 {
            assert!(began.elapsed() < PATIENCE, "{when}: nobody is told");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn j6_a_database_that_is_killed_paused_and_stopped_logs_nobody_out() {
    let Some(postgres) = Postgres::own() else { return };
    let postgres = Arc::new(postgres);
    // A slow machine takes its time to start a server again: the grace is the longest there is.
    let policy = Policy { grace: Duration::from_secs(300), ..Policy::default() };
    let options = PostgresOptions { connections: 4, ..PostgresOptions::default() };
    let url = postgres.fresh_database();
    let fleet = Fleet::postgres(&url, options, None, &|_, builder| builder.policy(policy)).await;
    let fleet = Arc::new(fleet);
    let seen = Arc::new(Seen::default());
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(client(Arc::clone(&fleet), Arc::clone(&seen), number));
    }
    seen.go_on("at first").await;
    let on = |act: fn(&Postgres)| {
        let postgres = Arc::clone(&postgres);
        tokio::task::spawn_blocking(move || act(&postgres))
    };
    for round in 0..3 {
        for (name, away, back) in [
            ("killed", Postgres::kill as fn(&Postgres), Postgres::restart as fn(&Postgres)),
            ("paused", Postgres::pause, Postgres::resume),
            ("stopped", Postgres::stop, Postgres::restart),
        ] {
            let when = format!("{name}, round {round}");
            on(away).await.expect("done");
            seen.told(&when).await;
            on(back).await.expect("done");
            seen.go_on(&when).await;
        }
        // And in the middle of everything, without a pause.
        on(Postgres::restart).await.expect("done");
        seen.go_on("restarted").await;
    }
    seen.over.store(true, SeqCst);
    // A client that was refused for good has panicked.
    clients.join_all().await;
    let [rotations, replays, ended, refused] = fleet.counts();
    assert_eq!((ended, refused), (0, 0), "nobody was logged out");
    let away = seen.away.load(SeqCst);
    let longest = Duration::from_millis(seen.longest.load(SeqCst));
    println!("{rotations} rotations, {replays} replays, {away} × 503, in {longest:?} at most");
    // A connection is waited for, then the server; and the machine is busy.
    assert!(longest < Duration::from_secs(15), "{longest:?}");
}

/// A node that lost its connections hears again what the other revokes.
#[tokio::test(flavor = "multi_thread")]
async fn j1_revocations_are_heard_again_after_an_outage() {
    let Some(postgres) = Postgres::own() else { return };
    let url = postgres.fresh_database();
    let options = PostgresOptions { connections: 4, ..PostgresOptions::default() };
    let fleet = Fleet::postgres(&url, options, None, &|_, builder| builder).await;
    let [one, other] = &fleet.nodes;
    for outage in 0..2 {
        let opened = loop {
            let scopes = unlapse_issuer::Scopes::default();
            if let Ok(opened) = one.issuer.open_session("ada", "app", scopes).await {
                break opened.session.expect("a session");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        // What is heard late is the news of the outage itself: until nothing more is.
        let still = Duration::from_secs(2);
        while tokio::time::timeout(still, other.store.news()).await.is_ok() {}
        let news = other.store.news();
        let ended = one.issuer.revoke_session(opened, RevokedBecause::Operator).await;
        assert_eq!(ended, Ok(true));
        let began = Instant::now();
        let heard = tokio::time::timeout(Duration::from_secs(20), news).await;
        assert!(heard.is_ok(), "outage {outage}");
        println!("heard after {:?}", began.elapsed());
        let denied = loop {
            if let Ok(denied) = other.store.denied(unlapse_core::UnixTime::default()).await {
                break denied;
            }
        };
        assert!(denied.iter().any(|denial| denial.id == opened.to_string()));
        let news = other.store.news();
        postgres.restart();
        // Something may have been missed: the node is told to look.
        tokio::time::timeout(PATIENCE, news).await.expect("it listens again");
    }
}
