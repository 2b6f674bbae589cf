//! HTTP by reqwest: for token endpoints, with the timeouts and limits of C12; and with the feature
//! `reqwest-middleware` for an API, whose requests carry their token by themselves.
#![cfg_attr(
    feature = "reqwest-middleware",
    doc = r#"
# A client for an API
[`client`] makes one that is ready, with the same timeouts and limits:

```no_run
# use unlapse::TokenSource;
use unlapse::reqwest::{HttpSettings, client, request_error};

# async fn call(source: TokenSource) -> Result<(), Box<dyn std::error::Error>> {
let api = client(source, &HttpSettings::default())?;
match api.get("https://api.example/orders").send().await {
    Ok(response) => println!("{}", response.status()),
    Err(error) => match request_error(&error) {
        Some(error) if error.needs_login() => println!("log in again"),
        Some(error) => println!("{} ({})", error, error.code()),
        None => println!("the network: {error}"),
    },
}
# Ok(())
# }
```

[`Authorize`] is the middleware alone, for a client of your own.

# Errors
What the network does is told as reqwest tells it: `Error::Reqwest`. Everything else, also that an
earlier try may have been done where the last one was never sent, is a
[`RequestError`](crate::RequestError) in `Error::Middleware`, and [`request_error`] finds it.
"#
)]

mod http;
mod settings;

#[cfg(feature = "reqwest-middleware")]
mod client;
#[cfg(feature = "reqwest-middleware")]
mod middleware;

#[cfg(feature = "reqwest-middleware")]
pub use client::client;
pub use http::ReqwestHttp;
#[cfg(feature = "reqwest-middleware")]
pub use middleware::{Authorize, request_error};
pub use settings::{HttpSettings, HttpSetupError};
