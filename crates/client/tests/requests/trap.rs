//! tower's own traps: a clone is not ready because its original was; a gRPC server's 401 is none; and not
//! every connection that was refused was the request's own.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::rt::TokioExecutor;
use tower::limit::ConcurrencyLimitLayer;
use tower::{Layer as _, Service, ServiceBuilder, ServiceExt as _};
use unlapse::tower::AuthorizeLayer;
use unlapse::{RequestError, RequestPolicy};

use crate::login::CANARY;
use crate::world::{World, all};

type Answered = Response<&'static str>;

/// Panics where it is called without having been asked, and so does a clone of one that was.
struct Strict {
    is_ready: bool,
    calls: Arc<AtomicUsize>,
    answers: fn(usize, &Request<Empty<Bytes>>) -> Answered,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self { is_ready: false, calls: Arc::clone(&self.calls), answers: self.answers }
    }
}

impl Strict {
    fn new(answers: fn(usize, &Request<Empty<Bytes>>) -> Answered) -> Self {
        Self { is_ready: false, calls: Arc::default(), answers }
    }
}

impl Service<Request<Empty<Bytes>>> for Strict {
    type Response = Answered;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Answered, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Empty<Bytes>>) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "called without being asked");
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        std::future::ready(Ok((self.answers)(call, &request)))
    }
}

/// Begins, and fails as a body does that comes from a server which is away.
#[derive(Clone)]
struct Forwarded {
    has_begun: bool,
}

impl Body for Forwarded {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let has_begun = std::mem::replace(&mut self.has_begun, true);
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        Poll::Ready(Some(if has_begun {
            Err(refused())
        } else {
            Ok(Frame::data(Bytes::from_static(b"half")))
        }))
    }
}

fn status(status: u16) -> Answered {
    Response::builder().status(status).body("").unwrap()
}

fn orders() -> Request<Empty<Bytes>> {
    Request::get("https://api.example/orders").body(Empty::new()).unwrap()
}

#[tokio::test]
async fn the_ready_service_is_called_and_asked_again_before_each_repeat() {
    let world = World::new().await;
    let answers = |call, _: &_| status([401, 503, 200, 200][call]);
    let strict = Strict::new(answers);
    let calls = Arc::clone(&strict.calls);
    let policy = RequestPolicy { base_delay: Duration::from_millis(1), ..RequestPolicy::default() };
    let layer = AuthorizeLayer::new(world.source.clone()).policy(policy);
    let mut service = layer.layer(strict);
    for _ in 0..2 {
        let answer = service.ready().await.unwrap().call(orders()).await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    assert_eq!((calls.load(Ordering::SeqCst), world.login.renewals()), (4, 1));
}

#[tokio::test]
async fn a_limit_beneath_the_layer_is_kept_through_repeats() {
    let world = World::new().await;
    let at_once = Arc::new(Mutex::new((0, 0)));
    let counted = Arc::clone(&at_once);
    let slow = tower::service_fn(move |request: Request<Empty<Bytes>>| {
        let counted = Arc::clone(&counted);
        async move {
            {
                let mut at_once = counted.lock().unwrap();
                at_once.0 += 1;
                at_once.1 = at_once.1.max(at_once.0);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            counted.lock().unwrap().0 -= 1;
            let is_new = request.headers()["authorization"] == format!("Bearer {CANARY}-at-2");
            Ok::<_, Infallible>(status(if is_new { 200 } else { 401 }))
        }
    });
    let service = ServiceBuilder::new()
        .layer(AuthorizeLayer::new(world.source.clone()))
        .layer(ConcurrencyLimitLayer::new(2))
        .service(slow);
    let answers = all((0..20).map(|_| service.clone().oneshot(orders()))).await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|ok| ok.status() == 200)));
    assert_eq!((at_once.lock().unwrap().1, world.login.renewals()), (2, 1));
}

#[tokio::test]
async fn grpcs_unauthenticated_is_a_401_and_its_relative_uris_go_to_the_one_origin() {
    let world = World::new().await;
    // An answer that is nothing but a refusal: status 200, and what is a trailer otherwise.
    let answers = |call, _: &Request<Empty<Bytes>>| {
        let status = if call == 0 { "16" } else { "0" };
        Response::builder().header("grpc-status", status).body("").unwrap()
    };
    let layer = AuthorizeLayer::new(world.source.clone());
    let named = layer.clone().only_to(["https://api.example".parse().unwrap()]);
    let say_hello =
        || Request::post("/helloworld.Greeter/SayHello").body(Empty::<Bytes>::new()).unwrap();
    let answer = named.layer(Strict::new(answers)).oneshot(say_hello()).await.unwrap();
    assert_eq!(answer.headers()["grpc-status"], "0");
    assert_eq!(world.login.renewals(), 1);

    let nowhere = layer.layer(Strict::new(answers)).oneshot(say_hello()).await.unwrap_err();
    assert!(matches!(nowhere, RequestError::NoOrigin(_)), "{nowhere:?}");
    assert_eq!(nowhere.code(), "api_origin");
}

#[tokio::test]
async fn a_body_like_tonics_is_sent_once_and_its_type_may_say_otherwise() {
    type Boxed = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;
    let world = World::new().await;
    let refuses = tower::service_fn(|_: Request<Boxed>| async { Ok::<_, Infallible>(status(401)) });
    let layer = AuthorizeLayer::new(world.source.clone());
    let request = || {
        let request = Request::post("https://api.example/orders");
        request.body(Empty::<Bytes>::new().boxed_unsync()).unwrap()
    };
    let error = layer.layer(refuses).oneshot(request()).await.unwrap_err();
    assert_eq!(error.code(), "api_body_spent");

    let layer = AuthorizeLayer::new(world.source.clone());
    let again = layer.copying(|_: &Boxed| Some(Empty::<Bytes>::new().boxed_unsync()));
    let error = again.layer(refuses).oneshot(request()).await.unwrap_err();
    assert_eq!(error.code(), "api_unauthorized", "sent with the next token as well");
    assert_eq!(world.login.renewals(), 2);
}

#[tokio::test]
async fn r8_a_body_whose_own_connection_is_refused_has_left_by_half() {
    let world = World::new().await;
    let connector = hyper_util::client::legacy::connect::HttpConnector::new();
    let hyper = HyperClient::builder(TokioExecutor::new()).build(connector);
    let layer = AuthorizeLayer::new(world.source.clone());
    // It may be sent again; but a POST is not, once half of it has left.
    let service = layer.copying(|body: &Forwarded| Some(body.clone())).layer(hyper);
    let request = Request::post(world.url("/upload")).body(Forwarded { has_begun: false }).unwrap();
    let error = service.oneshot(request).await.unwrap_err();
    assert_eq!(error.code(), "api_reply_lost", "{error:?}");
    assert!(error.was_sent());
}
