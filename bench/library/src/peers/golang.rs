//! golang.org/x/oauth2, in a process of its own. Go and the library are Debian's `golang-go` and
//! `golang-golang-x-oauth2-dev`.

use std::process::Command;

use crate::hot::Row;

const NAME: &str = "golang.org/x/oauth2 0.3.0 `ReuseTokenSource`";

/// What its program measured; or why it could not.
pub(crate) fn row() -> Result<Row, String> {
    let missing = |why: String| format!("Missing: {NAME}, since {why}.");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/golang");
    let mut go = Command::new("go");
    go.args(["run", "main.go"]).current_dir(folder);
    // Where Debian puts the sources of libraries.
    go.env("GO111MODULE", "off").env("GOPATH", "/usr/share/gocode");
    let ran = go.output();
    let ran = ran.map_err(|error| missing(format!("`go` does not start: {error}")))?;
    if !ran.status.success() {
        return Err(missing(format!(
            "its program does not run, which takes `golang-golang-x-oauth2-dev`: {}",
            ran.status
        )));
    }
    let mut row = Row::new(NAME, "`TokenSource`, in a process of its own after the others");
    for line in String::from_utf8_lossy(&ran.stdout).lines() {
        let figures: Result<Vec<f64>, _> = line.split(' ').map(str::parse).collect();
        let Ok([token, header, two_threads]) = figures.as_deref() else {
            return Err(missing(format!("its program printed `{line}`")));
        };
        row.token.push(*token);
        row.header.push(*header);
        row.two_threads.push(*two_threads);
    }
    Ok(row)
}
