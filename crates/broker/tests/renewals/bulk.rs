//! Many connections at once, into a node at work and out of it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use unlapse_broker::{
    Actor, App, Broker, Code, ConnectionId, Export, ImportProgress, Retries, Speed, TokenWanted,
};
use unlapse_parts::{LoggedIn, Rotation, Terms};

use crate::stage::Stage;
use crate::world::{id, name, operator, until};

const USERS: usize = 20;

fn line(user: &str, provider: &str, login: &LoggedIn) -> String {
    let line = json!({
        "user": user, "provider": provider, "account": "main",
        "access_token": login.access_token, "refresh_token": login.refresh_token,
        "expires_in": login.expires_in.as_secs(),
    });
    format!("{line}\n")
}

/// Sends `text` in small pieces, as a network does.
async fn bring(broker: &Broker, id: &str, text: &str) -> ImportProgress {
    let mut import = broker.import(&name("acme"), &name(id), &operator()).await.unwrap();
    for piece in text.as_bytes().chunks(97) {
        import.feed(piece).await.unwrap();
    }
    import.finish().await.unwrap()
}

fn counts(done: &ImportProgress) -> (u64, u64, u64, u64) {
    (done.lines, done.brought, done.left_alone, done.refused)
}

/// Every connection, a few at a time.
async fn exported(broker: &Broker, with_secrets: bool) -> String {
    let (mut text, mut after) = (String::new(), None);
    loop {
        let what = Export { with_secrets };
        let page = broker.export(&name("acme"), what, after.as_ref(), 7, &operator()).await;
        let page = page.unwrap();
        assert_eq!(page.unread, 0);
        text.push_str(&page.lines);
        let Some(next) = page.next else { return text };
        after = Some(next);
    }
}

fn terms() -> Terms {
    let access_ttl = Duration::from_secs(4);
    Terms { access_ttl, rotation: Rotation::Strict, ..Terms::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i6_what_is_imported_is_renewed_and_goes_out_as_it_is_then() {
    let stage = Stage::new(terms(), "strict");
    let node = stage.work().await;
    let logins: Vec<_> = (0..USERS).map(|_| stage.provider.log_in()).collect();
    let lines =
        logins.iter().enumerate().map(|(nth, login)| line(&format!("user {nth}"), "local", login));
    let text = format!("{}{{\"user\":\"\"}}\n", lines.collect::<String>());
    let done = bring(&node.broker, "first", &text).await;
    assert_eq!(counts(&done), (USERS as u64 + 1, USERS as u64, 0, 1));
    assert!(done.finished_at.is_some());
    // Nobody asks, and each is renewed before its end.
    until("each was renewed", async || stage.provider.tally().grants >= 2 * USERS as u64).await;
    // What was renewed meanwhile is newer than what is sent again.
    let again = bring(&node.broker, "again", &text).await;
    assert_eq!(counts(&again), (USERS as u64 + 1, 0, USERS as u64, 1));
    let broker = node.broker.clone();
    node.stop().await;

    let plain = exported(&broker, false).await;
    assert_eq!(plain.lines().count(), USERS);
    assert!(!plain.contains("_token\""), "R18: {plain}");
    let whole = exported(&broker, true).await;
    assert_eq!(whole.lines().count(), USERS);
    for login in &logins {
        assert!(!whole.contains(&login.refresh_token), "it was spent");
    }
    // Another broker, with a key of its own, goes on where this one has ended.
    let folder = tempfile::tempdir().unwrap();
    let moved = stage.open_in(folder.path()).await;
    assert_eq!(counts(&bring(&moved, "moved", &whole).await).1, USERS as u64);
    for nth in 0..USERS {
        let user = format!("user {nth}");
        let renewed = moved.refresh(&id(&user), Retries::default(), &operator()).await;
        assert_eq!(renewed.unwrap().failing, None, "{user}");
    }
    let tally = stage.provider.tally();
    assert_eq!((tally.doubles, tally.families_revoked), (0, 0), "{tally:?}");
}

/// A node has registered an app, and the others have not heard of it yet.
async fn registered(stage: &Stage) -> [Broker; 3] {
    let [one, other, third] = [stage.open().await, stage.open().await, stage.open().await];
    let app = App {
        tenant: name("acme"),
        name: name("second"),
        provider: name("local"),
        client_id: "second".to_owned(),
        client_secret: None,
        scopes: Vec::new(),
        params: BTreeMap::new(),
        return_to: Vec::new(),
        changed_at: one.clock(),
    };
    one.tables().put_app(&app).await.unwrap();
    [one, other, third]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_of_an_app_of_a_moment_ago_is_renewed_at_any_node() {
    let stage = Stage::new(terms(), "strict");
    let [one, other, third] = registered(&stage).await;
    let login = stage.provider.log_in();
    bring(&one, "first", &line("ada", "second", &login)).await;
    let ada = ConnectionId::new(name("acme"), "ada", name("second"), "main").unwrap();
    let wanted = TokenWanted { force: true, ..TokenWanted::default() };
    let token = other.token(&ada, wanted, &operator()).await.unwrap();
    assert!(stage.provider.is_valid(token.access_token.expose()));
    let renewed = third.refresh(&ada, Retries::default(), &operator()).await.unwrap();
    assert_eq!(renewed.failing, None);
    assert_eq!(stage.provider.tally().doubles, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_that_another_node_has_registered_a_moment_ago_takes_an_import() {
    let stage = Stage::new(terms(), "strict");
    let [_, broker, _] = registered(&stage).await;
    let login = stage.provider.log_in();
    let text = [line("ada", "second", &login), line("ada", "third", &login)].concat();
    assert_eq!(counts(&bring(&broker, "first", &text).await), (2, 1, 0, 1));
    let faults = broker.tables().import_faults(&name("acme"), &name("first"), 0, 10).await;
    let faults = faults.unwrap();
    assert_eq!((faults.len(), faults[0].line), (1, 2), "{faults:?}");
    assert!(!faults[0].reason.contains(&login.refresh_token), "R18: {faults:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_imports_or_exports_what_is_another_tenants() {
    let stage = Stage::new(terms(), "strict");
    let broker = stage.open().await;
    broker.tables().put_tenant(&name("other"), Speed::Eager).await.unwrap();
    stage.bring(&broker, "ada").await;
    let stranger = Actor { tenant: Some(name("other")), name: "key:1".to_owned() };
    let import = broker.import(&name("acme"), &name("first"), &stranger).await;
    assert_eq!(import.err().map(|problem| problem.code), Some(Code::Forbidden));
    for with_secrets in [false, true] {
        let what = Export { with_secrets };
        let export = broker.export(&name("acme"), what, None, 10, &stranger).await;
        assert_eq!(export.err().map(|problem| problem.code), Some(Code::Forbidden));
        let own = broker.export(&name("other"), what, None, 10, &stranger).await.unwrap();
        assert_eq!((own.lines.as_str(), own.next), ("", None));
    }
    // Nothing of it is told as if it had been done.
    let filter = unlapse_broker::AuditFilter::default();
    let audits = broker.tables().audits(&filter, None, 100).await.unwrap();
    let mut of_the_tenant =
        audits.iter().map(|audit| &audit.what).filter(|what| what.tenant == Some(name("acme")));
    let bulk = |action: &str| action.starts_with("import.") || action.contains("export");
    assert!(!of_the_tenant.any(|what| bulk(&what.action)), "{audits:?}");
}
