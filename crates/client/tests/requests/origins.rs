//! Whom a token goes to, and whom it never goes to.

use std::sync::Arc;

use http::HeaderMap;
use unlapse::reqwest::{HttpSettings, client, request_error};

use crate::api::Api;
use crate::client::{Ask, Face, Setup};
use crate::world::{World, serve};

for_both_faces! {
    async fn a_token_goes_to_the_origins_that_were_named_and_nowhere_else(face: Face) {
        let mut world = World::new().await;
        let other = Arc::new(Api::default());
        let elsewhere = serve(&mut world.servers, Arc::clone(&other).router()).await;
        let only_to = Some(vec![world.origin.parse().unwrap()]);
        let client = Setup { only_to, ..Setup::quick() }.client(face, &world.source);
        assert_eq!(client.send(Ask::get(&world.url("/orders"))).await.unwrap().status, 200);
        let port = world.origin.rsplit(':').next().unwrap();
        for foreign in [
            format!("{elsewhere}/orders"),
            format!("http://localhost:{port}/orders"),
            format!("https://127.0.0.1:{port}/orders"),
            "http://api.example/".to_owned(),
        ] {
            let failure = client.send(Ask::get(&foreign)).await.unwrap_err();
            assert_eq!(failure.code, "api_origin", "{foreign}");
            assert!(!failure.was_sent && !failure.is_network);
        }
        assert_eq!((world.api.count(), other.count()), (1, 0));
        let nowhere = Setup { only_to: Some(Vec::new()), ..Setup::quick() };
        let client = nowhere.client(face, &world.source);
        let failure = client.send(Ask::get(&world.url("/orders"))).await.unwrap_err();
        assert_eq!(failure.code, "api_origin", "none named is none allowed");
    }

    async fn rfc6750_5_3_without_tls_it_leaves_this_machine_only_when_told_so(face: Face) {
        let world = World::new().await;
        let client = Setup::quick().client(face, &world.source);
        let failure = client.send(Ask::get("http://api.example/orders")).await.unwrap_err();
        assert_eq!(failure.code, "api_origin");
    }

    async fn a_request_with_an_authorization_of_its_own_goes_through_untouched(face: Face) {
        let world = World::expired().await;
        let client = Setup::quick().client(face, &world.source);
        let own = Ask::get(&world.url("/orders")).with("authorization", "Basic dTpw");
        let answer = client.send(own).await.unwrap();
        assert_eq!(answer.status, 401, "what its own got it");
        let seen = world.api.seen();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].authorization.as_deref(), Some("Basic dTpw"));
        assert_eq!(world.login.renewals(), 0);
    }

    async fn r18_no_redirect_is_followed_with_a_token(face: Face) {
        let mut world = World::new().await;
        let other = Arc::new(Api::default());
        let elsewhere = serve(&mut world.servers, Arc::clone(&other).router()).await;
        let client = Setup::quick().client(face, &world.source);
        let location = (http::header::LOCATION, elsewhere.parse().unwrap());
        world.api.will_answer_with(307, HeaderMap::from_iter([location]));
        let answer = client.send(Ask::get(&world.url("/orders"))).await.unwrap();
        assert_eq!((answer.status, other.count()), (307, 0));
    }
}

#[tokio::test]
async fn c12_the_ready_client_renews_and_follows_no_redirect() {
    let world = World::new().await;
    let api = client(world.source.clone(), &HttpSettings::default()).unwrap();
    world.api.accepts_from(2);
    let answer = api.get(world.url("/orders")).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "2 ");
    let location = (http::header::LOCATION, "/elsewhere".parse().unwrap());
    world.api.will_answer_with(302, HeaderMap::from_iter([location]));
    assert_eq!(api.get(world.url("/orders")).send().await.unwrap().status(), 302);
    let error = api.get("http://api.example/").send().await.unwrap_err();
    assert_eq!(request_error(&error).map(unlapse::RequestError::code), Some("api_origin"));
    assert_eq!(world.login.renewals(), 1);
}
