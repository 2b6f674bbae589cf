//! The OAuth wire: requests out, replies in, as [`http`] types. No sockets, no clock: a caller sends
//! the request with whatever client it has, and hands back status, headers and body.
//!
//! | I want to … | look at |
//! | --- | --- |
//! | name an endpoint that may be spoken to | [`Endpoint`] |
//! | say who the client is | [`Client`], [`ClientAuth`] |
//! | ask for a token | [`grant::refresh`], [`grant::client_credentials`], [`grant::password`], [`grant::LoginEndpoint`] |
//! | understand what came back | [`parse`], [`parse_login`], then [`unlapse_core::classify`] |
//! | put a token on a request | [`bearer::authorization`] |
//! | understand why a request was refused | [`Challenge`] |
//! | prove that a token is ours to use (RFC 9449) | [`dpop`] |
//! | put an API key on a request | [`ApiKeyHeader`] |
//! | end a token at its server | [`revocation`] |
//! | find a server's endpoints | [`discovery`] |
//! | speak to a provider that has ways of its own | `provider`, of the feature `providers` |
//!
//! # One refresh, there and back
//! ```
//! use http::HeaderMap;
//! use unlapse_core::{Answer, Door, Secret, UnixTime, Verdict, classify};
//! use unlapse_oauth::{Client, Endpoint, bearer, grant, parse};
//!
//! let endpoint: Endpoint = "https://as.example/token".parse()?;
//! let client = Client::basic("cli", Secret::new("s3cret"));
//! let request = grant::refresh(&endpoint, &client, &Secret::new("rt-1"), grant::Target::default());
//! assert_eq!(request.body().as_ref(), b"grant_type=refresh_token&refresh_token=rt-1");
//!
//! // … sent, and answered:
//! let body = br#"{"access_token":"at-2","token_type":"bearer","expires_in":3600}"#;
//! let reply = parse(http::StatusCode::OK, &HeaderMap::new(), body, UnixTime::from_secs(0));
//! let Verdict::Granted(grant) = classify(Answer::Replied(reply), Door::Token) else {
//!     panic!("not granted");
//! };
//! let value = bearer::authorization("bearer", &grant.access_token)?;
//! assert_eq!(value, "Bearer at-2");
//! assert!(value.is_sensitive());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Secrets
//! Bodies and `Authorization` headers are built in buffers that are wiped when dropped, and headers
//! are marked sensitive. The types of this crate never show a secret in `Debug` (C13, R18), but
//! `http::Request<Bytes>` is not ours: its `Debug` prints the body. Do not log requests.

mod api_key;
pub mod bearer;
mod challenge;
mod client_auth;
pub mod discovery;
pub mod dpop;
mod endpoint;
mod form;
pub mod grant;
mod json;
mod lifetime;
#[cfg(feature = "providers")]
pub mod provider;
mod reply;
mod request;
pub mod revocation;
mod wiped;

pub use api_key::{ApiKeyHeader, ApiKeyHeaderError};
pub use challenge::{Challenge, challenges};
pub use client_auth::{Client, ClientAuth};
pub use endpoint::{Endpoint, EndpointError};
pub use form::Form;
pub use reply::{MAX_REPLY, ReplyFields, parse, parse_login};
