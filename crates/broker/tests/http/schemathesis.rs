//! An outside tool asks the API whatever its document allows, and what it does not: no server error, no
//! reply that the document does not know, and no secret (`peers/schemathesis`, full suite).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use serde_json::Value;
use tokio::process::Command;
use unlapse::unlapse_core::{Secret, UnixTime};
use unlapse_broker::{Actor, Export, Webhook};

use crate::rig::{Rig, name, serve};

/// What it looks for. That hostile data is always refused is for our own tests: its idea of a string of
/// 256 characters is not ours of 256 bytes.
const CHECKS: &str = "not_a_server_error,content_type_conformance,status_code_conformance,\
                      response_schema_conformance,response_headers_conformance";

/// What gives a secret away on purpose, and which member of its reply that is.
const GIVES: [(&str, &str); 5] = [
    ("POST /v1/connections/{user}/{provider}/{account}/token", "access_token"),
    ("POST /oauth/token", "access_token"),
    ("POST /v1/api-keys", "key"),
    ("PUT /v1/webhooks/{name}", "secret"),
    ("POST /v1/webhooks/{name}/secret", "secret"),
];

/// What it cannot do right by chance.
const OUT_OF_REACH: [&str; 7] = [
    // They take a browser, and what the broker has given it before.
    "GET /connect",
    "POST /connect",
    "GET /callback/{tenant}/{app}",
    // Its names are not those of things that it may remove.
    "DELETE /v1/api-keys/{id}",
    "DELETE /v1/webhooks/{name}",
    // It would send something to wherever it likes.
    "POST /v1/webhooks/{name}/test",
    // Served elsewhere.
    "GET /metrics",
];

/// The secret of a webhook.
const HOOK: &str = "whsec_Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5";

/// An answer, and to what.
struct Seen {
    operation: String,
    status: StatusCode,
    body: String,
}

type Notes = Arc<Mutex<Vec<Seen>>>;

/// Notes every answer. Of one that has no end, what is told is in the tool's own report.
fn watched(router: Router, notes: &Notes) -> Router {
    let notes = Arc::clone(notes);
    router
        .layer(from_fn(move |request: Request, next: Next| note(Arc::clone(&notes), request, next)))
}

async fn note(notes: Notes, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let path = path.map_or("elsewhere", |path| path.as_str());
    let operation = format!("{} {path}", request.method());
    let (head, body) = next.run(request).await.into_parts();
    let kind = head.headers.get("content-type").and_then(|kind| kind.to_str().ok());
    let is_endless = kind.is_some_and(|kind| kind.starts_with("text/event-stream"));
    let (body, copy) = if is_endless {
        (body, String::new())
    } else {
        let bytes = to_bytes(body, 1 << 22).await.expect("a body");
        let copy = String::from_utf8_lossy(&bytes).into_owned();
        (Body::from(bytes), copy)
    };
    let seen = Seen { operation, status: head.status, body: copy };
    notes.lock().expect("no panic before").push(seen);
    Response::from_parts(head, body)
}

fn by() -> Actor {
    Actor { tenant: None, name: "tests".to_owned() }
}

/// What `schemathesis.toml` names.
async fn furnish(rig: &Rig) {
    for user in ["ada", "bea", "cyd", "dot"] {
        rig.bring(user).await;
    }
    for nth in 0..8 {
        rig.bring(&format!("gone-{nth}")).await;
    }
    let hook = Webhook {
        tenant: name("shop"),
        name: name("all"),
        url: "https://hooks.example/x".to_owned(),
        kinds: Vec::new(),
        secret: Secret::new(HOOK),
        created_at: UnixTime::default(),
        changed_at: UnixTime::default(),
    };
    rig.broker.tables().put_webhook(&hook).await.expect("put");
    for import in ["first", "second"] {
        let begun = rig.broker.import(&name("shop"), &name(import), &by()).await;
        begun.expect("begun").finish().await.expect("done");
    }
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../peers/schemathesis");
    for file in ["schemathesis.toml", "hooks.py"] {
        std::fs::copy(peers.join(file), rig.folder.path().join(file)).expect("copied");
    }
    let keys = format!("\"{}\"\n", rig.key);
    std::fs::write(rig.folder.path().join("keys.txt"), keys).expect("written");
}

async fn run(rig: &Rig, url: &str) -> Output {
    let folder = std::env::var_os("UNLAPSE_PEER_SCHEMATHESIS").map(PathBuf::from);
    let folder = folder.expect("UNLAPSE_PEER_SCHEMATHESIS is set: see peers/README.md");
    let run = Command::new(folder.join(".venv/bin/st"))
        .current_dir(rig.folder.path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .args(["run", &format!("{url}/openapi.json"), "--checks", CHECKS, "--seed", "1"])
        .args(["--header", &format!("Authorization:Bearer {}", rig.operator)])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", "12"])
        .args(["--max-time", "150", "--request-timeout", "10"])
        // An operator without a tenant is refused before anything is looked at, and whoever guesses at
        // credentials is told to wait.
        .args(["--header", "Unlapse-Tenant:shop", "--generation-with-security-parameters", "false"])
        .args(["--generation-database", "none", "--no-color"])
        .args(["--output-sanitize", "false", "--report-vcr-path", "told.yaml"])
        .kill_on_drop(true)
        .output();
    run.await.expect("it starts")
}

/// Secrets, and as what each may be given away; empty: never.
type Secrets = BTreeMap<String, &'static str>;

/// Every token there is. What the tool has brought is its own, and may stand anywhere.
async fn tokens(rig: &Rig) -> Secrets {
    let what = Export { with_secrets: true };
    let page = rig.broker.export(&name("shop"), what, None, 1000, &by()).await.expect("exported");
    let mut tokens = Secrets::new();
    for line in page.lines.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        for (member, prefix, given_as) in
            [("access_token", "at-", "access_token"), ("refresh_token", "rt-", "")]
        {
            let token = line[member].as_str().filter(|token| token.starts_with(prefix));
            tokens.extend(token.map(|token| (token.to_owned(), given_as)));
        }
    }
    tokens
}

/// What this reply gives away on purpose.
fn given(seen: &Seen) -> Option<(String, &'static str)> {
    let (_, member) = GIVES.iter().find(|(operation, _)| *operation == seen.operation)?;
    let reply: Value = serde_json::from_str(&seen.body).ok()?;
    Some((reply[*member].as_str()?.to_owned(), *member)).filter(|(secret, _)| secret.len() > 20)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i5_an_outside_tool_finds_no_server_error_and_no_secret() {
    if !unlapse_parts::is_full() {
        return;
    }
    let rig = Rig::new().await;
    furnish(&rig).await;
    let mut known = tokens(&rig).await;
    assert_eq!(known.len(), 24, "of each connection two");
    let notes = Notes::default();
    let url = serve(watched(rig.router.clone(), &notes)).await;
    let run = run(&rig, &url).await;
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    let told = std::fs::read_to_string(rig.folder.path().join("told.yaml"));
    let told = told.expect("it tells what it was answered");
    let seen = core::mem::take(&mut *notes.lock().expect("no panic before"));

    // It got somewhere: everything that it can do was done right at least once.
    let done: BTreeSet<&str> = seen
        .iter()
        .filter(|seen| seen.status.is_success())
        .map(|seen| seen.operation.as_str())
        .collect();
    let document = rig.ask("GET", "/openapi.json", None).await.json();
    let paths = document["paths"].as_object().expect("paths").iter();
    let operations = paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().expect("methods").keys();
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    let missed: Vec<_> = operations
        .filter(|operation| !done.contains(operation.as_str()))
        .filter(|operation| !OUT_OF_REACH.contains(&operation.as_str()))
        .collect();
    assert!(missed.is_empty(), "never a success: {missed:?}\n{said}");

    // Each secret stands where it is asked for, and nowhere else.
    let is_done = |seen: &&Seen| seen.status.is_success();
    known.extend(seen.iter().filter(is_done).filter_map(given));
    known.extend(tokens(&rig).await);
    for secret in ["canary-app-secret", HOOK, &rig.key, &rig.operator] {
        known.insert(secret.to_owned(), "");
    }
    for seen in &seen {
        for (secret, given_as) in &known {
            let may = is_done(&seen) && GIVES.contains(&(&*seen.operation, given_as));
            assert!(may || !seen.body.contains(secret), "{} tells a secret", seen.operation);
        }
    }
    // What never leaves is nowhere either where an answer has no end.
    for (secret, _) in known.iter().filter(|(secret, _)| secret.starts_with("rt-")) {
        assert!(!told.contains(secret.as_str()), "a secret was told");
    }
    assert!(!told.contains("canary-app-secret"), "a secret was told");
    assert!(run.status.success(), "{said}");
}
