//! A tower layer: requests that carry their token by themselves. For hyper, tonic, and whatever else
//! speaks [`http`].
//!
//! ```
//! # use std::convert::Infallible;
//! # use http::{Request, Response};
//! # use tower::{ServiceBuilder, ServiceExt as _, service_fn};
//! # use unlapse::TokenSource;
//! use unlapse::tower::AuthorizeLayer;
//!
//! # async fn send(_: Request<String>) -> Result<Response<()>, Infallible> { unimplemented!() }
//! # async fn call(source: TokenSource) -> Result<(), Box<dyn std::error::Error>> {
//! # let client = service_fn(send);
//! let api = ServiceBuilder::new()
//!     .layer(AuthorizeLayer::new(source).only_to(["https://api.example".parse()?]))
//!     .service(client);
//! let request = Request::get("https://api.example/orders").body(String::new())?;
//! let response = api.oneshot(request).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What a request goes through
//! It waits for a token if there is none, then for a place among those at once, and is sent. A refused
//! token is renewed, once for all who were refused, and the request repeated, once (R13). What fails is
//! repeated when that can do no harm: [`RequestPolicy`](crate::RequestPolicy) says how often, and
//! [docs/requests.md](https://github.com/unlapse/unlapse/blob/main/docs/requests.md) what exactly. All
//! of it has one deadline. A request that has an `Authorization` header of its own goes through
//! untouched.
//!
//! # Bodies
//! A request can be repeated only if its body can be sent again. Of `Bytes`, `Full<Bytes>`,
//! `Empty<Bytes>`, `String`, `&'static str`, `Vec<u8>` and `()` the layer knows that they can. For a
//! type of your own that is cheap to clone, say so:
//!
//! ```
//! # use unlapse::{TokenSource, tower::AuthorizeLayer};
//! # #[derive(Clone)] struct Orders;
//! # fn layer(source: TokenSource) -> AuthorizeLayer {
//! AuthorizeLayer::new(source).copying(|body: &Orders| Some(body.clone()))
//! # }
//! ```
//!
//! Any other is sent once. Refused for its token, such a request ends with
//! [`BodySpent`](crate::RequestError::BodySpent): the token has been renewed, and the next one will do.
//!
//! # The trap, and its cure
//! `poll_ready` may take something that only the next `call` gives back: a place, a slot, a connection.
//! It is *this* service that has it; a clone made in `call` has not been asked, and calling it breaks
//! the contract: a `Buffer` panics, a `ConcurrencyLimit` lets one too many through. But a future that
//! repeats its request needs a service to keep. So `call` takes the ready service along and leaves the
//! clone behind, for the next `poll_ready` to ask; and before each repeat the future asks its own again.
//!
//! What that service holds while it is ready, it holds while a token is waited for. Put limits around
//! this layer rather than beneath it; it has one of its own, which it does not hold meanwhile.

mod body;
mod future;
mod layer;
mod service;

pub use future::AuthorizeFuture;
pub use layer::AuthorizeLayer;
pub use service::Authorize;
