//! R18: no token in what these types show of themselves.

use tower::Layer as _;
use unlapse::tower::AuthorizeLayer;

use crate::client::{Ask, Face, Setup};
use crate::login::CANARY;
use crate::world::World;

for_both_faces! {
    async fn r18_no_failure_shows_a_token(face: Face) {
        let world = World::new().await;
        let client = Setup::quick().client(face, &world.source);
        assert!(!format!("{client:?} {client:#?}").contains(CANARY));
        // The API repeats what it was shown in its challenge.
        world.api.accepts_from(u64::MAX);
        let mut shown = Vec::new();
        let url = world.url("/orders");
        for ask in [Ask::get(&url), Ask::post(&url).streaming(), Ask::get("http://127.0.0.1:1/")] {
            shown.push(client.send(ask).await.unwrap_err().shown);
        }
        world.login.reject();
        let fresh = Setup::quick().client(face, &world.source);
        world.source.refresh().await.unwrap_err();
        shown.push(fresh.send(Ask::get(&url)).await.unwrap_err().shown);
        for text in shown {
            assert!(!text.contains(CANARY), "{text}");
        }
    }
}

#[tokio::test]
async fn r18_no_part_of_the_layer_shows_a_token() {
    let world = World::new().await;
    world.source.bearer().await.unwrap();
    let layer = AuthorizeLayer::new(world.source.clone());
    let mut service = layer.layer(tower::service_fn(|_: http::Request<String>| {
        std::future::ready(Ok::<_, std::convert::Infallible>(http::Response::new(())))
    }));
    let request = http::Request::get(&world.origin).body(String::new()).unwrap();
    let future = tower::Service::call(&mut service, request);
    let middleware = unlapse::reqwest::Authorize::new(world.source.clone());
    let shown = format!("{layer:?} {layer:#?} {future:?} {middleware:?}");
    assert!(!shown.contains(CANARY), "{shown}");
    future.await.unwrap();
}
