//! No secret of a request in anything that leaves the process but the request (R18).

use std::path::Path;

use crate::search::search;
use crate::server::{Fault, Reserved};
use crate::side::Side;

const BODY: &str = "canary-body-8d1e-of-a-request";
const FIELD: &str = "canary-field-55c3-of-a-request";
const QUERY: &str = "canary-query-e02b-of-a-request";
const TOKEN: &str = "Bearer at-";

fn each_file(dir: &Path, look: &mut impl FnMut(&Path, &[u8])) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            each_file(&path, look);
        } else if let Ok(bytes) = std::fs::read(&path) {
            look(&path, &bytes);
        }
    }
}

#[test]
fn r18_no_secret_of_a_request_is_in_a_log_an_error_or_a_file_in_clear() {
    let mut side = Side::open();
    for (name, value) in [("UNLAPSE_LOG", "trace"), ("RUST_BACKTRACE", "1")] {
        side.project.env.push((name.to_owned(), value.to_owned()));
    }
    let work = side.project.root().join("work");
    // Outside the project, for what is searched below.
    let outside = tempfile::tempdir().unwrap();
    let headers = outside.path().join("headers");
    std::fs::write(&headers, format!("X-Key: {FIELD}\n")).unwrap();
    let headers = format!("@{}", headers.display());
    let away = Reserved::new();
    let all = [BODY, FIELD, QUERY, TOKEN];
    let mut logged = 0;
    let mut curl = |origin: &str, more: &[&str]| {
        let url = format!("{origin}/orders?k={QUERY}");
        let line = [&["curl", "acme", &url, "-H", &headers, "-d", "-"], more].concat();
        let run = side.project.run_with(&line, BODY);
        logged += run.stderr.matches("TRACE").count();
        search(&format!("stderr of {more:?}"), run.stderr.as_bytes(), &all);
        search(&format!("stdout of {more:?}"), run.stdout.as_bytes(), &all);
    };
    curl(&away.origin, &[]);
    curl(&away.origin, &["--queue"]);
    curl(&away.origin, &["--queue", "--json"]);
    for fault in [
        Fault::Answer(503, "x-echo: none\r\n"),
        Fault::Answer(422, ""),
        Fault::Answer(401, ""),
        Fault::LoseReply,
        Fault::Drop,
    ] {
        side.api.always(Some(fault));
        for more in [&[][..], &["--fail"], &["--queue"], &["--queue", "--json"]] {
            curl(&side.api.origin, more);
        }
    }
    assert!(logged > 50, "the log is at its loudest");
    let plain = ["-H", "canary-field-55c3-of-a-request"];
    let wrong = side.project.run(&[&["curl", "acme", "https://api.example/"], &plain[..]].concat());
    search("stderr of a mistake", wrong.failed(2, "usage").stderr.as_bytes(), &all);

    // Whoever asks is shown the URL, and no more.
    let list = side.project.run(&["queue", "list"]).ok();
    search("stdout of queue list", list.stdout.as_bytes(), &[BODY, FIELD, TOKEN]);
    search("stderr of queue list", list.stderr.as_bytes(), &all);
    assert!(list.stdout.contains(QUERY), "{list}");
    let flush = side.flush(&["--failed"]);
    search("stderr of queue flush", flush.stderr.as_bytes(), &all);

    let mut seen = 0;
    each_file(side.project.root(), &mut |path, bytes| {
        seen += usize::from(path.to_string_lossy().ends_with(".request"));
        search("a file's name", path.to_string_lossy().as_bytes(), &all);
        search(&path.display().to_string(), bytes, &all);
    });
    assert!(seen > 3, "there were requests to search: {seen} in {}", work.display());
}
