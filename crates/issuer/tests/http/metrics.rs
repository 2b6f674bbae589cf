//! What has happened, as Prometheus reads it.

use super::server::{FORM, Server};

fn value(text: &str, line: &str) -> u64 {
    let found = text.lines().find_map(|one| one.strip_prefix(line)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("{line}: {text}")).parse().expect("a number")
}

#[tokio::test]
async fn metrics_are_there_when_configured_and_only_then() {
    assert_eq!(Server::start().await.get("/metrics").await.status, 404);
    let server = Server::start_with(unlapse_issuer::IssuerBuilder::metrics).await;
    let token = server.login().await;
    server.refresh(&token).await.refresh_token();
    server.refresh(&token).await.refresh_token();
    server.refresh("garbage").await;
    for path in ["/nowhere", "/else\"where{}", "/token/x"] {
        server.get(path).await;
    }
    server.post("/revoke", FORM, "client_id=app&token=x").await;
    let reply = server.get("/metrics").await;
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let text = &reply.body;
    for (name, expected) in
        [("rotations", 1), ("replays", 1), ("rejections", 1), ("requests", 8), ("audit_lost", 0)]
    {
        assert_eq!(value(text, &format!("unlapse_issuer_{name}_total")), expected, "{name}");
    }
    let told = |code| value(text, &format!("unlapse_issuer_refusals_total{{code=\"{code}\"}}"));
    assert_eq!((told("refresh_token_malformed"), told("rate_limited")), (1, 0));
    let took = |endpoint| {
        let name = "unlapse_issuer_request_duration_seconds_count";
        value(text, &format!("{name}{{endpoint=\"{endpoint}\"}}"))
    };
    assert_eq!((took("/token"), took("/revoke"), took("other")), (3, 1, 3));
    assert!(!text.contains("where") && !text.contains("garbage"), "nothing of strangers: {text}");
}
