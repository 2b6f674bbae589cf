//! Signing keys over nodes that share a store, with clocks that are 30 s apart: no token ever fails
//! where it should be accepted, and none is accepted where it should not.
#![allow(clippy::disallowed_methods, reason = "tests spawn what a host runs, and wait for it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use unlapse_core::{Secret, UnixTime};
use unlapse_issuer::verify::Refusal;
use unlapse_issuer::{
    Algorithm, BadConfiguration, BadKeys, Caller, Client, Clock, Event, Issuer, IssuerBuilder,
    JwkSet, KeptKey, KeptKeys as _, KeyPolicy, MemoryClients, MemoryStore, NotOpened, Pepper,
    Peppers, Scopes, SigningKey, SigningKeys, Stage, Store,
};
use unlapse_verify::Jws;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
const BEGUN: u64 = 1_800_000_000_000;

fn pepper(kid: &str) -> Pepper {
    Pepper::new(kid, &[kid.as_bytes()[0]; 32]).expect("valid")
}

/// Peppers of these names, the newest first.
fn peppers(kids: &str) -> Peppers {
    let mut kids = kids.split(' ');
    let newest = Peppers::new(pepper(kids.next().expect("one")));
    kids.fold(newest, |peppers, kid| peppers.verifying(pepper(kid)).expect("another name"))
}

/// A store and a time that nodes share.
struct World {
    store: Arc<MemoryStore>,
    clock: Arc<AtomicU64>,
}

impl World {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        Self { store, clock: Arc::new(AtomicU64::new(BEGUN)) }
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store) as _
    }

    /// A clock that is so many seconds ahead.
    fn clock(&self, ahead: i64) -> Clock {
        let clock = Arc::clone(&self.clock);
        Arc::new(move || UnixTime::from_millis(clock.load(SeqCst)).shifted(ahead * 1000))
    }

    fn builder(&self, kids: &str, ahead: i64) -> IssuerBuilder {
        let job = Client::confidential("job", &Secret::new("s3cret"));
        Issuer::builder("https://id.example")
            .store(self.store())
            .clock(self.clock(ahead))
            .peppers(peppers(kids))
            .clients(Arc::new(MemoryClients::new([Client::public("app"), job])))
            .kept_keys(KeyPolicy::default())
    }

    async fn node(&self, kids: &str) -> Issuer {
        self.builder(kids, 0).open().await.expect("opened")
    }

    fn pass(&self, duration: Duration) {
        self.clock.fetch_add(u64::try_from(duration.as_millis()).expect("short"), SeqCst);
    }

    /// Of every key that is kept its stage, in the order of a life.
    async fn stages(&self, node: &Issuer) -> Vec<&'static str> {
        let listed = node.signing_keys().expect("kept").list().await.expect("listed");
        let stage = |stage: Result<Stage, _>| stage.map_or("does not open", Stage::as_str);
        let mut stages: Vec<_> = listed.into_iter().map(|key| stage(key.stage)).collect();
        stages.sort_unstable_by_key(|stage| match *stage {
            "revoked" => 0,
            "retiring" => 1,
            "active" => 2,
            _ => 3,
        });
        stages
    }
}

async fn token(node: &Issuer) -> String {
    let opened = node.open_session("ada", "app", Scopes::default()).await.expect("opened");
    opened.access_token.expose().to_owned()
}

fn kid(token: &str) -> String {
    Jws::parse(token).expect("a JWT").header.kid.clone().expect("named")
}

/// Whether somebody who has only these keys takes the token for genuine.
fn known_to(keys: &JwkSet, token: &str) -> bool {
    let jws = Jws::parse(token).expect("a JWT");
    let jwk = keys.keys().iter().find(|jwk| Some(jwk.kid()) == jws.header.kid.as_deref());
    jwk.is_some_and(|jwk| jws.is_signed_by(jwk.key()))
}

/// Keys rotate every hour, and when somebody asks for it, over two nodes whose clocks are 30 s apart
/// and whose rounds come 30 s apart at most. Every token is verified by both nodes and by somebody who
/// reads the published keys every 5 min and never in between; and a session goes on, refreshed by
/// one node and the other.
#[tokio::test]
async fn j1_no_token_fails_on_another_node_through_three_rotations() {
    for seed in 1..3_u64 {
        let mut random = seed;
        let mut draw = |below: u64| {
            // Knuth's MMIX: any order of events will do, if it is the same each time.
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) % below
        };
        let world = World::new();
        let policy = KeyPolicy { rotate_every: Some(HOUR), publish_for: 7 * MINUTE };
        let open = |ahead| world.builder("a", ahead).kept_keys(policy).open();
        let nodes = [open(15).await.expect("opened"), open(-15).await.expect("opened")];
        let mut rounds = [0, 0];
        let mut cached = (0, nodes[0].jwks());
        let mut live: Vec<(u64, String)> = Vec::new();
        let mut signers = std::collections::BTreeSet::new();
        let mut session = {
            let opened = nodes[0].open_session("ada", "app", Scopes::default()).await;
            opened.expect("opened").refresh_token.expect("a session has one")
        };
        let caller = Caller::new(Client::public("app"));
        for second in (0..4 * 3600 + 600).step_by(10) {
            for (node, next) in nodes.iter().zip(&mut rounds) {
                if *next <= second {
                    node.keep_keys().await.expect("kept");
                    *next = second + 10 + 10 * draw(3);
                }
            }
            if cached.0 <= second {
                let node = usize::try_from(draw(2)).expect("small");
                cached = (second + 300, nodes[node].jwks());
            }
            let node = &nodes[usize::try_from(draw(2)).expect("small")];
            if draw(60) == 0 {
                node.signing_keys().expect("kept").rotate(None).await.expect("asked");
            }
            let issued = node.refresh(session.expose(), &caller, None).await.expect("goes on");
            session = issued.refresh_token.expect("the next");
            let token = issued.access_token.expose().to_owned();
            signers.insert(kid(&token));
            assert!(known_to(&cached.1, &token), "{second} s: to one who cached the keys");
            live.push((second + 900 - 30, token));
            live.retain(|(until, _)| second < *until);
            // Each when it is new, and again twice a minute.
            let (_, newest) = live.last().expect("just pushed");
            let again = live.iter().map(|(_, token)| token).step_by(29);
            for token in again.chain([newest]) {
                for node in &nodes {
                    let verified = node.verify(token);
                    assert!(verified.is_ok(), "{second} s: {verified:?}");
                }
            }
            world.pass(10 * SECOND);
        }
        assert!(signers.len() >= 4, "{} keys have signed", signers.len());
        let kept = world.stages(&nodes[0]).await;
        assert_eq!(kept.iter().filter(|stage| **stage == "active").count(), 1, "{kept:?}");
        assert_eq!(kept.iter().filter(|stage| **stage == "pending").count(), 1, "{kept:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn j1_of_eight_nodes_that_start_at_once_one_makes_the_keys() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Rs256] {
        let world = Arc::new(World::new());
        let mut starting = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let world = Arc::clone(&world);
            starting.spawn(async move {
                let opened = loop {
                    match world.builder("a", 0).algorithm(algorithm).open().await {
                        Err(NotOpened::Keys(BadKeys::BeingMade)) => tokio::task::yield_now().await,
                        opened => break opened,
                    }
                };
                opened.expect("opened")
            });
        }
        let nodes = starting.join_all().await;
        for node in &nodes {
            node.keep_keys().await.expect("kept");
        }
        assert_eq!(world.stages(&nodes[0]).await, ["active", "pending"]);
        let token = token(&nodes[0]).await;
        for node in &nodes {
            assert_eq!(node.algorithm(), algorithm);
            assert_eq!(node.jwks(), nodes[0].jwks());
            assert!(node.verify(&token).is_ok());
        }
    }
}

#[tokio::test]
async fn j1_the_first_keys_of_all_algorithms_sign_at_once() {
    let world = World::new();
    let all = world.builder("a", 0).other_algorithms(Algorithm::ALL).open().await.expect("opened");
    assert_eq!(all.algorithms(), Algorithm::ALL);
    assert_eq!(all.jwks().keys().len(), 6, "and each has a next one");
}

#[tokio::test]
async fn j1_a_life_of_a_key_in_its_store() {
    let world = World::new();
    let node = world.node("a").await;
    let first = token(&node).await;
    assert_eq!(world.stages(&node).await, ["active", "pending"]);
    world.pass((90 * DAY).saturating_sub(SECOND));
    node.keep_keys().await.expect("kept");
    assert_eq!(world.stages(&node).await, ["active", "pending"], "not yet");
    let last = token(&node).await;
    assert_eq!(kid(&last), kid(&first));
    world.pass(SECOND);
    node.keep_keys().await.expect("kept");
    assert_eq!(world.stages(&node).await, ["retiring", "active", "pending"]);
    assert_ne!(kid(&token(&node).await), kid(&first));
    assert!(node.verify(&last).is_ok(), "what it signed is good");
    world.pass((25 * HOUR).saturating_sub(SECOND));
    node.keep_keys().await.expect("kept");
    assert_eq!(world.stages(&node).await, ["retiring", "active", "pending"]);
    world.pass(SECOND);
    node.keep_keys().await.expect("kept");
    assert_eq!(world.stages(&node).await, ["active", "pending"]);
    assert_eq!(node.verify(&last), Err(Refusal::KeyUnknown));
}

#[tokio::test]
async fn j1_a_restart_finds_its_keys() {
    let world = World::new();
    let before = world.node("a").await;
    let token = token(&before).await;
    drop(before);
    let after = world.node("a").await;
    assert!(after.verify(&token).is_ok());
    assert_eq!(world.stages(&after).await, ["active", "pending"]);
}

#[tokio::test]
async fn j1_people_rotate_at_once_when_the_next_key_is_known() {
    let world = World::new();
    let node = world.node("a").await;
    let keys = node.signing_keys().expect("kept");
    let first = token(&node).await;
    keys.rotate(None).await.expect("asked");
    node.keep_keys().await.expect("kept");
    assert_eq!(kid(&token(&node).await), kid(&first), "the next is not known to everybody yet");
    world.pass(10 * MINUTE);
    node.keep_keys().await.expect("kept");
    let second = token(&node).await;
    assert_ne!(kid(&second), kid(&first), "now it is, and somebody has asked");
    world.pass(10 * MINUTE);
    let told = world.store.audit_entries().len();
    keys.rotate(Some(Algorithm::Rs256)).await.expect("asked");
    assert_eq!(world.store.audit_entries().len(), told, "no key of that kind");
    keys.rotate(Some(Algorithm::EdDsa)).await.expect("asked");
    let told: Vec<_> = world.store.audit_entries().iter().map(|entry| entry.event).collect();
    assert_eq!(told, [Event::KeyRotated.as_str()]);
    node.keep_keys().await.expect("kept");
    assert_ne!(kid(&token(&node).await), kid(&second), "at once");
    assert!(node.verify(&first).is_err(), "after 20 min its time is over");
    assert!(node.verify(&second).is_ok());
}

#[tokio::test]
async fn j1_what_a_revoked_key_signed_is_accepted_no_more_and_the_next_signs_at_once() {
    let world = World::new();
    let node = world.node("a").await;
    let other = world.node("a").await;
    let session = node.open_session("ada", "app", Scopes::default()).await.expect("opened");
    let stolen = session.access_token.expose();
    let keys = node.signing_keys().expect("kept");
    keys.revoke(&kid(stolen)).await.expect("revoked");
    keys.revoke(&kid(stolen)).await.expect("twice is once");
    node.keep_keys().await.expect("kept");
    assert_eq!(node.verify(stolen), Err(Refusal::KeyUnknown));
    assert!(!node.jwks().has(&kid(stolen)));
    assert_eq!(world.stages(&node).await, ["revoked", "active", "pending"]);
    let next = token(&node).await;
    assert!(other.verify(&next).is_ok(), "the next was published before");
    other.keep_keys().await.expect("kept");
    assert_eq!(other.verify(stolen), Err(Refusal::KeyUnknown));
    // Nobody was logged out: the session goes on with the next key.
    let refresh = session.refresh_token.expect("a session has one");
    let caller = Caller::new(Client::public("app"));
    let issued = other.refresh(refresh.expose(), &caller, None).await.expect("goes on");
    assert!(node.verify(issued.access_token.expose()).is_ok());
    world.pass(4000 * DAY);
    node.keep_keys().await.expect("kept");
    assert!(world.stages(&node).await.contains(&"revoked"), "it never comes back");
    let unknown = keys.revoke("nobody").await;
    assert_eq!(unknown, Err(BadKeys::Unknown { kid: "nobody".to_owned() }));
    let told = world.store.audit_entries();
    assert_eq!(told.iter().filter(|entry| entry.event == "key_revoked").count(), 1);
}

#[tokio::test]
async fn j1_all_keys_revoked_are_all_keys_replaced() {
    let world = World::new();
    let node = world.node("a").await;
    let keys = node.signing_keys().expect("kept");
    for jwk in node.jwks().keys() {
        keys.revoke(jwk.kid()).await.expect("revoked");
    }
    node.keep_keys().await.expect("kept");
    let stages = world.stages(&node).await;
    assert_eq!(stages, ["revoked", "revoked", "active", "pending"]);
    assert!(node.verify(&token(&node).await).is_ok());
}

#[tokio::test]
async fn j1_an_imported_key_is_the_next_to_sign_and_a_revoked_one_does_not_come_back() {
    let imported = || {
        let key = SigningKey::generate(Algorithm::EdDsa).expect("drawn");
        let document = key.to_pkcs8().expect("a document");
        (key, SigningKey::import(&document).expect("a key"))
    };
    let world = World::new();
    let (key, again) = imported();
    let keys = SigningKeys::new(
        world.store(),
        Arc::new(peppers("a")),
        vec![Algorithm::EdDsa],
        KeyPolicy::default(),
        world.clock(0),
    );
    let name = keys.import(key).await.expect("imported");
    let node = world.node("a").await;
    assert_eq!(kid(&token(&node).await), name, "where there was none, it signs at once");
    let known = keys.import(again).await;
    assert_eq!(known, Err(BadKeys::Known { kid: name.clone(), stage: "active" }));
    world.pass(20 * MINUTE);
    let (key, again) = imported();
    let next = keys.import(key).await.expect("imported");
    keys.rotate(None).await.expect("asked");
    node.keep_keys().await.expect("kept");
    assert_eq!(kid(&token(&node).await), name, "it is not known to everybody yet");
    world.pass(10 * MINUTE);
    node.keep_keys().await.expect("kept");
    assert_eq!(kid(&token(&node).await), next, "it comes before the one that was made ahead");
    keys.revoke(&next).await.expect("revoked");
    let revoked = keys.import(again).await;
    assert_eq!(revoked, Err(BadKeys::Known { kid: next, stage: "revoked" }));
}

#[tokio::test]
async fn j1_keys_follow_the_newest_pepper_and_the_old_one_can_be_dropped() {
    let world = World::new();
    let old = world.node("a").await;
    let first = token(&old).await;
    // First everywhere as the second, then everywhere as the first.
    let both = world.node("a b").await;
    let newest = world.node("b a").await;
    let under = async |node: &Issuer| {
        let listed = node.signing_keys().expect("kept").list().await.expect("listed");
        listed.into_iter().map(|key| key.pepper.expect("readable")).collect::<Vec<_>>()
    };
    assert_eq!(under(&newest).await, ["b", "b"]);
    both.keep_keys().await.expect("a node that still has the other order");
    newest.keep_keys().await.expect("kept");
    world.pass(11 * MINUTE);
    newest.keep_keys().await.expect("kept");
    let alone = world.node("b").await;
    assert_eq!(under(&alone).await, ["b", "b"]);
    assert!(alone.verify(&first).is_ok());
}

#[tokio::test]
async fn j1_a_dropped_pepper_is_said_and_no_key_is_made_in_silence() {
    let world = World::new();
    let node = world.node("a").await;
    let token = token(&node).await;
    let before = world.store.keys().await.expect("there");
    let opened = world.builder("b", 0).open().await;
    let Err(NotOpened::Keys(BadKeys::PepperMissing { kid, pepper })) = opened else {
        panic!("{opened:?}")
    };
    assert_eq!((pepper.as_str(), before.iter().any(|kept| kept.kid == kid)), ("a", true));
    assert_eq!(world.store.keys().await.expect("there"), before, "nothing has changed");
    // They are listed all the same, and can be given up.
    let keys = SigningKeys::new(
        world.store(),
        Arc::new(peppers("b")),
        vec![Algorithm::EdDsa],
        KeyPolicy::default(),
        world.clock(0),
    );
    for listed in keys.list().await.expect("listed") {
        assert_eq!(listed.pepper.as_deref(), Some("a"));
        assert!(matches!(listed.stage, Err(BadKeys::PepperMissing { .. })));
        keys.revoke(&listed.kid).await.expect("given up");
    }
    let anew = world.node("b").await;
    assert_eq!(anew.verify(&token), Err(Refusal::KeyUnknown));
    // The node that has the old pepper alone keeps the keys it has, and says so.
    assert!(matches!(node.keep_keys().await, Err(BadKeys::PepperMissing { .. })));
    assert!(node.verify(&token).is_ok());
}

#[tokio::test]
async fn j6_a_hostile_document_is_said_and_changes_nothing() {
    let world = World::new();
    let node = world.node("a").await;
    let before = token(&node).await;
    let good = world.store.keys().await.expect("there").remove(0);
    let long = vec![0xff; 20_000];
    let hostile: [&[u8]; 4] = [b"", b"{}", &long, &good.document[..40]];
    for document in hostile {
        let current = world.store.keys().await.expect("there");
        let version = current.iter().find(|kept| kept.kid == good.kid).expect("there").version;
        let bad = KeptKey { kid: good.kid.clone(), version, document: document.to_vec() };
        assert_eq!(world.store.replace_key(&bad).await, Ok(true));
        let damaged = BadKeys::Damaged { kid: good.kid.clone() };
        assert_eq!(node.keep_keys().await, Err(damaged.clone()));
        assert!(node.verify(&before).is_ok() && node.verify(&token(&node).await).is_ok());
        let opened = world.builder("a", 0).open().await.err();
        assert_eq!(opened, Some(NotOpened::Keys(damaged)));
    }
    // A key of somebody's own, in the place of another.
    let strange = world.store.insert_key("strange", &good.document).await;
    assert_eq!(strange, Ok(true));
    assert!(node.keep_keys().await.is_err());
    assert!(!node.jwks().has("strange"));
}

#[tokio::test]
async fn j1_what_cannot_be_opened_so_is_said() {
    let world = World::new();
    let refused = async |builder: IssuerBuilder| builder.open().await.err();
    let configuration = |bad| Some(NotOpened::Configuration(bad));
    let policy = KeyPolicy { publish_for: MINUTE, ..KeyPolicy::default() };
    assert_eq!(
        refused(world.builder("a", 0).kept_keys(policy)).await,
        configuration(unlapse_issuer::BadKeyPolicy::PublishFor.into()),
    );
    let bare = || Issuer::builder("https://id.example").kept_keys(KeyPolicy::default());
    assert_eq!(refused(bare()).await, configuration(BadConfiguration::PeppersMissing));
    assert_eq!(bare().build().err(), Some(BadConfiguration::KeysKept));
    assert!(Issuer::builder("https://id.example").open().await.is_ok(), "nothing is kept");
}

#[tokio::test]
async fn j1_a_second_algorithm_is_published_before_it_signs() {
    let world = World::new();
    let before = world.node("a").await;
    assert_eq!(before.algorithms(), [Algorithm::EdDsa]);
    let moved = world.builder("a", 0).algorithm(Algorithm::Es256).open().await.expect("opened");
    assert_eq!(moved.algorithm(), Algorithm::EdDsa, "the old one signs meanwhile");
    assert_eq!(moved.jwks().keys().len(), 3);
    world.pass(10 * MINUTE);
    before.keep_keys().await.expect("kept");
    moved.keep_keys().await.expect("kept");
    assert_eq!(moved.algorithm(), Algorithm::Es256);
    let token = token(&moved).await;
    assert!(before.verify(&token).is_ok(), "every node takes it");
    let both = world.builder("a", 0).other_algorithms([Algorithm::Es256, Algorithm::EdDsa]);
    let both = both.open().await.expect("opened");
    assert_eq!(both.algorithms(), [Algorithm::EdDsa, Algorithm::Es256]);
}

#[tokio::test]
async fn oidc_discovery_3_only_what_id_tokens_are_signed_with_is_named() {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt as _;
    let world = World::new();
    let builder = world.builder("a", 0).other_algorithms([Algorithm::Es256]);
    let issuer = builder.open().await.expect("opened");
    world.pass(10 * MINUTE);
    issuer.keep_keys().await.expect("kept");
    assert_eq!(issuer.algorithms(), [Algorithm::EdDsa, Algorithm::Es256]);
    let request = Request::get("/.well-known/openid-configuration").body(Body::empty());
    let reply = issuer.router().oneshot(request.expect("a request")).await.expect("infallible");
    let body = to_bytes(reply.into_body(), 1 << 20).await.expect("read");
    let metadata: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    let named = &metadata["id_token_signing_alg_values_supported"];
    assert_eq!(named, &serde_json::json!(["EdDSA"]));
}

/// Somebody with the store and the peppers, and nothing else, changes the keys beside the nodes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn j1_a_change_of_the_keys_reaches_every_node_within_a_second() {
    let world = World::new();
    let [a, b] = [world.node("a").await, world.node("a").await];
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let stops = || {
        let mut stopped = stopped.clone();
        async move { drop(stopped.wait_for(|stopped| *stopped).await) }
    };
    let housekeeping = [&a, &b].map(|node| tokio::spawn(node.housekeeping(stops())));
    let token = token(&a).await;
    b.verify(&token).expect("good");
    let aside = SigningKeys::new(
        world.store(),
        Arc::new(peppers("a")),
        vec![Algorithm::EdDsa],
        KeyPolicy::default(),
        world.clock(0),
    );
    aside.revoke(&kid(&token)).await.expect("revoked");
    let began = std::time::Instant::now();
    for node in [&a, &b] {
        while node.verify(&token) != Err(Refusal::KeyUnknown) {
            assert!(began.elapsed() < SECOND, "it is still good");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    stop.send_replace(true);
    for housekeeping in housekeeping {
        housekeeping.await.expect("it ends");
    }
}
