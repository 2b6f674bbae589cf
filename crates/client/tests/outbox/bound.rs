//! Tokens that are bound to a key (RFC 9449).

use std::sync::Arc;

use unlapse_store::RealDisk;

use super::server::{Fault, Server};
use super::side::{login, policy, process};

#[tokio::test]
async fn rfc9449_9_each_sending_is_proven_and_a_wanted_nonce_is_given() {
    let server = Server::start();
    let root = tempfile::tempdir().unwrap();
    let process = process(root.path(), &server.origin, "bound", Arc::new(RealDisk), policy()).await;
    process.source.log_in(login()).await.unwrap();
    server.want_nonce();
    process.push("1").await;
    assert_eq!(process.outbox.flush().await.unwrap().sent, 1);
    assert_eq!(server.done(), ["1"]);
    let seen = server.seen();
    assert_eq!((seen.len(), server.granted()), (2, 1), "a nonce costs no renewal");
    assert!(seen.iter().all(|it| it.head.contains("authorization: DPoP at-1")));
    assert_eq!(seen[0].key, seen[1].key);
}

#[tokio::test]
async fn rfc9449_8_2_a_nonce_that_was_given_is_shown_after_a_renewal_too() {
    let wanted = |nonce| match nonce {
        0 => "www-authenticate: DPoP error=\"use_dpop_nonce\"\r\ndpop-nonce: n0\r\n",
        _ => "www-authenticate: DPoP error=\"use_dpop_nonce\"\r\ndpop-nonce: n1\r\n",
    };
    // The nonce comes with the first answer, or another one with that which refuses the token.
    for (first, second) in [(wanted(1), ""), (wanted(0), "dpop-nonce: n1\r\n")] {
        let server = Server::start();
        let root = tempfile::tempdir().unwrap();
        let process =
            process(root.path(), &server.origin, "bound", Arc::new(RealDisk), policy()).await;
        process.source.log_in(login()).await.unwrap();
        server.want_nonce();
        server.fault(Fault::Answer(401, first));
        server.fault(Fault::Answer(401, second));
        process.push("1").await;
        assert_eq!(process.outbox.flush().await.unwrap().sent, 1);
        assert_eq!((server.done(), server.granted()), (vec!["1".to_owned()], 2));
        assert_eq!(server.seen().len(), 3);
    }
}
