//! What is done beside requests: the audit log, what other nodes revoked, and what has ended.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use unlapse_core::Secret;
use unlapse_issuer::verify::Refusal;
use unlapse_issuer::{
    Algorithm, AuditFile, Caller, Client, Issued, Issuer, MemoryStore, RevokedBecause, SigningKey,
    Store,
};

use super::server::{FORM, JSON, Server, peppers, refresh_form, scopes};
use super::shuttable::Shuttable;

/// A node of a fleet, and its housekeeping.
struct Node {
    issuer: Issuer,
    stop: oneshot::Sender<()>,
    housekeeping: JoinHandle<()>,
}

impl Node {
    fn start(issuer: Issuer) -> Self {
        let (stop, stopped) = oneshot::channel();
        let housekeeping = tokio::spawn(issuer.housekeeping(async { drop(stopped.await) }));
        Self { issuer, stop, housekeeping }
    }

    async fn end(self) {
        drop(self.stop);
        self.housekeeping.await.expect("it ends");
    }
}

/// Nodes that share a store, a signing key and a pepper.
fn fleet<const NODES: usize>(store: &Arc<dyn Store>) -> [Issuer; NODES] {
    let key = SigningKey::generate(Algorithm::EdDsa).and_then(|key| key.to_pkcs8());
    let key = key.expect("a key");
    [(); NODES].map(|()| {
        let key = SigningKey::from_pkcs8(Algorithm::EdDsa, &key).expect("a key");
        let builder = Issuer::builder("https://id.example").signing_key(key).peppers(peppers());
        builder.store(Arc::clone(store)).build().expect("valid")
    })
}

async fn open(issuer: &Issuer) -> Issued {
    issuer.open_session("ada", "app", scopes("read")).await.expect("opened")
}

async fn revoke(issuer: &Issuer, login: &Issued) {
    let session = login.session.expect("a session");
    let ended = issuer.revoke_session(session, RevokedBecause::Operator).await;
    assert_eq!(ended, Ok(true));
}

/// Waits until `issuer` refuses `token`, which must be within a second.
async fn is_refused_within_a_second(issuer: &Issuer, token: &Secret) {
    let began = Instant::now();
    while issuer.verify(token.expose()) != Err(Refusal::Revoked) {
        assert!(began.elapsed() < Duration::from_secs(1), "it is still good");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j1_what_one_node_revokes_another_refuses_within_a_second() {
    let tells: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let has_to_be_asked: Arc<dyn Store> = Arc::new(Shuttable::default());
    for store in [tells, has_to_be_asked] {
        let [a, b] = fleet(&store).map(Node::start);
        let login = open(&a.issuer).await;
        let job = Caller::new(Client::confidential("job", &Secret::new("s3cret")));
        let granted = a.issuer.grant_to_client(&job, None).expect("granted").access_token;
        for token in [&login.access_token, &granted] {
            b.issuer.verify(token.expose()).expect("good");
        }
        revoke(&a.issuer, &login).await;
        is_refused_within_a_second(&b.issuer, &login.access_token).await;
        // One that belongs to no session, too.
        a.issuer.revoke_token(granted.expose(), &job).await.expect("revoked");
        is_refused_within_a_second(&b.issuer, &granted).await;
        for node in [a, b] {
            node.end().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j1_a_node_hears_what_was_revoked_before_it_started_and_while_the_store_was_away() {
    let store = Arc::new(Shuttable::default());
    let [a, b] = fleet(&(Arc::clone(&store) as Arc<dyn Store>));
    let [early, late, kept] = [open(&a).await, open(&a).await, open(&a).await];
    revoke(&a, &early).await;
    b.verify(early.access_token.expose()).expect("nobody has told it");
    let b = Node::start(b);
    is_refused_within_a_second(&b.issuer, &early.access_token).await;
    store.shut.store(true, SeqCst);
    tokio::time::sleep(Duration::from_millis(600)).await;
    is_refused_within_a_second(&b.issuer, &early.access_token).await;
    b.issuer.verify(kept.access_token.expose()).expect("what is good stays good");
    store.shut.store(false, SeqCst);
    revoke(&a, &late).await;
    is_refused_within_a_second(&b.issuer, &late.access_token).await;
    b.issuer.verify(kept.access_token.expose()).expect("and no other is refused");
    b.end().await;
}

#[tokio::test]
async fn j1_a_token_without_a_session_is_not_revoked_while_the_store_is_away() {
    let server = Server::start().await;
    let job = "client_id=job&client_secret=s3cret";
    let grant = format!("grant_type=client_credentials&{job}");
    let token = server.post("/token", FORM, &grant).await.text("access_token");
    server.store.shut.store(true, SeqCst);
    let revoke = format!("{job}&token={token}");
    assert_eq!(server.post("/revoke", FORM, &revoke).await.status, 503);
    server.issuer.verify(&token).expect("still good, as the client was told");
    server.store.shut.store(false, SeqCst);
    assert_eq!(server.post("/revoke", FORM, &revoke).await.status, 200);
    assert_eq!(server.issuer.verify(&token), Err(Refusal::Revoked));
}

#[tokio::test]
async fn j2_the_audit_log_is_kept_beside_requests_and_holds_no_secret() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("audit.jsonl");
    let file = Arc::new(AuditFile::open(&path).expect("created"));
    let server = Server::start_with(|builder| builder.audit_log(file)).await;
    let node = Node::start(server.issuer.clone());
    let token = server.login().await;
    let next = server.refresh(&token).await;
    let login = json!({"username": "canary-name", "password": "canary-word"}).to_string();
    server.post("/api/auth/login", JSON, &login).await;
    let secret = "grant_type=client_credentials&client_id=job&client_secret=canary-secret";
    server.post("/token", FORM, secret).await;
    let other = refresh_form(&token).replace("=app", "=other");
    server.post("/token", FORM, &other).await;
    let garbage = refresh_form("canary-token");
    server.post("/token", FORM, &garbage).await;
    let access = next.text("access_token");
    server.post("/revoke", FORM, &format!("client_id=app&token={access}")).await;
    node.end().await;

    let entries = server.store.kept.audit_entries();
    let events: Vec<_> = entries.iter().map(|entry| (entry.event, entry.code)).collect();
    assert_eq!(
        events,
        [
            ("session_opened", None),
            ("rotated", None),
            ("refused", Some("login_failed")),
            ("refused", Some("client_authentication_failed")),
            ("refused", Some("client_mismatch")),
            ("refused", Some("refresh_token_malformed")),
            ("revoked", Some("client")),
        ]
    );
    let read = tokio::fs::read_to_string(&path).await.expect("readable");
    let lines: Vec<_> = entries.iter().map(|entry| json!(entry).to_string()).collect();
    let parsed: Vec<_> = read.lines().map(serde_json::from_str::<serde_json::Value>).collect();
    let parsed: Vec<_> = parsed.into_iter().map(|line| line.expect("JSON").to_string()).collect();
    assert_eq!(parsed, lines, "both say the same");
    let shown = format!("{entries:?}{read}");
    let successor = next.refresh_token();
    for secret in ["canary", &token[8..40], &successor[8..40], &access[access.len() - 20..]] {
        assert!(!shown.contains(secret), "{secret}");
    }
    assert_eq!(server.issuer.counts().audit_lost, 0);
}

#[tokio::test(start_paused = true)]
async fn j1_what_has_ended_long_ago_is_swept_every_minute() {
    use unlapse_issuer::{TicketId, Tickets as _};
    let store = Arc::new(Shuttable::default());
    let [issuer] = fleet(&(Arc::clone(&store) as Arc<dyn Store>));
    let node = Node::start(issuer);
    let ended = unlapse_core::UnixTime::from_secs(1_000);
    let id = TicketId::of("test", "ticket");
    store.kept.insert(id, b"", ended, ended.minus(Duration::from_secs(1))).await.expect("kept");
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert_eq!(store.kept.sweep(ended).await, Ok(1), "nobody has swept it yet");
    store.kept.insert(id, b"", ended, ended.minus(Duration::from_secs(1))).await.expect("kept");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(store.kept.sweep(ended).await, Ok(0), "it is gone");
    node.end().await;
}
