//! Many requests at once, each over its own connection, from several threads.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Barrier;
use unlapse_issuer::Policy;
use unlapse_issuer::verify::Refusal;

use super::server::{FORM, Reply, Server, ask_over, refresh_form, refusal};

/// Sends every body at the same moment: the connections stand before the first byte is written.
async fn at_once(server: &Server, requests: Vec<(&'static str, String)>) -> Vec<Reply> {
    let barrier = Arc::new(Barrier::new(requests.len()));
    let address = server.address;
    let asking: Vec<_> = requests
        .into_iter()
        .map(|(path, body)| {
            let barrier = Arc::clone(&barrier);
            tokio::spawn(async move {
                let stream = TcpStream::connect(address).await.expect("the server listens");
                barrier.wait().await;
                ask_over(stream, "POST", path, &[FORM], body.as_bytes()).await
            })
        })
        .collect();
    let mut replies = Vec::new();
    for one in asking {
        replies.push(one.await.expect("asked"));
    }
    replies
}

fn eight(refresh_token: &str) -> Vec<(&'static str, String)> {
    vec![("/token", refresh_form(refresh_token)); 8]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn j5_eight_at_once_are_one_rotation_and_seven_replays_of_one_successor() {
    let server = Server::start().await;
    let mut token = server.login().await;
    for round in 1..=50 {
        let replies = at_once(&server, eight(&token)).await;
        let successors: HashSet<_> = replies.iter().map(Reply::refresh_token).collect();
        assert_eq!(successors.len(), 1, "round {round}");
        let access: HashSet<_> = replies.iter().map(|reply| reply.text("access_token")).collect();
        assert_eq!(access.len(), 8, "each has an access token of its own");
        for access in access {
            server.issuer.verify(&access).expect("and it is good");
        }
        let counts = server.issuer.counts();
        assert_eq!((counts.rotations, counts.replays), (round, round * 7));
        token = successors.into_iter().next().expect("one");
        // Beyond the grace of what was replayed: nobody holds it against anybody.
        server.pass(Duration::from_secs(60));
    }
    let counts = server.issuer.counts();
    assert_eq!((counts.families_revoked, counts.rejections), (0, 0));
    assert_eq!(counts.requests, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn j1_strict_rotation_has_one_winner_and_one_revocation() {
    let strict = Policy { grace: Duration::ZERO, ..Policy::default() };
    let server = Server::start_with(|builder| builder.policy(strict)).await;
    for _ in 0..20 {
        let replies = at_once(&server, eight(&server.login().await)).await;
        let granted: Vec<_> = replies.iter().filter(|reply| reply.status == 200).collect();
        assert_eq!(granted.len(), 1);
        let refused = |code: &str| {
            let is = |reply: &&Reply| reply.status == 400 && reply.text("code") == code;
            replies.iter().filter(is).count()
        };
        assert_eq!((refused("refresh_token_reused"), refused("session_revoked")), (1, 6));
        // The winner's tokens end with the session.
        let reply = server.refresh(&granted[0].refresh_token()).await;
        assert_eq!(reply.refusal(), refusal(400, "session_revoked"));
        let verified = server.issuer.verify(&granted[0].text("access_token"));
        assert_eq!(verified, Err(Refusal::Revoked));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn j1_a_refresh_that_races_a_revocation_leaves_nothing_alive() {
    let server = Server::start().await;
    let (mut refreshed, mut refused) = (0, 0);
    for round in 0..50 {
        let token = server.login().await;
        let mut requests = eight(&token);
        requests.truncate(4);
        let revoke = ("/revoke", format!("client_id=app&token={token}"));
        requests.insert(round % 5, revoke);
        let replies = at_once(&server, requests).await;
        assert_eq!(replies[round % 5].status, 200, "the revocation");
        let mut left = vec![token];
        for reply in replies.iter().filter(|reply| !reply.body.is_empty()) {
            if reply.status == 200 {
                refreshed += 1;
                left.push(reply.refresh_token());
                let verified = server.issuer.verify(&reply.text("access_token"));
                assert_eq!(verified, Err(Refusal::Revoked));
            } else {
                refused += 1;
                assert_eq!(reply.refusal(), refusal(400, "session_revoked"));
            }
        }
        for token in left {
            let reply = server.refresh(&token).await;
            assert_eq!(reply.refusal(), refusal(400, "session_revoked"));
        }
    }
    assert_eq!(refreshed + refused, 200);
    assert_eq!(server.issuer.counts().families_revoked, 50);
}
