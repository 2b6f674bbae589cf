//! An outside tool asks the API whatever its document allows, and what it does not: no server error, no
//! reply that the document does not know, and no secret (`peers/schemathesis`, full suite).

use std::path::PathBuf;

use tokio::process::Command;

use crate::rig::{Rig, serve};

/// What it looks for. That hostile data is always refused is for our own tests: its idea of a string of
/// 256 characters is not ours of 256 bytes.
const CHECKS: &str = "not_a_server_error,content_type_conformance,status_code_conformance,\
                      response_schema_conformance,response_headers_conformance";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i5_an_outside_tool_finds_no_server_error_and_no_secret() {
    if !unlapse_parts::is_full() {
        return;
    }
    let folder = std::env::var_os("UNLAPSE_PEER_SCHEMATHESIS").map(PathBuf::from);
    let folder = folder.expect("UNLAPSE_PEER_SCHEMATHESIS is set: see peers/README.md");
    let rig = Rig::new().await;
    let ada = rig.bring("ada").await;
    let bea = rig.bring("bea").await;
    let url = serve(rig.router.clone()).await;
    let told = rig.folder.path().join("told.yaml");
    let run = Command::new(folder.join(".venv/bin/st"))
        .current_dir(rig.folder.path())
        .args(["run", &format!("{url}/openapi.json"), "--checks", CHECKS, "--seed", "1"])
        .args(["--header", &format!("Authorization:Bearer {}", rig.operator)])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", "12"])
        .args(["--max-time", "45", "--request-timeout", "10"])
        // An operator without a tenant is refused before anything is looked at, and whoever guesses at
        // credentials is told to wait.
        .args(["--header", "Unlapse-Tenant:shop", "--generation-with-security-parameters", "false"])
        // A listener is never answered to the end, and it does not know a line of JSON for each thing.
        .args(["--exclude-path", "/v1/events", "--exclude-path", "/v1/imports"])
        .args(["--generation-database", "none", "--no-color"])
        .args(["--output-sanitize", "false", "--report-vcr-path"])
        .arg(&told)
        .kill_on_drop(true)
        .output();
    let run = run.await.expect("it starts");
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    let told = tokio::fs::read_to_string(&told).await.expect("it tells what it was answered");
    assert!(told.matches("\n  response:").count() > 100, "it hardly asked: {said}");
    let secrets =
        [&*ada.access_token, &*ada.refresh_token, &*bea.access_token, &*bea.refresh_token];
    for secret in secrets.into_iter().chain(["canary-app-secret"]) {
        assert!(!told.contains(secret), "a secret was told");
    }
    assert!(run.status.success(), "{said}");
}
