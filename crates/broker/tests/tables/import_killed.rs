//! An import whose process is killed: what was written is done, and nothing is done twice.

use core::time::Duration;
use std::env;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use unlapse_broker::{ImportProgress, MasterKeys, Tables};
use unlapse_store::sql::{Database, Statement};

use crate::import::{begin, counts, line, node};
use crate::world::{World, load, name, patient, worlds};

/// Lines of the upload: ten transactions.
const LINES: u64 = 5000;
/// Each line of this number is no connection.
const BAD: u64 = 7;
/// Lines that come at once.
const AT_ONCE: usize = 250;
/// And the pause between them, so that a killed process is somewhere in the middle.
const PAUSE: Duration = Duration::from_millis(80);
/// A process gets so far within this time, on a machine that has much to do.
const PATIENCE: Duration = Duration::from_secs(120);

const PLACE: &str = "IMPORT_PLACE";
const MASTER: &str = "IMPORT_MASTER";
const UPLOAD: &str = "IMPORT_UPLOAD";

fn upload() -> String {
    (1..=LINES).fold(String::new(), |mut text, number| {
        if number % BAD == 0 {
            writeln!(text, "{{\"no connection\":{number}}}").expect("written");
        } else {
            text.push_str(&line(&format!("user {number}"), &format!("rt-{number}")));
        }
        text
    })
}

/// The import, when this test is started as one.
#[tokio::test]
#[ignore = "started by the others"]
async fn child_import() {
    let told = |name| env::var(name).expect("the parent tells it");
    let text = std::fs::read_to_string(told(UPLOAD)).expect("an upload");
    let database = Database::open(&told(PLACE), patient()).await.expect("opened");
    let master = MasterKeys::parse(&told(MASTER)).expect("keys");
    let tables = Tables::open(database, master).await.expect("opened");
    let mut import = begin(&tables, "killed").await.expect("begun");
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    for part in lines.chunks(AT_ONCE) {
        import.feed(part.concat().as_bytes()).await.expect("taken");
        tokio::time::sleep(PAUSE).await;
    }
    import.finish().await.expect("done");
}

/// Starts this test again, as its only test `child_import`.
fn started(world: &World, upload: &Path) -> Child {
    let mut command = Command::new(env::current_exe().expect("this test"));
    command.args(["--exact", "import_killed::child_import", "--ignored", "--test-threads=1"]);
    command.env(PLACE, &world.place).env(MASTER, &world.master).env(UPLOAD, upload);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().expect("this test starts again")
}

/// How far the import is.
async fn so_far(tables: &Tables) -> Option<ImportProgress> {
    tables.import(&name("acme"), &name("killed")).await.expect("read")
}

async fn done(tables: &Tables) -> u64 {
    so_far(tables).await.map_or(0, |progress| progress.lines)
}

#[tokio::test]
async fn i6_an_import_that_is_killed_and_begun_again_brings_every_line_once() {
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("upload.ndjson");
    std::fs::write(&file, upload()).expect("written");
    for world in worlds() {
        let (tables, store) = node(&world).await;
        // Each at another moment after a transaction of its own.
        for delay in [0, 13, 40] {
            let before = done(&tables).await;
            let mut process = started(&world, &file);
            let began = Instant::now();
            while done(&tables).await == before {
                assert!(began.elapsed() < PATIENCE, "{}: it stands at {before}", world.name);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            tokio::time::sleep(Duration::from_millis(delay)).await;
            // SIGKILL.
            process.kill().expect("it is ours");
            assert!(!process.wait().expect("it is ours").success(), "it was killed");
            let left = so_far(&tables).await.expect("begun");
            assert_eq!(left.finished_at, None, "{}: {left:?}", world.name);
            assert!(before < left.lines && left.lines < LINES, "in the middle: {left:?}");
        }
        assert!(started(&world, &file).wait().expect("it is ours").success());

        let refused = LINES / BAD;
        let progress = so_far(&tables).await.expect("there");
        assert_eq!(counts(&progress), (LINES, LINES - refused, 0, refused), "{}", world.name);
        assert!(progress.finished_at.is_some());
        let faults = tables.import_faults(&name("acme"), &name("killed"), 0, 1000).await;
        let numbers: Vec<_> = faults.expect("read").iter().map(|fault| fault.line).collect();
        assert_eq!(numbers, (1..=LINES).filter(|it| it % BAD == 0).collect::<Vec<_>>());
        // A connection and a record for each other line, as the first that brought it has left it.
        let rows = Statement::both(
            "SELECT (SELECT count(*) FROM connections), (SELECT count(*) FROM records),
                    (SELECT count(*) FROM tokens), (SELECT max(generation) FROM records)",
        );
        let rows = tables.database().query(rows, Vec::new()).await.expect("read");
        let brought = i64::try_from(LINES - refused).expect("few");
        let found = [0, 1, 2, 3].map(|column| rows[0].int(column).expect("a number"));
        assert_eq!(found, [brought, brought, brought, 1], "{}", world.name);
        for number in [1, 500, 501, 2500, LINES] {
            let record = load(&store, &crate::world::id("acme", &format!("user {number}"))).await;
            let token = record.token.expect("a token").refresh_token.expect("one");
            assert_eq!(token.expose(), format!("rt-{number}"), "{}", world.name);
        }
    }
}
