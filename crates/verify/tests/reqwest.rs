//! Keys over real sockets.
#![cfg(feature = "reqwest")]

mod support;

use std::sync::Arc;

use serde_json::json;
use support::{AUDIENCE, Signer, changed, claims, set};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use unlapse_verify::{
    Algorithm, Fetch as _, FetchError, JwksCache, ReqwestFetch, TokioRuntime, Verifier,
};

/// Answers each request by what `reply` says to its path; gone with the test's runtime.
#[expect(clippy::disallowed_methods, reason = "the test's own server")]
async fn serve(reply: impl Fn(&str, &str) -> String + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let here = base.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap_or_default();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let path = request.split(' ').nth(1).unwrap_or_default();
            let _ = stream.write_all(reply(&here, path).as_bytes()).await;
        }
    });
    base
}

fn http(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

#[tokio::test]
async fn j3_one_line_finds_an_issuers_keys() {
    let signer = Signer::new(Algorithm::EdDsa);
    let keys = serde_json::to_string(&set(&[&signer])).expect("JSON");
    let issuer = serve(move |base, path| match path {
        "/.well-known/oauth-authorization-server" => {
            let metadata = json!({ "issuer": base, "jwks_uri": format!("{base}/jwks") });
            http("200 OK", &metadata.to_string())
        }
        "/jwks" => http("200 OK", &keys),
        _ => http("404 Not Found", ""),
    })
    .await;
    let cache =
        JwksCache::of_issuer(&issuer, Arc::new(ReqwestFetch::new()), Arc::new(TokioRuntime));
    let verifier = Verifier::builder(&issuer, AUDIENCE, cache.expect("an issuer")).build();
    let verifier = verifier.expect("a verifier");
    let now = (unlapse_verify::system_clock())().as_secs();
    let change = json!({ "iss": issuer, "iat": now, "exp": now + 60 });
    let token = signer.jwt(&signer.header().to_string(), &changed(claims(), &change).to_string());
    assert_eq!(verifier.verify(&token).await.expect("genuine").sub, "ada");
}

#[tokio::test]
async fn j6_a_reply_is_read_no_further_than_its_limit_and_not_followed() {
    let base = serve(|base, path| match path {
        "/large" => http("200 OK", &"x".repeat(10_000)),
        "/elsewhere" => {
            format!("HTTP/1.1 302 Found\r\nlocation: {base}/small\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        }
        _ => http("200 OK", "small"),
    })
    .await;
    let fetch = ReqwestFetch::new();
    let small = fetch.fetch(&format!("{base}/small"), 5).await.expect("a reply");
    assert_eq!((small.status.as_u16(), small.body.as_slice()), (200, &b"small"[..]));
    let large = fetch.fetch(&format!("{base}/large"), 9_999).await;
    assert_eq!(large.err(), Some(FetchError::TooLarge));
    let elsewhere = fetch.fetch(&format!("{base}/elsewhere"), 9_999).await.expect("a reply");
    assert_eq!(elsewhere.status.as_u16(), 302);
    for bad in ["http://id.example/jwks", "file:///etc/passwd", "jwks"] {
        assert_eq!(fetch.fetch(bad, 10).await.err(), Some(FetchError::Address), "{bad}");
    }
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = closed.local_addr().expect("an address");
    drop(closed);
    let refused = fetch.fetch(&format!("http://{address}/"), 10).await;
    assert_eq!(refused.err(), Some(FetchError::Unreachable));
}
