//! A node that dies right after a login has ended.

use std::time::Duration;

use unlapse_broker::{Broker, Code, EventKind, State};
use unlapse_parts::{Provider, Rotation, Terms};

use crate::node::{self, Node};
use crate::words::{Answer, Ask};
use crate::world::{Place, eventually, id};

/// So many nodes die, of which about one in ten tells of it in time.
const DEATHS: usize = 5;

async fn started(file: &str, provider: &Provider, spool: &tempfile::TempDir) -> Node {
    let environment = [
        (node::NAME, "one".to_owned()),
        (node::DATABASE, file.to_owned()),
        (node::TOKEN_ENDPOINT, provider.token_endpoint("one")),
        (node::REUSE, "strict".to_owned()),
        (node::FOLDER, spool.path().to_string_lossy().into_owned()),
    ];
    Node::start(&environment).await
}

/// Who was told that they need their user, one after the other.
async fn told(beside: &Broker) -> Vec<String> {
    let events = beside.tables().events(None, 0, 100).await.expect("listed").into_iter();
    let told = events.filter(|event| event.what.kind == EventKind::NeedsUser);
    let told = told.map(|event| {
        assert_eq!(event.what.code, Some(Code::UserRevoked));
        event.what.id.user
    });
    told.collect()
}

#[test]
fn i6_who_needs_their_user_is_told_once_although_the_node_that_found_it_was_killed() {
    if !unlapse_parts::is_full() {
        return;
    }
    let [folder, spool] = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
    let file = folder.path().join("broker.db").to_string_lossy().into_owned();
    tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let provider = Provider::start(Terms {
            rotation: Rotation::Strict,
            access_ttl: Duration::from_secs(2),
            ..Terms::default()
        });
        // Who looks on, and does nothing.
        let place = Place::new(file.clone(), provider.token_endpoint("two"), "reuse = \"strict\"");
        let beside = place.open().await.expect("a broker");
        let (mut users, mut in_silence) = (Vec::new(), 0);
        for nth in 0..DEATHS {
            let node = started(&file, &provider, &spool).await;
            let (user, login) = (format!("user {nth}"), provider.log_in());
            let put = Ask::Put {
                user: user.clone(),
                access_token: login.access_token.clone(),
                refresh_token: login.refresh_token.clone(),
                expires_in: login.expires_in.as_secs(),
            };
            assert_eq!(node.ask(put, Duration::from_secs(15)).await, Some(Answer::Done));
            provider.end(login.family);
            eventually("it is known", async || {
                let found = beside.connection(&id(&user)).await.expect("it is there");
                (found.state == State::NeedsUser(Code::UserRevoked)).then_some(())
            })
            .await;
            node.kill();
            in_silence += usize::from(!told(&beside).await.contains(&user));
            users.push(user);
        }
        assert!(in_silence > 0, "all of them told in time: this was no test");
        let node = started(&file, &provider, &spool).await;
        eventually("all are told", async || (told(&beside).await.len() >= DEATHS).then_some(()))
            .await;
        // Nor is anything told again by a node that starts.
        node.kill();
        let node = started(&file, &provider, &spool).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        drop(node);
        let mut told = told(&beside).await;
        told.sort();
        assert_eq!(told, users);
    });
}
