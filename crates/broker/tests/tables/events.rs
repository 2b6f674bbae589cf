use core::time::Duration;

use unlapse::unlapse_core::{Secret, UnixTime};
use unlapse_broker::{Code, EventKind, NewEvent, Webhook};
use unlapse_store::sql::Statement;

use crate::world::{id, name, worlds};

fn event(tenant: &str, user: &str, kind: EventKind) -> NewEvent {
    let code = (kind == EventKind::NeedsUser).then_some(Code::UserRevoked);
    NewEvent { kind, id: id(tenant, user), code }
}

fn webhook(of: &str, kinds: &[EventKind]) -> Webhook {
    Webhook {
        tenant: name("acme"),
        name: name(of),
        url: "https://hooks.example/x".to_owned(),
        kinds: kinds.to_vec(),
        secret: Secret::new("whsec_canary"),
        created_at: UnixTime::default(),
        changed_at: UnixTime::default(),
    }
}

#[tokio::test]
async fn events_are_numbered_without_gaps_and_each_tenant_sees_its_own() {
    for world in worlds() {
        let tables = world.tables().await;
        assert_eq!((tables.newest_event().await, tables.oldest_event().await), (Ok(0), Ok(0)));
        let told = vec![
            event("acme", "ada", EventKind::Connected),
            event("globex", "bob", EventKind::NeedsUser),
            event("acme", "ä/\"", EventKind::Removed),
        ];
        tables.tell(told.clone()).await.expect("told");
        tables.tell(vec![event("acme", "ada", EventKind::Recovered)]).await.expect("told");
        tables.tell(Vec::new()).await.expect("nothing to tell");
        let all = tables.events(None, 0, 100).await.expect("listed");
        assert_eq!(all.iter().map(|event| event.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(all[..3].iter().map(|event| event.what.clone()).collect::<Vec<_>>(), told);
        let acme = tables.events(Some(&name("acme")), 1, 100).await.expect("listed");
        assert_eq!(
            acme.iter().map(|event| event.number).collect::<Vec<_>>(),
            [3, 4],
            "{}",
            world.name
        );
        assert_eq!(tables.newest_event().await, Ok(4));
        assert_eq!(tables.versions().await.expect("read").events(), 4);
        assert_eq!(tables.events(None, 1, 2).await.expect("listed").len(), 2);
    }
}

/// Whoever goes on after the newest number it has seen misses none, however many nodes tell at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_who_follows_events_misses_one() {
    for world in worlds() {
        let nodes = crate::nodes::start(&world, 3).await;
        let mut telling = tokio::task::JoinSet::new();
        for (nth, node) in nodes.iter().cloned().enumerate() {
            telling.spawn(async move {
                for round in 0..20 {
                    let user = format!("u{nth}-{round}");
                    let told = (0..=round % 3).map(|_| event("acme", &user, EventKind::Connected));
                    node.tell(told.collect()).await.expect("told");
                }
            });
        }
        let (mut after, mut seen) = (0, Vec::new());
        while seen.len() < 3 * (7 + 7 * 2 + 6 * 3) {
            for event in nodes[0].events(None, after, 10).await.expect("listed") {
                after = event.number;
                seen.push(event.number);
            }
        }
        telling.join_all().await;
        let expected: Vec<_> = (1..=i64::try_from(seen.len()).expect("few")).collect();
        assert_eq!(seen, expected, "{}", world.name);
        assert_eq!(nodes[0].newest_event().await, Ok(after));
    }
}

#[tokio::test]
async fn a_webhook_gets_what_it_wants_until_it_has_arrived() {
    for world in worlds() {
        let tables = world.tables().await;
        tables.put_webhook(&webhook("all", &[])).await.expect("put");
        tables.put_webhook(&webhook("ends", &[EventKind::NeedsUser])).await.expect("put");
        let there =
            tables.webhook(&name("acme"), &name("ends")).await.expect("read").expect("there");
        assert_eq!(there.secret.expose(), "whsec_canary");
        assert_eq!(there.kinds, [EventKind::NeedsUser]);
        assert_eq!(tables.webhooks(&name("acme")).await.expect("listed").len(), 2);
        let told = vec![
            event("acme", "ada", EventKind::Connected),
            event("acme", "ada", EventKind::NeedsUser),
            event("globex", "ada", EventKind::NeedsUser),
        ];
        tables.tell(told).await.expect("told");
        let taken = tables.take_deliveries(10, &[]).await.expect("taken");
        let sent: Vec<_> = taken
            .iter()
            .map(|of| (of.webhook.name.as_str(), of.event.number, of.attempt))
            .collect();
        let mut sorted = sent.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [("all", 1, 1), ("all", 2, 1), ("ends", 2, 1)], "{}", world.name);
        // They are this node's for a while.
        assert_eq!(tables.take_deliveries(10, &[]).await, Ok(Vec::new()));
        tables.delivered(&taken[0]).await.expect("noted");
        tables
            .deliver_later(&taken[1], Duration::ZERO, "503\0 with a long reason")
            .await
            .expect("noted");
        let again = tables.take_deliveries(10, &[]).await.expect("taken");
        assert_eq!(again.len(), 1);
        assert_eq!((again[0].id, again[0].attempt), (taken[1].id, 2));
        // The first attempt's word comes too late to count.
        tables.delivered(&taken[1]).await.expect("ignored");
        let of = &again[0].webhook.name;
        let states = tables.deliveries(&name("acme"), of, 10).await.expect("listed");
        let state = states.iter().find(|state| state.id == again[0].id).expect("still there");
        assert_eq!(state.problem.as_deref(), Some("503 with a long reason"));
        assert!(tables.remove_webhook(&name("acme"), &name("all")).await.expect("removed"));
        assert!(tables.remove_webhook(&name("acme"), &name("ends")).await.expect("removed"));
        assert!(!tables.remove_webhook(&name("acme"), &name("all")).await.expect("removed"));
        let left = Statement::both("SELECT count(*) FROM deliveries");
        let left = tables.database().query(left, Vec::new()).await.expect("counted");
        assert_eq!(left[0].int(0), Ok(0));
    }
}

#[tokio::test]
async fn a_delivery_is_given_up_after_three_days_and_comes_back_after_a_crash() {
    for world in worlds() {
        let tables = world.tables().await;
        tables.put_webhook(&webhook("all", &[])).await.expect("put");
        tables.tell(vec![event("acme", "ada", EventKind::Connected)]).await.expect("told");
        let taken = tables.take_deliveries(1, &[]).await.expect("taken");
        // Its node died a minute ago.
        let ago = Statement::both("UPDATE deliveries SET due_at = due_at - 60001");
        tables.database().execute(ago, Vec::new()).await.expect("aged");
        let again = tables.take_deliveries(1, &[]).await.expect("taken");
        assert_eq!((again[0].id, again[0].attempt), (taken[0].id, 2), "{}", world.name);
        let ago = Statement::both("UPDATE deliveries SET created_at = created_at - 259200000");
        tables.database().execute(ago, Vec::new()).await.expect("aged");
        tables.deliver_later(&again[0], Duration::ZERO, "refused").await.expect("noted");
        assert_eq!(tables.take_deliveries(1, &[]).await, Ok(Vec::new()));
        let states = tables.deliveries(&name("acme"), &name("all"), 10).await.expect("listed");
        assert_eq!((states[0].due_at, states[0].attempts), (None, 2));
    }
}

#[tokio::test]
async fn what_is_given_back_was_no_attempt_and_a_full_webhook_keeps_no_other_waiting() {
    for world in worlds() {
        let tables = world.tables().await;
        for of in ["slow", "quick"] {
            tables.put_webhook(&webhook(of, &[])).await.expect("put");
        }
        tables.tell(vec![event("acme", "ada", EventKind::Connected)]).await.expect("told");
        let full = ["acme/slow".to_owned(), "globex/quick".to_owned()];
        let taken = tables.take_deliveries(10, &full).await.expect("taken");
        let names: Vec<_> = taken.iter().map(|of| of.webhook.name.as_str()).collect();
        assert_eq!(names, ["quick"], "{}", world.name);
        assert_eq!(taken[0].webhook.place(), "acme/quick");
        tables.give_back(&[taken[0].id], Duration::ZERO).await.expect("given back");
        let again = tables.take_deliveries(10, &full).await.expect("taken");
        assert_eq!((again[0].id, again[0].attempt), (taken[0].id, 1));
        let rest = tables.take_deliveries(10, &[]).await.expect("taken");
        assert_eq!(rest.len(), 1);
        tables.give_back(&[rest[0].id], Duration::from_secs(60)).await.expect("given back");
        assert_eq!(tables.take_deliveries(10, &[]).await, Ok(Vec::new()), "not before its time");
    }
}
