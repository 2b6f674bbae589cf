//! A client of either face.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use tower::{Layer as _, ServiceExt as _};
use unlapse::reqwest::{HttpSettings, request_error};
use unlapse::tower::{Authorize, AuthorizeLayer};
use unlapse::{Origin, Places, RequestDeadline, RequestError, RequestPolicy, TokenSource};
use unlapse_core::UnixTime;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Face {
    Tower,
    Reqwest,
}

/// What a test sends.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) body: &'static str,
    /// The body comes piece by piece, and once.
    pub(crate) streams: bool,
    pub(crate) headers: HeaderMap,
    pub(crate) deadline: Option<Duration>,
}

impl Ask {
    pub(crate) fn get(url: &str) -> Self {
        Self::new(Method::GET, url, "")
    }

    pub(crate) fn post(url: &str) -> Self {
        Self::new(Method::POST, url, "body")
    }

    fn new(method: Method, url: &str, body: &'static str) -> Self {
        let (streams, headers, deadline) = (false, HeaderMap::new(), None);
        Self { method, url: url.to_owned(), body, streams, headers, deadline }
    }

    pub(crate) fn streaming(self) -> Self {
        Self { streams: true, ..self }
    }

    pub(crate) fn within(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// Why nothing did.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "what an error answers")]
pub(crate) struct Failure {
    pub(crate) code: &'static str,
    pub(crate) retry_at: Option<UnixTime>,
    pub(crate) is_network: bool,
    pub(crate) is_authentication: bool,
    pub(crate) was_sent: bool,
    pub(crate) needs_login: bool,
    /// Everything that it shows of itself.
    pub(crate) shown: String,
}

impl Failure {
    fn of(error: &RequestError, shown: String) -> Self {
        Self {
            code: error.code(),
            retry_at: error.retry_at(),
            is_network: error.is_network(),
            is_authentication: error.is_authentication(),
            was_sent: error.was_sent(),
            needs_login: error.needs_login(),
            shown,
        }
    }

    /// What reqwest says of the network stays reqwest's.
    fn of_reqwest(error: &reqwest_middleware::Error) -> Self {
        let shown = shown(error);
        if let Some(error) = request_error(error) {
            return Self::of(error, shown);
        }
        let code = if error.is_connect() { "api_unreachable" } else { "api_reply_lost" };
        Self {
            code,
            retry_at: None,
            is_network: true,
            is_authentication: false,
            was_sent: code == "api_reply_lost",
            needs_login: false,
            shown,
        }
    }
}

fn shown(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = format!("{error:?} {error:#?}");
    let mut next = Some(error);
    while let Some(error) = next {
        text = format!("{text}\n{error}");
        next = error.source();
    }
    text
}

type Streaming = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;
type Hyper<B> = Authorize<HyperClient<HttpConnector, B>>;

#[derive(Clone, Debug)]
pub(crate) enum Client {
    /// tonic's bodies are boxed like these, and cannot be cloned.
    Tower(Box<(Hyper<Full<Bytes>>, Hyper<Streaming>)>),
    Reqwest(ClientWithMiddleware),
}

/// How it is set up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setup {
    pub(crate) policy: RequestPolicy,
    pub(crate) only_to: Option<Vec<Origin>>,
    pub(crate) http2: bool,
    pub(crate) places: Option<Arc<Places>>,
}

impl Setup {
    /// What fails is repeated at once.
    pub(crate) fn quick() -> Self {
        let policy = RequestPolicy {
            base_delay: Duration::from_millis(1),
            at_once: 100,
            ..RequestPolicy::default()
        };
        Self { policy, ..Self::default() }
    }

    pub(crate) fn client(&self, face: Face, source: &TokenSource) -> Client {
        let Self { policy, only_to, http2, places } = self.clone();
        match face {
            Face::Tower => {
                let layer = AuthorizeLayer::new(source.clone()).policy(policy);
                let layer = match only_to {
                    Some(origins) => layer.only_to(origins),
                    None => layer,
                };
                let layer = match places {
                    Some(places) => layer.places(places),
                    None => layer,
                };
                let mut hyper = HyperClient::builder(TokioExecutor::new());
                let hyper = hyper.http2_only(http2);
                let whole = layer.layer(hyper.build(HttpConnector::new()));
                let streaming = layer.layer(hyper.build(HttpConnector::new()));
                Client::Tower(Box::new((whole, streaming)))
            }
            Face::Reqwest => {
                let authorize = unlapse::reqwest::Authorize::new(source.clone()).policy(policy);
                let authorize = match only_to {
                    Some(origins) => authorize.only_to(origins),
                    None => authorize,
                };
                let authorize = match places {
                    Some(places) => authorize.places(places),
                    None => authorize,
                };
                let client = if http2 {
                    reqwest::Client::builder().http2_prior_knowledge().build().unwrap()
                } else {
                    HttpSettings::default().build().unwrap()
                };
                Client::Reqwest(ClientBuilder::new(client).with(authorize).build())
            }
        }
    }
}

impl Client {
    pub(crate) async fn send(&self, ask: Ask) -> Result<Answer, Failure> {
        match self {
            Self::Tower(clients) => {
                let (whole, streaming) = &**clients;
                let mut request = Request::builder().method(ask.method).uri(&ask.url);
                request.headers_mut().unwrap().extend(ask.headers);
                if let Some(deadline) = ask.deadline {
                    request = request.extension(RequestDeadline(deadline));
                }
                let answer = if ask.streams {
                    let body = Pieces(ask.body).boxed_unsync();
                    streaming.clone().oneshot(request.body(body).unwrap()).await
                } else {
                    let body = Full::from(ask.body);
                    whole.clone().oneshot(request.body(body).unwrap()).await
                };
                let answer = answer.map_err(|error| Failure::of(&error, shown(&error)))?;
                let (parts, body) = answer.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                Ok(Answer {
                    status: parts.status.as_u16(),
                    headers: parts.headers,
                    body: String::from_utf8(body.to_vec()).unwrap(),
                })
            }
            Self::Reqwest(client) => {
                let body = if ask.streams {
                    reqwest::Body::wrap(Pieces(ask.body))
                } else {
                    ask.body.into()
                };
                let mut request = client.request(ask.method, &ask.url).body(body);
                if let Some(deadline) = ask.deadline {
                    request = request.with_extension(RequestDeadline(deadline));
                }
                let request = request.headers(ask.headers);
                let answer = request.send().await.map_err(|error| Failure::of_reqwest(&error))?;
                Ok(Answer {
                    status: answer.status().as_u16(),
                    headers: answer.headers().clone(),
                    body: answer.text().await.unwrap(),
                })
            }
        }
    }
}

/// A body that comes letter by letter.
struct Pieces(&'static str);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.0.is_empty() {
            return Poll::Ready(None);
        }
        let (piece, rest) = self.0.split_at(1);
        self.0 = rest;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(piece.as_bytes())))))
    }
}
