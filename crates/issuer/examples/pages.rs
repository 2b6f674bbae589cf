//! An issuer in memory, and its pages: `cargo run -p unlapse-issuer --example pages`, then open what
//! it prints. The user is `ada`, the password `correct horse`.
#![expect(clippy::print_stdout, reason = "an example talks to a person")]

use std::net::SocketAddr;
use std::sync::Arc;

use unlapse_core::Secret;
use unlapse_issuer::{
    Client, Issuer, MemoryClients, MemoryUsers, PasswordCost, PasswordHash, Scopes, User,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let users = MemoryUsers::new();
    let password = PasswordHash::new(&Secret::new("correct horse"), PasswordCost::default())?;
    users.add("ada", User { subject: "user-1".to_owned(), password });
    let scopes = Scopes::parse("openid profile email photos.read")?;
    let clients = MemoryClients::new([Client::public("photos")
        .with_name("Photo Book")
        .with_scopes(scopes)
        .with_redirect_uris(["http://127.0.0.1/cb"])]);

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let issuer = Issuer::builder(&url).users(Arc::new(users)).clients(Arc::new(clients)).build()?;
    println!(
        "a client's login: {url}/authorize?response_type=code&client_id=photos\
         &redirect_uri=http://127.0.0.1:1/cb&code_challenge_method=S256\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    );
    println!("a device:         curl -d client_id=photos {url}/device_authorization");
    println!("your sessions:    {url}/sessions");
    let service = issuer.router().into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).await?;
    Ok(())
}
