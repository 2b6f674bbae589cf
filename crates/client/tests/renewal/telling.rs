//! What a renewal tells: its log lines, its spans, its events (I6, R18).

use std::cell::RefCell;
use std::io::Write;
use std::sync::Once;
use std::sync::atomic::Ordering;

use tracing::Instrument as _;
use tracing_subscriber::fmt::format::FmtSpan;
use unlapse::{Event, Outcome, Secret, Subscription};
use unlapse_core::{Cause, Demand, LoginReason, Plan, Rejection, Reuse, Row, Spend};

use crate::world::{Fault, World};
use crate::{GRACE, LOGIN, full, secs};

thread_local! {
    static LINES: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Keeps what this thread logs from here on. One subscriber for all threads: with one for each,
/// whatever another thread meets first without one stays silent.
fn keep_log() {
    static SUBSCRIBER: Once = Once::new();
    SUBSCRIBER.call_once(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(|| Line)
            .with_span_events(FmtSpan::CLOSE)
            .with_ansi(false)
            .without_time()
            .init();
    });
    LINES.set(Some(Vec::new()));
}

/// Every line of this thread so far; nothing is kept any more.
fn logged() -> Vec<String> {
    let text = String::from_utf8(LINES.take().unwrap()).unwrap();
    text.lines().map(|line| line.trim_start().to_owned()).collect()
}

struct Line;

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.iter_mut().for_each(|lines| lines.extend(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Everything that has happened.
fn read(events: &mut Subscription) -> Vec<Event> {
    std::iter::from_fn(|| events.try_next()).map(|told| told.event.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn i6_a_renewal_with_two_failures_logs_exactly_this() {
    let world = World::new(Reuse::Strict);
    *world.server.latency.lock().unwrap() = secs(0);
    let process = world.log_in().await;
    world.expire().await;
    world.server.fault(Fault::Status(503, None));
    world.server.fault(Fault::Status(429, Some(2)));
    keep_log();
    let caller = tracing::info_span!("request", path = "/orders");
    process.token().instrument(caller).await.unwrap();
    let mut lines = logged();
    lines.retain(|line| !line.ends_with(": close"));
    // Spread at random, from the seed of this world.
    let delays: Vec<u64> = lines.iter().filter_map(|line| number(line, "delay_ms=")).collect();
    assert_eq!(delays[0], 0);
    assert!((1..=1000).contains(&delays[1]), "R15: {delays:?}");
    assert!((2000..=4000).contains(&delays[2]), "what the server asked for: {delays:?}");
    let span = "request{path=\"/orders\"}:unlapse.renewal{key=acme demand=\"fresh\" \
                automatic=false generation=1";
    let expected = format!(
        "DEBUG {span}}}: unlapse: a renewal begins key=acme event=\"started\" demand=\"fresh\" automatic=false
DEBUG {span}}}: unlapse: the lease is ours key=acme event=\"leased\" waited_ms=0
DEBUG {span}}}: unlapse: what comes next is decided key=acme event=\"planned\" plan=\"refresh\" row=Unspent
DEBUG {span}}}: unlapse: a request is being made key=acme event=\"spending\" spend=\"refresh\" attempt=1 delay_ms=0
 WARN {span}}}: unlapse: the server gave no verdict key=acme event=\"failed\" cause=the server answered 503
DEBUG {span}}}: unlapse: what comes next is decided key=acme event=\"planned\" plan=\"refresh\" row=Unspent
DEBUG {span}}}: unlapse: a request is being made key=acme event=\"spending\" spend=\"refresh\" attempt=2 delay_ms={}
 WARN {span}}}: unlapse: the server gave no verdict key=acme event=\"failed\" cause=the server answered 429
DEBUG {span}}}: unlapse: what comes next is decided key=acme event=\"planned\" plan=\"refresh\" row=Unspent
DEBUG {span}}}: unlapse: a request is being made key=acme event=\"spending\" spend=\"refresh\" attempt=3 delay_ms={}
 INFO {span}}}:unlapse.keep: unlapse: a token was granted, and is durable key=acme event=\"renewed\" generation=2
DEBUG {span}}}: unlapse: the lease is given up key=acme event=\"released\" held_ms={}
 INFO {span} attempts=3 outcome=\"renewed\"}}: unlapse: a renewal has ended key=acme event=\"finished\" \
outcome=\"renewed\" generation=2 attempts=3 duration_ms={} automatic=false",
        delays[1],
        delays[2],
        delays[1] + delays[2],
        delays[1] + delays[2],
    );
    let expected: Vec<_> = expected.lines().map(str::trim_start).collect();
    assert_eq!(lines, expected, "\n{}\n", lines.join("\n"));
}

fn number(line: &str, field: &str) -> Option<u64> {
    let (_, rest) = line.split_once(field)?;
    rest.split(' ').next()?.parse().ok()
}

#[tokio::test(start_paused = true)]
async fn i6_every_step_of_a_renewal_has_its_span() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.expire().await;
    keep_log();
    process.token().await.unwrap();
    let renewal = "unlapse.renewal{key=acme demand=\"fresh\" automatic=false generation=1";
    let closed: Vec<_> = logged().into_iter().filter(|line| line.ends_with(": close")).collect();
    let spend = "unlapse.spend{spend=\"refresh\" attempt=1 delay_ms=0 verdict=\"granted\"}";
    let expected = [
        format!("DEBUG {renewal}}}:unlapse.lease: unlapse: close"),
        format!("DEBUG {renewal}}}:unlapse.read: unlapse: close"),
        format!("DEBUG {renewal}}}:unlapse.prepare: unlapse: close"),
        format!("DEBUG {renewal}}}:unlapse.intend: unlapse: close"),
        format!("DEBUG {renewal}}}:{spend}: unlapse: close"),
        format!("DEBUG {renewal}}}:unlapse.keep: unlapse: close"),
        format!("INFO {renewal} attempts=1 outcome=\"renewed\"}}: unlapse: close"),
    ];
    assert_eq!(closed, expected, "\n{}\n", closed.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn i6_a_subscriber_hears_a_renewal_from_start_to_end() {
    let world = World::new(Reuse::Strict);
    *world.server.latency.lock().unwrap() = secs(2);
    let process = world.log_in().await;
    let mut events = process.subscribe();
    world.expire().await;
    process.token().await.unwrap();
    let (plan, row) = (Plan::Spend(Spend::Refresh), Row::Unspent);
    let expected = [
        Event::Started { demand: Demand::Fresh { min_ttl: secs(0) }, automatic: false },
        Event::Leased { waited: secs(0) },
        Event::Planned { plan, row },
        Event::Spending { spend: Spend::Refresh, attempt: 1, delay: secs(0) },
        Event::Renewed { generation: 2 },
        Event::Released { held: secs(2) },
        Event::Finished {
            outcome: Outcome::Renewed,
            generation: 2,
            attempts: 1,
            duration: secs(2),
            automatic: false,
            lifetime: Some(secs(3600)),
        },
    ];
    assert_eq!(read(&mut events), expected);
    drop(process);
    assert_eq!(events.next().await, None, "the source is gone");
    assert_eq!(events.missed(), 0);
}

#[tokio::test(start_paused = true)]
async fn i6_what_nobody_asked_for_is_automatic() {
    let world = World::new(Reuse::Strict);
    drop(world.log_in().await);
    let process = world.builder().build().await;
    let mut events = process.subscribe();
    world.pass(secs(3400)).await;
    let automatic: Vec<_> = read(&mut events)
        .into_iter()
        .filter_map(|event| match event {
            Event::Started { automatic, .. } => Some(("started", automatic)),
            Event::Finished { automatic, outcome: Outcome::Renewed, .. } => {
                Some(("renewed", automatic))
            }
            _ => None,
        })
        .collect();
    assert_eq!(automatic, [("started", true), ("renewed", true)]);
    assert_eq!(process.refresh().await.unwrap().generation, 3);
    let asked = Event::Started { demand: Demand::NewerThan(2), automatic: false };
    assert!(read(&mut events).contains(&asked));
}

#[tokio::test(start_paused = true)]
async fn i6_a_reader_that_is_slow_learns_what_it_missed_and_delays_nobody() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    let mut events = process.subscribe();
    let mut told = 0;
    for _ in 0..100 {
        world.events.lock().unwrap().clear();
        process.force_refresh().await.unwrap();
        told += world.events.lock().unwrap().len();
    }
    let heard = read(&mut events);
    assert_eq!(heard.len(), Subscription::CAPACITY);
    let missed = usize::try_from(events.missed()).unwrap();
    assert!(missed > 0 && missed + heard.len() == told, "{missed} of {told}");
    assert!(matches!(heard.last(), Some(Event::Finished { generation: 101, .. })), "the newest");
}

#[tokio::test(start_paused = true)]
async fn r10_i6_a_failure_with_a_token_left_is_told_as_one() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    let mut events = process.subscribe();
    world.pass(secs(3400)).await;
    for _ in 0..3 {
        world.server.fault(Fault::Status(503, None));
    }
    let demand = secs(600);
    assert_eq!(process.token_for(demand).await.unwrap().generation, 1);
    let served = |event: &Event| {
        let outcome = Outcome::Served { code: "temporary_failure" };
        matches!(event, Event::Finished { outcome: told, attempts: 3, .. } if *told == outcome)
    };
    let heard = read(&mut events);
    assert!(heard.iter().any(served), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn r13_r16_late_401s_and_breakers_are_told() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    let mut events = process.subscribe();
    process.reject(1).await.unwrap();
    process.reject(1).await.unwrap();
    let heard = read(&mut events);
    assert!(heard.contains(&Event::Refused { generation: 1, is_late: false }));
    assert!(heard.contains(&Event::Refused { generation: 1, is_late: true }));
    for _ in 0..5 {
        world.server.fault(Fault::Unsent);
    }
    while process.force_refresh().await.is_err_and(|error| error.code() != "breaker_open") {
        world.pass(secs(61)).await;
    }
    let heard = read(&mut events);
    let opened = |event: &&Event| matches!(event, Event::BreakerOpened { .. });
    assert_eq!(heard.iter().filter(opened).count(), 1, "{heard:?}");
    world.pass(secs(301)).await;
    process.force_refresh().await.unwrap();
    assert!(read(&mut events).contains(&Event::BreakerClosed));
}

/// Every line and every event of everything that can happen in a small world.
#[tokio::test(start_paused = true)]
async fn r18_no_secret_is_in_any_span_or_event() {
    keep_log();
    let world = World::new(GRACE);
    *world.server.rungs.lock().unwrap() = LOGIN;
    world.server.binds.store(true, std::sync::atomic::Ordering::SeqCst);
    let process = world.builder().api_key(Secret::new("canary-api-key")).build().await;
    let login = unlapse::Login {
        refresh_token: None,
        sender_key: None,
        credentials: unlapse_core::Credentials {
            username: Some("ann".to_owned()),
            password: Some(Secret::new("canary-password")),
            client_secret: Some(Secret::new("canary-client-secret")),
        },
    };
    process.log_in(login).await.unwrap();
    let faults = [
        Fault::ReplyLost,
        Fault::Status(503, None),
        Fault::Html(403),
        Fault::Unsent,
        Fault::Opaque,
        Fault::Reject(Rejection::InvalidClient),
        Fault::Reject(Rejection::InvalidGrant),
        Fault::None,
    ];
    for fault in faults {
        world.server.fault(fault);
        let _ = process.force_refresh().await;
        world.pass(secs(61)).await;
    }
    world.store.fail_saves(1, full(), true);
    let _ = process.force_refresh().await;
    world.store.heal();
    process.settle().await.unwrap();
    let _ = process.clear().await;
    let events = format!("{:?}", world.events.lock().unwrap());
    assert!(world.saw(|event| matches!(event, Event::InDoubt { cause: Cause::Broken })));
    assert!(world.saw(|event| matches!(event, Event::LoggedIn { .. })));
    let lines = logged().join("\n");
    assert!(lines.contains("unlapse.login") && lines.contains("unlapse.keep"));
    for canary in ["canary", "rt-", "at-", "key-"] {
        assert!(!events.contains(canary), "{canary} in {events}");
        assert!(!lines.contains(canary), "{canary} in {lines}");
    }
}

#[tokio::test(start_paused = true)]
async fn i6_an_end_that_stored_credentials_make_good_is_told_to_nobody() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.server.rungs.lock().unwrap().login = true;
    world.expire().await;
    world.server.fault(Fault::Reject(Rejection::InvalidGrant));
    process.token().await.unwrap();
    assert_eq!(world.server.logins.load(Ordering::SeqCst), 1);
    assert!(world.saw(|event| matches!(event, Event::Rejected { .. })));
    assert!(!world.saw(|event| matches!(event, Event::Ended { .. })));
    // When these are refused as well, a person is needed: told once.
    world.expire().await;
    world.server.fault(Fault::Reject(Rejection::InvalidGrant));
    *world.server.refuse_login.lock().unwrap() = true;
    assert!(process.token().await.unwrap_err().needs_login());
    let ended: Vec<_> = world.events.lock().unwrap().iter().filter_map(ended).collect();
    assert_eq!(ended, [LoginReason::CredentialsRejected]);
}

fn ended(event: &Event) -> Option<LoginReason> {
    if let Event::Ended { reason } = event { Some(*reason) } else { None }
}

#[tokio::test(start_paused = true)]
async fn i6_r10_a_token_that_serves_for_want_of_a_renewal_is_not_called_adopted() {
    let mut world = World::new(Reuse::Strict);
    world.policy.stale = secs(600);
    let process = world.log_in().await;
    let mut events = process.subscribe();
    world.pass(secs(3310)).await;
    for _ in 0..5 {
        world.server.fault(Fault::Unsent);
    }
    let mut outcomes = Vec::new();
    for _ in 0..4 {
        // Due, and valid: the renewal goes on in the background.
        process.bearer().await.unwrap();
        process.settle().await.unwrap();
        outcomes.extend(read(&mut events).iter().filter_map(outcome));
        world.pass(secs(31)).await;
    }
    let served = |code| Outcome::Served { code };
    let open = served("breaker_open");
    assert_eq!(outcomes, [served("temporary_failure"), open, open, open]);
    // It has ended, and the breaker is open still.
    world.pass(secs(200)).await;
    assert!(process.token().await.unwrap().is_stale);
    let outcomes: Vec<_> = read(&mut events).iter().filter_map(outcome).collect();
    assert_eq!(outcomes, [Outcome::Stale { code: "breaker_open" }]);
}

fn outcome(event: &Event) -> Option<Outcome> {
    if let Event::Finished { outcome, .. } = event { Some(*outcome) } else { None }
}
