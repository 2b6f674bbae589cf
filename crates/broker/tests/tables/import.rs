use core::time::Duration;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;

use unlapse::unlapse_core::{Key, Record, Store as _};
use unlapse_broker::{
    Actor, AuditFilter, Code, Export, Import, ImportProgress, Problem, State, Tables,
};
use unlapse_store::sql::{Next, SqlOptions, SqlStore, Statement, Timetable};

use crate::secrets::app;
use crate::world::{World, id, load, name, worlds};

/// Due when the token ends.
struct AtTheEnd;

impl Timetable for AtTheEnd {
    fn next(&self, _: &Key, record: &Record) -> Next {
        let due = record.token.as_ref().and_then(unlapse::unlapse_core::Token::expires_at);
        Next { due, unused: None, code: None }
    }
}

fn by() -> Actor {
    Actor { tenant: None, name: "operator".to_owned() }
}

pub(crate) async fn node(world: &World) -> (Tables, SqlStore) {
    let tables = world.tables().await;
    tables.put_app(&app("acme", "secret")).await.expect("put");
    let seal = Arc::new(tables.envelope().clone());
    let database = tables.database().clone();
    let store = SqlStore::open(database, seal, Arc::new(AtTheEnd), SqlOptions::default()).await;
    (tables, store.expect("opened"))
}

pub(crate) async fn begin(tables: &Tables, id: &str) -> Result<Import, Problem> {
    Import::begin(tables, Arc::new(AtTheEnd), &name("acme"), &name(id), &by()).await
}

async fn import(tables: &Tables, id: &str, text: &str) -> ImportProgress {
    let mut import = begin(tables, id).await.expect("begun");
    // In pieces that fit nothing.
    for chunk in text.as_bytes().chunks(7001) {
        import.feed(chunk).await.expect("taken");
    }
    import.finish().await.expect("done")
}

pub(crate) fn line(user: &str, refresh_token: &str) -> String {
    format!(
        "{{\"user\":\"{user}\",\"provider\":\"google\",\"account\":\"main\",\"access_token\":\"at-{refresh_token}\",\
         \"refresh_token\":\"{refresh_token}\",\"expires_in\":3600}}\n"
    )
}

fn lines(range: core::ops::Range<usize>) -> String {
    range.map(|nth| line(&format!("user {nth}"), &format!("rt-canary-{nth}"))).collect()
}

pub(crate) fn counts(progress: &ImportProgress) -> (u64, u64, u64, u64) {
    (progress.lines, progress.brought, progress.left_alone, progress.refused)
}

#[tokio::test]
async fn an_import_brings_connections_that_are_renewed_as_any_other() {
    for world in worlds() {
        let (tables, store) = node(&world).await;
        let done = import(&tables, "first", &lines(0..1234)).await;
        assert_eq!(counts(&done), (1234, 1234, 0, 0), "{}", world.name);
        assert!(done.finished_at.is_some());
        let one = id("acme", "user 700");
        let shown = tables.connection(&one).await.expect("read").expect("there");
        assert_eq!((shown.state, shown.generation), (State::Active, 1));
        let record = load(&store, &one).await;
        let token = record.token.as_ref().expect("a token");
        assert_eq!(token.refresh_token.as_ref().expect("one").expose(), "rt-canary-700");
        // A renewal of it.
        let mut lease = store.lease(&one.key(), Duration::from_secs(10)).await.expect("leased");
        let found = lease.load().await.expect("read").expect("there").record;
        assert_eq!(found, record);
        let mut next = record.clone();
        next.generation += 1;
        next.revision += 1;
        lease.save(&next).await.expect("saved");
        assert_eq!(load(&store, &one).await, next);
        // And nothing of it lies there in clear.
        let dump = world.dump();
        assert!(!dump.windows(9).any(|part| part == b"rt-canary"), "{}", world.name);
        let counted = tables.counts(Some(&name("acme"))).await.expect("counted");
        assert_eq!(counted[0].connections, 1234);
    }
}

#[tokio::test]
async fn i8_what_is_imported_at_once_does_not_come_due_at_once() {
    for world in worlds() {
        let (tables, store) = node(&world).await;
        import(&tables, "first", &lines(0..2000)).await;
        let now = tables.database().now().await.expect("told");
        let due = Statement::both("SELECT due_at FROM records ORDER BY due_at");
        let rows = tables.database().query(due, Vec::new()).await.expect("read");
        let minutes: Vec<_> =
            rows.iter().map(|row| row.time(0).expect("due").since(now).as_secs() / 60).collect();
        assert_eq!(minutes.len(), 2000);
        for minute in 0..60 {
            let count = minutes.iter().filter(|of| **of == minute).count();
            assert!((5..90).contains(&count), "{}: {count} in minute {minute}", world.name);
        }
        assert!(minutes.iter().all(|minute| *minute < 60));
        // The store finds them by its own rules.
        let sooner = Statement::both(
            "UPDATE records SET due_at = now_ms() - 1 WHERE server = 'acme/google'",
        );
        tables.database().execute(sooner, Vec::new()).await.expect("changed");
        let mut claimed = 0;
        for shard in 0..unlapse_store::sql::SHARDS {
            claimed += store.claim(shard, 1000).await.expect("claimed").len();
        }
        assert_eq!(claimed, 2000, "{}", world.name);
    }
}

#[tokio::test]
async fn a_hostile_line_is_counted_and_hinders_nothing() {
    for world in worlds() {
        let (tables, _store) = node(&world).await;
        let mut text = String::new();
        for bad in
            ["hunter2", "{", "[]", "null", "\"\\u0000\"", "{\"user\":\"a\u{0}\"}", "\u{feff}{}"]
        {
            text.push_str(bad);
            text.push('\n');
        }
        text.push_str(&line("ada", "rt"));
        text.push_str("\n  \n");
        text.push_str(&line("no app", "rt").replace("google", "hubspot"));
        writeln!(text, "{{\"x\":\"{}\"}}", "y".repeat(70_000)).expect("written");
        text.push_str(&line("a\\u0000b", "rt"));
        text.push_str(&line("ada", "rt again"));
        text.push_str(line("bob", "rt-of-bob").trim_end());
        let done = import(&tables, "hostile", &text).await;
        // 7 that are nothing, an empty one and one of spaces; no app, too long, no user, no token.
        assert_eq!(counts(&done), (15, 2, 0, 11), "{}", world.name);
        let faults = tables.import_faults(&name("acme"), &name("hostile"), 0, 100).await;
        let faults = faults.expect("read");
        let numbers: Vec<_> = faults.iter().map(|fault| fault.line).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 14]);
        assert!(faults.iter().all(|fault| !fault.reason.contains("hunter2")), "{faults:?}");
        assert!(faults[8].reason.contains("longer than 65536"), "{faults:?}");
        assert_eq!(
            tables.import_faults(&name("acme"), &name("hostile"), 11, 1).await.expect("read")[0]
                .line,
            12
        );
        assert!(tables.connection(&id("acme", "bob")).await.expect("read").is_some());
    }
}

#[tokio::test]
async fn only_some_faults_are_kept_and_all_are_counted() {
    for world in worlds() {
        let (tables, _store) = node(&world).await;
        let done = import(&tables, "bad", &"x\n".repeat(2600)).await;
        assert_eq!(counts(&done), (2600, 0, 0, 2600), "{}", world.name);
        let count = Statement::both("SELECT count(*), max(line) FROM import_faults");
        let rows = tables.database().query(count, Vec::new()).await.expect("read");
        assert_eq!((rows[0].int(0), rows[0].int(1)), (Ok(1000), Ok(1000)));
    }
}

#[tokio::test]
async fn an_import_that_was_broken_off_goes_on_behind_what_is_done() {
    for world in worlds() {
        let (tables, store) = node(&world).await;
        let text = lines(0..1300);
        {
            let mut import = begin(&tables, "resumed").await.expect("begun");
            // Somewhere in a line: two batches were written.
            import.feed(&text.as_bytes()[..text.len() * 9 / 10]).await.expect("taken");
        }
        let so_far =
            tables.import(&name("acme"), &name("resumed")).await.expect("read").expect("there");
        assert_eq!(counts(&so_far), (1000, 1000, 0, 0), "{}", world.name);
        assert_eq!(so_far.finished_at, None);
        // Meanwhile one was renewed.
        let one = id("acme", "user 5");
        let mut newer = load(&store, &one).await;
        newer.generation += 1;
        newer.revision += 1;
        crate::world::save(&store, &one, &newer).await;
        let done = import(&tables, "resumed", &text).await;
        assert_eq!(counts(&done), (1300, 1300, 0, 0), "{}", world.name);
        assert_eq!(done.started_at, so_far.started_at);
        // Under another id, everything is there already: nothing is changed.
        let again = import(&tables, "again", &text).await;
        assert_eq!(counts(&again), (1300, 0, 1300, 0), "{}", world.name);
        assert_eq!(load(&store, &one).await, newer, "the newer token is left alone");
        let listed = tables.imports(Some(&name("acme")), 10).await.expect("listed");
        assert_eq!(listed.len(), 2);
        let audit =
            AuditFilter { action: Some("import.begin".to_owned()), ..AuditFilter::default() };
        assert_eq!(tables.audits(&audit, None, 10).await.expect("read").len(), 3);
    }
}

#[tokio::test]
async fn a_connection_that_was_removed_is_brought_again() {
    for world in worlds() {
        let (tables, store) = node(&world).await;
        import(&tables, "first", &lines(0..3)).await;
        let one = id("acme", "user 1");
        let mut lease = store.lease(&one.key(), Duration::from_secs(10)).await.expect("leased");
        lease.remove().await.expect("removed");
        tables.remove_connection(&one).await.expect("removed");
        // Whoever has it now is not disturbed.
        let held = import(&tables, "held", &lines(0..3)).await;
        assert_eq!(counts(&held), (3, 0, 3, 0), "{}", world.name);
        drop(lease);
        store.settle().await;
        let again = import(&tables, "again", &lines(0..3)).await;
        assert_eq!(counts(&again), (3, 1, 2, 0), "{}", world.name);
        assert_eq!(load(&store, &one).await.generation, 1);
        let shown = tables.connection(&one).await.expect("read").expect("there");
        assert_eq!(shown.state, State::Active);
    }
}

#[tokio::test]
async fn of_two_uploads_of_one_import_one_goes_on() {
    for world in worlds() {
        let (tables, _store) = node(&world).await;
        let text = lines(0..600);
        let mut one = begin(&tables, "twice").await.expect("begun");
        let mut two = begin(&tables, "twice").await.expect("begun");
        one.feed(text.as_bytes()).await.expect("taken");
        let refused = two.feed(text.as_bytes()).await;
        assert_eq!(refused.map_err(|problem| problem.code), Err(Code::Conflict), "{}", world.name);
        let done = one.finish().await.expect("done");
        assert_eq!(counts(&done), (600, 600, 0, 0), "{}", world.name);
    }
}

#[tokio::test]
async fn an_import_for_nobody_is_refused() {
    for world in worlds() {
        let tables = world.tables().await;
        let refused = begin(&tables, "none").await;
        assert_eq!(
            refused.err().map(|problem| problem.code),
            Some(Code::NotFound),
            "{}",
            world.name
        );
    }
}

#[tokio::test]
async fn what_is_exported_can_be_imported_and_has_no_secret_unless_it_is_asked_for() {
    for world in worlds() {
        let (tables, _store) = node(&world).await;
        import(&tables, "first", &lines(0..25)).await;
        let mut exported = [String::new(), String::new()];
        for (with_secrets, text) in [false, true].into_iter().zip(&mut exported) {
            let mut after = None;
            loop {
                let what = Export { with_secrets };
                let page = tables.export(&name("acme"), what, after.as_ref(), 10, &by()).await;
                let page = page.expect("exported");
                assert_eq!(page.unread, 0);
                text.push_str(&page.lines);
                let Some(next) = page.next else { break };
                after = Some(next);
            }
            assert_eq!(text.lines().count(), 25, "{}", world.name);
        }
        assert!(!exported[0].contains("canary") && exported[0].contains("user 24"));
        assert!(exported[1].contains("\"rt-canary-24\""));
        let audit = AuditFilter {
            action: Some("connections.export_secrets".to_owned()),
            ..AuditFilter::default()
        };
        assert_eq!(tables.audits(&audit, None, 10).await.expect("read").len(), 3, "a page each");
        let globex = worlds().remove(0);
        let (other, other_store) = node(&globex).await;
        let done = import(&other, "moved", &exported[1]).await;
        assert_eq!(counts(&done), (25, 25, 0, 0), "{}", world.name);
        let token = load(&other_store, &id("acme", "user 7")).await.token.expect("a token");
        assert_eq!(token.refresh_token.expect("one").expose(), "rt-canary-7");
        assert!(token.lifetime.expect("an end") > Duration::from_secs(3500));
        let ids: HashSet<_> = exported[1].lines().collect();
        assert_eq!(ids.len(), 25);
    }
}

/// RFC 6749 §3.3 knows no `"` in a scope; some provider may.
#[tokio::test]
async fn what_a_provider_wrote_keeps_no_login_from_being_brought_again() {
    for world in worlds() {
        let (tables, _store) = node(&world).await;
        import(&tables, "first", &lines(0..2)).await;
        let odd = Statement::both(
            "UPDATE connections SET scope = 'an \"odd\" one' WHERE user_name = 'user 0'",
        );
        tables.database().execute(odd, Vec::new()).await.expect("odd");
        let what = Export { with_secrets: true };
        let page = tables.export(&name("acme"), what, None, 10, &by()).await.expect("exported");
        assert!(!page.lines.contains("odd"), "{}", world.name);
        let (other, _other_store) = node(&worlds().remove(0)).await;
        let done = import(&other, "moved", &page.lines).await;
        assert_eq!(counts(&done), (2, 2, 0, 0), "{}", world.name);
    }
}

/// What of a record cannot be read is said, and hinders no other.
#[tokio::test]
async fn i4_an_export_says_what_it_could_not_read() {
    for world in worlds() {
        let (tables, _store) = node(&world).await;
        import(&tables, "first", &lines(0..3)).await;
        let rot = Statement::each(
            "UPDATE tokens SET sealed = zeroblob(80) WHERE id = (SELECT min(id) FROM tokens)",
            "UPDATE tokens SET sealed = decode(repeat('00', 80), 'hex')
             WHERE id = (SELECT id FROM tokens ORDER BY id LIMIT 1)",
        );
        tables.database().execute(rot, Vec::new()).await.expect("rotten");
        let what = Export { with_secrets: true };
        let page = tables.export(&name("acme"), what, None, 10, &by()).await.expect("exported");
        assert_eq!((page.unread, page.next), (1, None), "{}", world.name);
        assert_eq!(page.lines.matches("rt-canary").count(), 4, "two lines with two tokens");
    }
}

/// `cargo test --release -p unlapse-broker --test tables -- --ignored --nocapture measured`, with
/// `UNLAPSE_SUITES=full` for `PostgreSQL`.
#[tokio::test]
#[ignore = "takes minutes, and is about time"]
async fn an_import_of_a_million_lines_is_measured() {
    const LINES: usize = 1_000_000;
    for world in worlds() {
        let (tables, _store) = node(&world).await;
        let mut import = begin(&tables, "million").await.expect("begun");
        let began = std::time::Instant::now();
        for part in (0..LINES).step_by(1000) {
            import.feed(lines(part..part + 1000).as_bytes()).await.expect("taken");
        }
        let done = import.finish().await.expect("done");
        let took = began.elapsed();
        assert_eq!(done.brought, LINES as u64);
        println!("{}: {LINES} lines in {took:.1?}", world.name);
    }
}
