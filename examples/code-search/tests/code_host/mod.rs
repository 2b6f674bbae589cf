//! A server that code is searched on, sessions by the stage and a small index in memory; and a
//! project to search.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use unlapse_example_stage::axum::extract::{Query, State};
use unlapse_example_stage::axum::routing::{get, put};
use unlapse_example_stage::axum::{Json, Router};
use unlapse_example_stage::issuer::verify::Refused;
use unlapse_example_stage::issuer::{Algorithm, Verified};
use unlapse_example_stage::{Desk, Stage, StageBuilder};

/// The files of every person.
type Files = Arc<Mutex<BTreeMap<(String, String), String>>>;

/// A file that the server never has read to its end: whoever sends it is at work until it is killed.
pub(crate) const ENDLESS: &str = "src/zz-endless.rs";

/// A stage with this server on it, whose tokens are signed with RS256 (C8).
pub(crate) fn code_host() -> StageBuilder {
    let api = Router::new()
        .route("/search", get(search))
        .route("/files", put(keep))
        .with_state(Files::default());
    Stage::builder()
        .scopes("code:search")
        .configure(|issuer| issuer.algorithm(Algorithm::Rs256))
        .api(api)
}

/// A project with a few files, for somebody who is to find `greet(`.
pub(crate) fn project(program: impl Into<std::path::PathBuf>, stage: &Stage) -> Desk {
    let desk = Desk::new(program).env("CODE_SEARCH_SERVER", stage.url());
    let src = desk.work().join("src");
    let main = "fn main() {\n    greet(\"ada\");\n}\n";
    let files = [("main.rs", main), ("greet.rs", "fn greet(name: &str) {}\n")];
    std::fs::create_dir_all(&src).expect("created");
    for (name, text) in files {
        std::fs::write(src.join(name), text).expect("written");
    }
    desk
}

/// Adds so many files to it, `src/part-000.rs` and so on.
pub(crate) fn add_files(desk: &Desk, count: usize) {
    for number in 0..count {
        let path = desk.work().join(format!("src/part-{number:03}.rs"));
        std::fs::write(path, format!("fn part_{number}() {{}}\n")).expect("written");
    }
}

async fn search(
    who: Verified,
    State(files): State<Files>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Result<Json<Vec<serde_json::Value>>, Refused> {
    who.require("code:search")?;
    let words = query.get("q").map_or("", String::as_str);
    let files = files.lock().unwrap_or_else(PoisonError::into_inner);
    let own = files.iter().filter(|((owner, _), _)| *owner == who.sub);
    let hits = own.flat_map(|((_, file), text)| {
        let lines = text.lines().zip(1..).filter(|(line, _)| line.contains(words));
        lines.map(
            move |(text, line)| serde_json::json!({ "file": file, "line": line, "text": text }),
        )
    });
    Ok(Json(hits.take(100).collect()))
}

async fn keep(
    who: Verified,
    State(files): State<Files>,
    Query(query): Query<BTreeMap<String, String>>,
    text: String,
) -> Result<(), Refused> {
    who.require("code:search")?;
    let path = query.get("path").cloned().unwrap_or_default();
    if path == ENDLESS {
        std::future::pending::<()>().await;
    }
    files.lock().unwrap_or_else(PoisonError::into_inner).insert((who.sub.clone(), path), text);
    Ok(())
}
