//! The real wire: reqwest against raw sockets that misbehave. What matters is telling a request that
//! never left from one whose answer is lost (R7, R8).
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests may")]
#![allow(missing_docs, reason = "the names of the tests say what they prove")]

mod nonces;
mod resolver;

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use unlapse::reqwest::{HttpSettings, ReqwestHttp};
use unlapse::tokio::TokioClock;
use unlapse::{
    AuthMethod, Clock as _, Endpoints, Exchange as _, LoginRung, Request, Revoked, Secret, Server,
    ServerExchange,
};
use unlapse_core::{Answer, Body, Cause, Credentials, ErrorCode, Grant, Rejection, Token};
use unlapse_oauth::discovery::Issuer;
use unlapse_oauth::grant::LoginEndpoint;

/// Serves connections, one after the other, each with the next script: what is answered to a
/// request, or nothing at all.
async fn serve(scripts: Vec<Option<String>>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let mut requests = Vec::new();
        for script in scripts {
            let (mut stream, _) = listener.accept().await.unwrap();
            requests.push(read(&mut stream).await);
            if let Some(answer) = script {
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
        requests
    });
    (origin, served)
}

/// One request: its head and as much of a body as it says.
async fn read(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).await.unwrap();
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok())
            .unwrap_or(0);
        if body.len() >= length || count == 0 {
            return text;
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "a script, of which `None` is another")]
fn reply(status: &str, headers: &str, body: &str) -> Option<String> {
    let length = body.len();
    Some(format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    ))
}

fn server(origin: &str) -> Server {
    let endpoints = Endpoints {
        token: Some(format!("{origin}/token").parse().unwrap()),
        revocation: Some(format!("{origin}/revoke").parse().unwrap()),
        issuer: None,
    };
    Server::public("cid", endpoints)
}

fn exchange(server: Server) -> ServerExchange {
    let settings =
        HttpSettings { read_timeout: Duration::from_millis(300), ..HttpSettings::default() };
    ServerExchange::new(server, Arc::new(ReqwestHttp::new(settings)), Arc::new(TokioClock::new()))
}

async fn refresh(server: Server) -> Answer {
    let refresh_token = Secret::new("rt-1");
    let request =
        Request::Refresh { refresh_token: &refresh_token, credentials: None, sender_key: None };
    exchange(server).send(request).await
}

fn body(answer: &Answer) -> &Body {
    match answer {
        Answer::Replied(reply) => &reply.body,
        other => panic!("no reply: {other:?}"),
    }
}

#[tokio::test]
async fn a_grant_there_and_back() {
    let json = r#"{"access_token":"at-2","refresh_token":"rt-2","expires_in":"60"}"#;
    let (origin, served) = serve(vec![reply("200 OK", "content-type: text/plain\r\n", json)]).await;
    let answer = refresh(server(&origin)).await;
    let Body::Grant(grant) = body(&answer) else { panic!("{answer:?}") };
    assert_eq!(grant.refresh_token, Some(Secret::new("rt-2")));
    let request = &served.await.unwrap()[0];
    assert!(request.starts_with("POST /token HTTP/1.1"), "{request}");
    assert!(request.ends_with("grant_type=refresh_token&refresh_token=rt-1&client_id=cid"));
}

#[tokio::test]
async fn c12_any_number_of_requests_at_once_can_be_asked_for() {
    for at_once in [0, usize::MAX] {
        let json = r#"{"access_token":"at-2"}"#;
        let (origin, _served) = serve(vec![reply("200 OK", "", json)]).await;
        let http = ReqwestHttp::new(HttpSettings { at_once, ..HttpSettings::default() });
        let clock = Arc::new(TokioClock::new());
        let exchange = ServerExchange::new(server(&origin), Arc::new(http), clock);
        let refresh_token = Secret::new("rt-1");
        let request =
            Request::Refresh { refresh_token: &refresh_token, credentials: None, sender_key: None };
        let answer = exchange.send(request).await;
        assert!(matches!(body(&answer), Body::Grant(_)), "{at_once}");
    }
}

#[tokio::test]
async fn r8_what_never_left_is_unsent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(refresh(server(&origin)).await, Answer::Unsent(Cause::Connect));
    // Nothing to send it with, and nothing asked.
    let mut confidential = server(&origin);
    confidential.auth = AuthMethod::Basic;
    assert_eq!(refresh(confidential).await, Answer::Unsent(Cause::Request));
}

#[tokio::test]
async fn r7_a_connection_that_breaks_after_the_request_is_lost() {
    for half in [None, Some("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"acc".to_owned())] {
        let (origin, _served) = serve(vec![half]).await;
        assert_eq!(refresh(server(&origin)).await, Answer::Lost(Cause::Broken));
    }
}

#[tokio::test]
async fn r7_an_answer_that_does_not_come_is_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let answer = refresh(server(&origin)).await;
    assert_eq!(answer, Answer::Lost(Cause::Timeout));
    drop(listener);
}

#[tokio::test]
async fn r8_a_reply_beyond_a_mebibyte_is_not_read_on() {
    let (origin, served) = serve(vec![reply("200 OK", "", &"x".repeat(2 << 20))]).await;
    assert_eq!(*body(&refresh(server(&origin)).await), Body::TooLarge);
    served.abort();
}

#[tokio::test]
async fn r18_no_redirect_is_followed_with_a_secret() {
    let (elsewhere, followed) = serve(vec![reply("200 OK", "", "{}")]).await;
    let location = format!("location: {elsewhere}/token\r\n");
    let (origin, _served) = serve(vec![reply("307 Temporary Redirect", &location, "")]).await;
    let answer = refresh(server(&origin)).await;
    assert!(matches!(&answer, Answer::Replied(reply) if reply.status == 307), "{answer:?}");
    assert!(!followed.is_finished());
    followed.abort();
}

#[tokio::test]
async fn endpoints_are_found_in_the_issuers_metadata_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let metadata = format!(
        r#"{{"issuer":"{origin}","token_endpoint":"{origin}/t","revocation_endpoint":"{origin}/r"}}"#
    );
    let no = r#"{"error":"invalid_grant"}"#;
    let answers = [
        reply("404 Not Found", "", ""),
        reply("200 OK", "", &metadata),
        reply("400 Bad Request", "", no),
        reply("200 OK", "", ""),
    ];
    let served = tokio::spawn(async move {
        let mut lines = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = read(&mut stream).await;
            lines.push(request.lines().next().unwrap_or_default().to_owned());
            stream.write_all(answer.unwrap().as_bytes()).await.unwrap();
        }
        lines
    });
    let mut discovered = server(&origin);
    discovered.endpoints =
        Endpoints { issuer: Some(Issuer::parse(&origin).unwrap()), ..Endpoints::default() };
    let exchange = exchange(discovered);
    let token = Secret::new("rt-1");
    let answer = exchange
        .send(Request::Refresh { refresh_token: &token, credentials: None, sender_key: None })
        .await;
    assert_eq!(*body(&answer), Body::Error(ErrorCode::Rejection(Rejection::InvalidGrant)));
    let grant = Grant { refresh_token: Some(token), ..Grant::bearer(Secret::new("at-1")) };
    let token = Token::from_grant(grant, TokioClock::new().now(), None);
    assert_eq!(exchange.revoke(&token, None).await, Revoked::Done);
    let lines = served.await.unwrap();
    assert_eq!(
        lines,
        [
            "GET /.well-known/oauth-authorization-server HTTP/1.1",
            "GET /.well-known/openid-configuration HTTP/1.1",
            "POST /t HTTP/1.1",
            "POST /r HTTP/1.1",
        ]
    );
}

#[tokio::test]
async fn c9_a_login_endpoint_is_spoken_to_in_json() {
    let (origin, served) =
        serve(vec![reply("200 OK", "", r#"{"token":"at-1"}"#), reply("401 No", "", "{}")]).await;
    let mut with_login = server(&origin);
    let login = LoginEndpoint::new(format!("{origin}/api/auth/login").parse().unwrap());
    with_login.login = LoginRung::Endpoint(Box::new(login));
    let exchange = exchange(with_login);
    let credentials = Credentials {
        username: Some("u".to_owned()),
        password: Some(Secret::new("p\"q")),
        client_secret: None,
    };
    assert!(exchange.rungs(Some(&credentials)).login);
    assert!(!exchange.rungs(None).login);
    let request = Request::Login { credentials: Some(&credentials), anew: false, sender_key: None };
    let answer = exchange.send(request).await;
    assert!(matches!(body(&answer), Body::Grant(_)), "{answer:?}");
    let refused = exchange.send(request).await;
    let verdict = unlapse_core::classify(refused, exchange.door(&request));
    assert_eq!(verdict, unlapse_core::Verdict::Rejected(Rejection::InvalidGrant));
    let requests = served.await.unwrap();
    assert!(requests[0].ends_with(r#"{"username":"u","password":"p\"q"}"#), "{}", requests[0]);
}
