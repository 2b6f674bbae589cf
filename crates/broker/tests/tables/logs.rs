//! Attempts, usage, the audit log, circuits, and how long all of it is kept.

use core::time::Duration;

use unlapse::unlapse_core::{Breaker, BreakerPolicy, UnixTime};
use unlapse_broker::{Actor, Attempt, AuditFilter, Code, NewAudit, Retention, Tried, Used};
use unlapse_store::sql::Statement;

use crate::world::{id, name, worlds};

fn attempt(user: &str, at: UnixTime, number: u32, code: Option<Code>) -> Attempt {
    let tried = Tried {
        number,
        automatic: number == 1,
        code,
        status: code.map(|_| 503),
        delay: Duration::from_millis(20),
        duration: Duration::from_millis(7),
        node: "node\"1".to_owned(),
    };
    Attempt { id: id("acme", user), at, tried }
}

#[tokio::test]
async fn i6_attempts_are_kept_and_shown_the_newest_first() {
    for world in worlds() {
        let tables = world.tables().await;
        let now = tables.database().now().await.expect("told");
        let first = attempt("ada", now, 1, Some(Code::ProviderDown));
        let second = attempt("ada", now.plus(Duration::from_millis(5)), 2, None);
        // Days for which nobody has made a partition.
        let years = Duration::from_secs(3 * 365 * 86_400);
        let odd = [
            attempt("odd", UnixTime::default(), 1, None),
            attempt("odd", now.plus(years), 1, None),
            attempt("odd", UnixTime::from_millis(u64::MAX), u32::MAX, None),
        ];
        let all = [first.clone(), second.clone()].into_iter().chain(odd).collect();
        tables.note_attempts(all).await.expect("kept");
        tables.note_attempts(Vec::new()).await.expect("nothing");
        let shown = tables.attempts(&id("acme", "ada"), 10).await.expect("read");
        assert_eq!(shown, [second.clone(), first], "{}", world.name);
        assert_eq!(tables.attempts(&id("acme", "ada"), 1).await, Ok(vec![second]));
        assert_eq!(tables.attempts(&id("acme", "odd"), 10).await.expect("read").len(), 3);
        let many = (0..2500).map(|nth| attempt("many", now, nth, None)).collect();
        tables.note_attempts(many).await.expect("kept");
        assert_eq!(tables.attempts(&id("acme", "many"), 9999).await.expect("read").len(), 1000);
    }
}

#[tokio::test]
async fn what_need_not_be_kept_is_swept() {
    for world in worlds() {
        let tables = world.tables().await;
        let now = tables.database().now().await.expect("told");
        let ago = |days: u64| now.minus(Duration::from_secs(days * 86_400));
        // A partition that was made when its day was to come.
        if world.name == "PostgreSQL" {
            let day = ago(40).as_millis() / 86_400_000;
            let (from, to) = (day * 86_400_000, (day + 1) * 86_400_000);
            world.sql(&format!(
                "CREATE TABLE unlapse_broker.attempts_{day} PARTITION OF unlapse_broker.attempts
                 FOR VALUES FROM ({from}) TO ({to})"
            ));
        }
        let mut kept: Vec<_> =
            [0, 5, 40, 50].iter().map(|days| attempt("ada", ago(*days), 1, None)).collect();
        kept.extend((0..3000).map(|_| attempt("bob", ago(45), 1, None)));
        tables.note_attempts(kept).await.expect("kept");
        tables
            .note_usage(vec![Used { id: id("acme", "ada"), tokens: 1, renewals: 0 }])
            .await
            .expect("kept");
        tables.tell(vec![]).await.expect("told");
        let mut rounds = 1;
        while tables.sweep(&Retention::default()).await.expect("swept") {
            rounds += 1;
            assert!(rounds < 10);
        }
        let left = tables.attempts(&id("acme", "ada"), 10).await.expect("read");
        assert_eq!(
            left.iter().map(|of| of.at).collect::<Vec<_>>(),
            [ago(0), ago(5)],
            "{}",
            world.name
        );
        assert_eq!(tables.attempts(&id("acme", "bob"), 10).await, Ok(Vec::new()));
        assert_eq!(tables.usage(&id("acme", "ada"), 9).await.expect("read").len(), 1);
        if world.name == "PostgreSQL" {
            let parts = world.sql(
                "SELECT count(*) FROM pg_inherits WHERE inhparent = 'unlapse_broker.attempts'::regclass",
            );
            // Four days from today, and what is for no day.
            assert_eq!(parts.trim(), "5");
        }
        let nothing =
            Retention { events: Duration::ZERO, usage: Duration::ZERO, ..Retention::default() };
        tables
            .tell(vec![unlapse_broker::NewEvent {
                kind: unlapse_broker::EventKind::Connected,
                id: id("acme", "ada"),
                code: None,
            }])
            .await
            .expect("told");
        std::thread::sleep(Duration::from_millis(5));
        tables.sweep(&nothing).await.expect("swept");
        assert_eq!(tables.events(None, 0, 10).await, Ok(Vec::new()));
        // Numbers go on.
        assert_eq!(tables.newest_event().await, Ok(1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i7_usage_adds_up_over_nodes_that_count_at_once() {
    for world in worlds() {
        let nodes = crate::nodes::start(&world, 3).await;
        let mut counting = tokio::task::JoinSet::new();
        for (nth, node) in nodes.iter().cloned().enumerate() {
            counting.spawn(async move {
                for _ in 0..20 {
                    let mut users: Vec<_> =
                        (0..10).map(|user| id("acme", &format!("u{user}"))).collect();
                    users.rotate_left(nth);
                    // One of them twice in a batch.
                    users.push(users[0].clone());
                    let used = users.into_iter().map(|id| Used { id, tokens: 2, renewals: 1 });
                    node.note_usage(used.collect()).await.expect("counted");
                }
            });
        }
        counting.join_all().await;
        let mut tokens = 0;
        for user in 0..10 {
            let usage = nodes[0].usage(&id("acme", &format!("u{user}")), 3).await.expect("read");
            // Two days, where midnight came between.
            tokens += usage.iter().map(|day| day.tokens).sum::<u64>();
        }
        assert_eq!(tokens, 3 * 20 * 11 * 2, "{}", world.name);
    }
}

#[tokio::test]
async fn the_audit_log_is_never_changed() {
    for world in worlds() {
        let tables = world.tables().await;
        let by = Actor { tenant: None, name: "operator".to_owned() };
        for (tenant, action) in [("acme", "app.put"), ("globex", "app.put"), ("acme", "key.revoke")]
        {
            let entry = NewAudit::new(&by, Some(&name(tenant)), action, "google");
            tables.note(entry).await.expect("kept");
        }
        let hostile = NewAudit {
            tenant: None,
            by: "a\0\u{1b}[31m".to_owned(),
            action: "x".repeat(10_000),
            subject: None,
            detail: Some("ä".repeat(10_000)),
        };
        tables.note(hostile).await.expect("kept");
        let all = tables.audits(&AuditFilter::default(), None, 10).await.expect("read");
        assert_eq!(all.len(), 4);
        assert_eq!(all[0].what.by, "a[31m");
        assert!(all[0].what.detail.as_ref().is_some_and(|detail| detail.len() == 2048));
        let acme = AuditFilter { tenant: Some(name("acme")), ..AuditFilter::default() };
        let acme = tables.audits(&acme, Some(all[0].id), 10).await.expect("read");
        assert_eq!(
            acme.iter().map(|of| of.what.action.as_str()).collect::<Vec<_>>(),
            ["key.revoke", "app.put"]
        );
        let puts = AuditFilter { tenant: None, action: Some("app.put".to_owned()) };
        let puts = tables.audits(&puts, None, 1).await.expect("read");
        assert_eq!(puts[0].what.tenant, Some(name("globex")), "{}", world.name);
        for change in ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"] {
            // The triggers speak for themselves; the statements are of this test alone.
            let refused = match change {
                "DELETE FROM audit" => {
                    tables
                        .database()
                        .execute(Statement::both("DELETE FROM audit"), Vec::new())
                        .await
                }
                _ => {
                    tables
                        .database()
                        .execute(Statement::both("UPDATE audit SET actor = 'nobody'"), Vec::new())
                        .await
                }
            };
            assert!(refused.is_err(), "{}: {change}", world.name);
        }
        assert_eq!(tables.audits(&AuditFilter::default(), None, 10).await.expect("read"), all);
    }
}

#[tokio::test]
async fn r16_a_circuit_changes_only_from_what_was_read() {
    for world in worlds() {
        let tables = world.tables().await;
        let policy = BreakerPolicy::default();
        let closed = Breaker::default();
        let failed = closed.failed(UnixTime::from_secs(100), &policy);
        assert_eq!(tables.put_circuit("acme/google", &failed, 0).await, Ok(true));
        assert_eq!(tables.put_circuit("acme/google", &closed, 0).await, Ok(false));
        let circuits = tables.circuits().await.expect("read");
        assert_eq!((circuits[0].breaker, circuits[0].version), (failed, 1), "{}", world.name);
        let again = failed.failed(UnixTime::from_secs(101), &policy);
        assert_eq!(tables.put_circuit("acme/google", &again, 1).await, Ok(true));
        assert_eq!(tables.put_circuit("acme/google", &closed, 1).await, Ok(false));
        assert_eq!(tables.circuits().await.expect("read")[0].breaker, again);
        let bad = tables.put_circuit("", &closed, 0).await;
        assert_eq!(bad.map_err(|problem| problem.code), Err(Code::BadRequest));
        // A row that a stranger has written is as if it were not there.
        let stranger = Statement::both("UPDATE circuits SET breaker = '{'");
        tables.database().execute(stranger, Vec::new()).await.expect("written");
        assert_eq!(tables.circuits().await, Ok(Vec::new()));
    }
}
