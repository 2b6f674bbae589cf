//! More than can be done at once is told to come back, and no crowd keeps others out.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use unlapse_broker::Places;
use unlapse_parts::Fault;

use crate::rig::{Rig, name, serve, until, verbs};

const ADA: &str = "/v1/connections/ada/acme/main";

/// A connection to `url` from there.
async fn connected(url: &str, from: Ipv4Addr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((from, 0).into()).expect("an address of the loopback");
    let at = url.strip_prefix("http://").expect("a URL").parse().expect("an address");
    socket.connect(at).await.expect("it listens")
}

/// Sends a request whose body never comes.
async fn begun(url: &str, from: Ipv4Addr, head: &str, content_type: &str) -> TcpStream {
    let mut stream = connected(url, from).await;
    let head = format!("{head} HTTP/1.1\r\nhost: a\r\ncontent-type: {content_type}\r\n");
    let head = format!("{head}content-length: 100\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream
}

/// The status of what is answered within so long.
async fn status(stream: &mut TcpStream, within: Duration) -> Option<u16> {
    let mut line = [0; 12];
    tokio::time::timeout(within, stream.read_exact(&mut line)).await.ok()?.ok()?;
    core::str::from_utf8(&line[9..]).ok()?.parse().ok()
}

const FORM: &str = "application/x-www-form-urlencoded";
const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const SOON: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_crowd_of_slow_strangers_takes_no_place_from_known_callers() {
    let rig = Rig::with(|options| options.places = Places::new(1, 256)).await;
    let login = rig.bring("ada").await;
    let url = serve(rig.router.clone()).await;
    let (mut crowd, mut refused) = (Vec::new(), None);
    // More than the places that strangers have from one address, each holding one.
    for _ in 0..8 {
        for _ in 0..16 {
            for head in ["POST /oauth/token", "POST /connect"] {
                crowd.push(begun(&url, HERE, head, FORM).await);
            }
        }
        let mut last = begun(&url, HERE, "POST /oauth/token", FORM).await;
        refused = status(&mut last, SOON).await;
        crowd.push(last);
        if refused.is_some() {
            break;
        }
    }
    assert_eq!(refused, Some(429), "their own share is full");
    // A key is heard, although there is one place for all who are known.
    let token = rig.ask("POST", &format!("{ADA}/token"), None).await;
    assert_eq!(token.status, 200, "{}", token.text());
    assert_eq!(token.json()["access_token"], *login.access_token);
    // So are strangers from elsewhere, and with what standard clients send.
    let mut other = connected(&url, ELSEWHERE).await;
    let body = format!(
        "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token={}\
         &subject_token_type=urn:ietf:params:oauth:token-type:access_token&audience=ada/acme/main",
        rig.key
    );
    let head = format!("POST /oauth/token HTTP/1.1\r\nhost: a\r\ncontent-type: {FORM}\r\n");
    let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    other.write_all(request.as_bytes()).await.expect("sent");
    assert_eq!(status(&mut other, LONG).await, Some(200));
    // Those who only hold places are given up soon.
    assert_eq!(status(&mut crowd[0], LONG).await, Some(408));
    until("there is room for strangers again", async || {
        let mut one = begun(&url, HERE, "POST /oauth/token", FORM).await;
        status(&mut one, SOON).await.is_none()
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_still_to_come_has_no_place_and_is_given_up() {
    let rig = Rig::with(|options| options.places = Places::new(2, 256)).await;
    let url = serve(rig.router.clone()).await;
    let head = format!("PUT {ADA} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n", rig.key);
    let head = format!("{head}content-type: application/json\r\ncontent-length: 9\r\n\r\n");
    // From now on the key is known at once, and the first that comes is the first that is let in.
    assert_eq!(rig.ask("GET", "/v1/connections", None).await.status, 200);
    let mut slow = connected(&url, HERE).await;
    slow.write_all(head.as_bytes()).await.expect("sent");
    tokio::time::sleep(SOON).await;
    // A second one is more than the share of a tenant in two places.
    until("the first is known", async || {
        let mut second = connected(&url, HERE).await;
        second.write_all(head.as_bytes()).await.expect("sent");
        status(&mut second, SOON).await == Some(429)
    })
    .await;
    assert_eq!(rig.ask("GET", "/v1/connections", None).await.status, 200);
    assert_eq!(status(&mut slow, Duration::from_secs(20)).await, Some(408));
}

/// A provider that says nothing; what was asked of it goes on meanwhile.
async fn hanging(rig: &Rig) {
    rig.bring("ada").await;
    rig.provider.fail_caller("node", Some(Fault::Hang(Duration::from_secs(20))));
}

#[tokio::test]
async fn a_tenant_that_waits_for_its_provider_starves_neither_others_nor_itself() {
    let rig = Rig::with(|options| options.places = Places::new(2, 4)).await;
    hanging(&rig).await;
    let url = serve(rig.router.clone()).await;
    let client = reqwest::Client::new();
    let refresh = || {
        let request = client.post(format!("{url}{ADA}/refresh")).bearer_auth(&rig.key);
        // On the way in, two at a time have a place: whoever finds none comes back.
        tokio::spawn(async move {
            loop {
                let again = request.try_clone().expect("no body");
                let answer = again.send().await;
                if !answer.is_ok_and(|answer| answer.status() == 429) {
                    return;
                }
            }
        })
    };
    let waiting = [refresh(), refresh(), refresh()];
    // Of a connection that is not there: it is answered at once, if it is let in.
    let nobody = "/v1/connections/nobody/acme/main/refresh";
    until("its share is taken", async || rig.ask("POST", nobody, None).await.status == 429).await;
    let refused = rig.ask("POST", nobody, None).await;
    refused.is_problem(429, "OVERLOADED");
    assert_eq!(refused.header("retry-after"), "1");
    let force = rig.ask("POST", &format!("{ADA}/token"), Some(json!({"force": true}))).await;
    force.is_problem(429, "OVERLOADED");
    // What needs no provider is answered all the while.
    for _ in 0..10 {
        assert_eq!(rig.ask("GET", ADA, None).await.status, 200);
        assert_eq!(rig.ask("POST", &format!("{ADA}/token"), None).await.status, 200);
    }
    // The last place is for others.
    let tables = rig.broker.tables();
    let other = tables.make_api_key(Some(name("other")), "x", verbs("write"), None);
    let other = other.await.expect("a key").1.expose().to_owned();
    let absent = rig.ask_as(&other, "POST", nobody, None).await;
    absent.is_problem(404, "ACCOUNT_NOT_FOUND");
    for one in waiting {
        one.abort();
    }
    until("whoever has gone away has no place", async || {
        rig.ask("POST", nobody, None).await.status == 404
    })
    .await;
}

#[tokio::test]
async fn a_token_that_its_provider_keeps_waiting_for_makes_room_for_others() {
    let rig = Rig::with(|options| options.places = Places::new(1, 256)).await;
    let login = rig.provider.log_in();
    // It has no access token: one has to be had.
    let body = json!({"refresh_token": login.refresh_token.as_str()});
    assert_eq!(rig.ask("PUT", ADA, Some(body)).await.status, 200);
    rig.provider.fail_caller("node", Some(Fault::Hang(Duration::from_secs(20))));
    let url = serve(rig.router.clone()).await;
    let request = reqwest::Client::new().post(format!("{url}{ADA}/token")).bearer_auth(&rig.key);
    let waiting = tokio::spawn(request.send());
    until("it is asked for", async || rig.provider.tally().requests == 1).await;
    until("it takes long, and has gone aside", async || {
        rig.ask("GET", ADA, None).await.status == 200
    })
    .await;
    assert!(!waiting.is_finished(), "it still waits");
    waiting.abort();
}

#[tokio::test]
async fn those_who_watch_are_let_in_however_much_there_is_to_do() {
    let rig = Rig::with(|options| {
        options.places = Places::new(0, 0);
        options.metrics = Some(crate::rig::text("a 1\n"));
    })
    .await;
    let refused = rig.ask("GET", "/v1/connections", None).await;
    refused.is_problem(503, "OVERLOADED");
    assert_eq!(refused.header("retry-after"), "1");
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(rig.ask_as(&rig.operator, "GET", path, None).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn one_tenant_listens_with_most_places_and_never_with_all() {
    let rig = Rig::with(|options| options.listeners = 8).await;
    let url = serve(rig.router.clone()).await;
    let tables = rig.broker.tables();
    let other = tables.make_api_key(Some(name("other")), "x", verbs("read"), None);
    let other = other.await.expect("a key").1.expose().to_owned();
    let client = reqwest::Client::new();
    let listen = async |key: &str| {
        let request = client.get(format!("{url}/v1/events")).bearer_auth(key);
        request.send().await.expect("an answer")
    };
    let mut listening = Vec::new();
    for _ in 0..7 {
        listening.push(listen(&rig.key).await);
    }
    assert!(listening.iter().all(|answer| answer.status() == 200));
    assert_eq!(listen(&rig.key).await.status(), 429);
    listening.push(listen(&other).await);
    assert_eq!(listening[7].status(), 200, "the last place is for others");
    assert_eq!(listen(&rig.operator).await.status(), 503, "and there are no more");
}
