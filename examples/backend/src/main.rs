//! Sessions for an axum backend. `docs/sessions.md` is its guide.
//!
//! ```sh
//! export PEPPERS="1 $(head -c 32 /dev/urandom | base64 -w0 | tr '+/' '-_' | tr -d =)"
//! cargo run -p unlapse-example-backend -- 127.0.0.1:8080 sessions.db
//! ```
#![expect(clippy::print_stdout, reason = "it talks to a person")]
#![expect(clippy::disallowed_methods, reason = "a program owns its runtime")]

use std::net::SocketAddr;
use std::sync::Arc;

use axum::{Router, routing::get};
use unlapse_core::Secret;
use unlapse_issuer::verify::{Verified, VerifyLayer};
use unlapse_issuer::{
    Issuer, KeyPolicy, MemoryUsers, PasswordCost, PasswordHash, Peppers, SqliteStore, User,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let database = arguments.next().unwrap_or_else(|| "sessions.db".to_owned());
    let lifetime = std::env::var("ACCESS_LIFETIME").unwrap_or_else(|_| "15m".to_owned());

    let users = MemoryUsers::new();
    let password = PasswordHash::new(&Secret::new("correct horse"), PasswordCost::default())?;
    users.add("ada", User { subject: "user-1".to_owned(), password });

    let issuer = Issuer::builder("http://localhost:8080")
        .store(Arc::new(SqliteStore::open(database)?))
        .peppers(Peppers::parse(&std::env::var("PEPPERS")?)?)
        .kept_keys(KeyPolicy::default())
        .users(Arc::new(users))
        .access_lifetime(unlapse_core::duration::parse(&lifetime)?)
        .open()
        .await?;
    tokio::spawn(issuer.housekeeping(std::future::pending()));

    let api = Router::new()
        .route("/hello", get(|who: Verified| async move { format!("hello, {}\n", who.sub) }))
        .layer(VerifyLayer::new(issuer.verifier()));
    let app = issuer.router().merge(api);

    let listener = tokio::net::TcpListener::bind(listen).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
