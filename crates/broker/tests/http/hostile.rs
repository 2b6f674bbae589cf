//! Whatever comes, the answer is a problem: never a panic, never a 500, and nothing is told back.

use axum::body::Body;
use axum::http::{Method, Request, header};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::rig::Rig;

const METHODS: [&str; 7] = ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD"];

fn percent(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "%{byte:02X}");
    }
    text
}

#[tokio::test]
async fn rfc9457_unknown_paths_and_methods_are_problems() {
    let rig = Rig::new().await;
    for path in
        ["/", "/v1", "/v1/connections/", "/v1/connections/a/b", "/v2/connections", "//", "/%ff"]
    {
        rig.ask("GET", path, None).await.is_problem(404, "NOT_FOUND");
    }
    for (method, path, allowed) in [
        ("POST", "/v1/connections", "GET,HEAD"),
        ("PATCH", "/v1/connections/a/b/c", "DELETE,GET,HEAD,PUT"),
        ("GET", "/oauth/token", "POST"),
        ("TRACE", "/healthz", "GET,HEAD"),
        ("QUERY", "/v1/apps", "GET,HEAD"),
    ] {
        let answer = rig.ask(method, path, None).await;
        answer.is_problem(405, "BAD_REQUEST");
        let mut allow: Vec<_> = answer.header("allow").split(',').collect();
        allow.sort_unstable();
        assert_eq!(allow.join(","), allowed, "{method} {path}");
    }
}

#[tokio::test]
async fn hostile_names_are_problems_or_names() {
    let rig = Rig::new().await;
    for (user, status) in [
        ("%00", 400),
        ("%0A", 400),
        ("%FF", 400),
        ("%C0%AF", 400),
        (&*"x".repeat(257), 400),
        (&*"%C3%A4".repeat(129), 400),
        ("..", 400),
        ("%2E%2E", 400),
        ("%2E", 400),
        ("...", 404),
        ("..%2Fa", 404),
        ("%2F", 404),
        ("a%2Fb", 404),
        ("%252F", 404),
        ("%F0%9F%98%80", 404),
        ("%E2%80%AE", 404),
        (&*"x".repeat(256), 404),
        ("'%20OR%201=1--", 404),
    ] {
        let answer = rig.ask("GET", &format!("/v1/connections/{user}/acme/main"), None).await;
        let code = if status == 400 { "BAD_REQUEST" } else { "ACCOUNT_NOT_FOUND" };
        answer.is_problem(status, code);
    }
    rig.ask("GET", "/v1/connections/a/A/b", None).await.is_problem(400, "BAD_REQUEST");
}

#[tokio::test]
async fn bodies_have_a_type_and_a_size() {
    let rig = Rig::new().await;
    let send = async |content_type: &str, body: Body| {
        let request = Request::put("/v1/connections/a/acme/b")
            .header(header::AUTHORIZATION, format!("Bearer {}", rig.key))
            .header(header::CONTENT_TYPE, content_type)
            .body(body);
        rig.send(request.expect("a request")).await
    };
    send("text/plain", Body::from("{}")).await.is_problem(415, "BAD_REQUEST");
    send("application/json", Body::from(vec![b'x'; 300_000])).await.is_problem(413, "TOO_LARGE");
    send("application/json", Body::from("{")).await.is_problem(400, "BAD_REQUEST");
    let secret = "{\"access_token\": \"canary-token\", \"canary-name\": 1}";
    let answer = send("application/json", Body::from(secret)).await;
    answer.is_problem(400, "BAD_REQUEST");
    assert!(!answer.text().contains("canary"), "{}", answer.text());
}

#[test]
fn no_request_is_answered_with_a_500() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let rig = runtime.block_on(Rig::new());
    let segment = prop_oneof![
        Just("v1".to_owned()),
        Just("connections".to_owned()),
        Just("token".to_owned()),
        Just("acme".to_owned()),
        proptest::collection::vec(any::<u8>(), 1..12).prop_map(|bytes| percent(&bytes)),
    ];
    let path = proptest::collection::vec(segment, 1..7);
    let routes = prop_oneof![
        Just("/v1/connections/a/acme/b"),
        Just("/v1/connections/a/acme/b/token"),
        Just("/v1/connections/a/acme/b/refresh"),
        Just("/v1/connect"),
        Just("/v1/apps/x"),
        Just("/v1/tenants/x"),
        Just("/v1/webhooks/x"),
        Just("/v1/api-keys"),
        Just("/oauth/token"),
        Just("/connect"),
    ];
    let place = prop_oneof![
        path.prop_map(|segments| format!("/{}", segments.join("/"))),
        routes.prop_map(str::to_owned)
    ];
    let body = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        "\\PC{0,80}".prop_map(String::into_bytes),
        Just(b"{\"user\":\"a\",\"provider\":\"acme\",\"account\":\"\\u0000\"}".to_vec()),
        Just(b"{\"access_token\":null,\"refresh_token\":\"\"}".to_vec()),
        Just(b"{\"metadata\":{\"a\":\"\\ud800\"}}".to_vec()),
        Just(b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[".to_vec()),
    ];
    let types = prop_oneof![
        Just("application/json"),
        Just("application/x-www-form-urlencoded"),
        Just("application/x-ndjson"),
        Just("\u{1}".trim()),
    ];
    let query = proptest::option::of(proptest::collection::vec(any::<u8>(), 0..30));
    let cases = (proptest::sample::select(&METHODS[..]), place, query, types, body);
    let mut runner =
        TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    let ran = runner.run(&cases, |(method, place, query, content_type, body)| {
        let query = query.map(|bytes| format!("?limit={}", percent(&bytes))).unwrap_or_default();
        let request = Request::builder()
            .method(method.parse::<Method>().expect("a method"))
            .uri(format!("{place}{query}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", rig.key))
            .header(header::CONTENT_TYPE, content_type)
            .body(Body::from(body));
        let Ok(request) = request else { return Ok(()) };
        let answer = runtime.block_on(rig.send(request));
        prop_assert!(answer.status.as_u16() < 500, "{} {}: {}", method, place, answer.text());
        if answer.status.is_client_error() && method != "HEAD" {
            let kind = answer.header("content-type").split(';').next().unwrap_or_default();
            let speaks = ["application/problem+json", "application/json", "text/html"];
            prop_assert!(speaks.contains(&kind), "{method} {place}: {kind}");
        }
        Ok(())
    });
    if let Err(error) = ran {
        panic!("{error}");
    }
}
