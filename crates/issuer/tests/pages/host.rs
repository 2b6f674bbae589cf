//! A host with its own login in place of the built-in page.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use unlapse_core::{BoxFuture, UnixTime};
use unlapse_issuer::{Login, LoginAsked, LoginPage, Unavailable};
use url::Url;

use crate::browser::Browser;
use crate::world::{World, authorize};

/// Knows people by a cookie `shop`; one is `away` when it cannot ask.
struct Shop;

impl LoginPage for Shop {
    fn who<'a>(
        &'a self,
        headers: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<Option<Login>, Unavailable>> {
        let cookies = headers.get("cookie").and_then(|value| value.to_str().ok());
        let shop = cookies.and_then(|all| all.split("; ").find_map(|it| it.strip_prefix("shop=")));
        let answer = match shop {
            Some("away") => Err(Unavailable { retry_after: Duration::from_secs(9) }),
            Some(customer) => Ok(Some(Login {
                subject: customer.to_owned(),
                name: Some("Ada".to_owned()),
                auth_time: UnixTime::from_secs(1_700_000_000),
            })),
            None => Ok(None),
        };
        Box::pin(core::future::ready(answer))
    }

    fn address(&self, asked: LoginAsked<'_>) -> String {
        let mut url = Url::parse("https://shop.example/login").expect("a URL");
        url.query_pairs_mut()
            .append_pair("then", asked.return_to)
            .append_pair("fresh", &asked.fresh.to_string())
            .append_pair("name", asked.login_hint.unwrap_or_default());
        url.into()
    }
}

#[tokio::test]
async fn a_host_logs_people_in_by_itself() {
    let world = World::with(|builder| builder.login_page(Arc::new(Shop)));
    let mut browser = Browser::new(&world);
    let page = browser.get(&authorize(&[("login_hint", "a&b"), ("prompt", "login")])).await;
    assert_eq!(page.location().host_str(), Some("shop.example"));
    assert_eq!(page.parameter("fresh").as_deref(), Some("true"));
    assert_eq!(page.parameter("name").as_deref(), Some("a&b"));
    let then = page.parameter("then").expect("an address");
    let then = then.strip_prefix("https://id.example").expect("of the issuer").to_owned();
    browser.cookies.insert("shop".to_owned(), "customer-7".to_owned());
    // Not in a circle, whatever the client demanded.
    let granted = world.redeem(&browser.get(&then).await.code()).await;
    let claims = world.issuer.verify(&granted.text("access_token")).expect("good");
    assert_eq!(claims.sub, "customer-7");
    // Consent, its form and the other pages go by the host's word, too.
    let web = authorize(&[("client_id", "web"), ("redirect_uri", "https://web.example/other")]);
    let page = browser.get(&web).await;
    assert!(page.body.contains("<strong>Ada</strong>"), "{page:?}");
    browser.submit(&page, &[("decision", "allow")]).await.code();
    assert!(browser.get("/sessions").await.body.contains("Where <strong>Ada</strong> is"));
    assert_eq!(browser.get("/device").await.title(), "Log in a device");
    browser.cookies.insert("shop".to_owned(), "away".to_owned());
    let page = browser.get(&authorize(&[])).await;
    assert_eq!((page.status, page.header("retry-after")), (503, "9"));
}

#[tokio::test]
async fn a_host_with_its_own_login_takes_no_passwords_here() {
    let world = World::with(|builder| builder.login_page(Arc::new(Shop)));
    let mut browser = Browser::new(&world);
    let login = browser.get("/logout").await;
    let token = login.field("token");
    let form = [
        ("token", token.as_str()),
        ("to", "sessions"),
        ("username", "ada"),
        ("password", "correct horse"),
    ];
    assert_eq!(browser.post("/login", &form).await.status, 400);
    assert_eq!(world.issuer.counts().logins, 0);
    let page = browser.get("/sessions").await;
    assert_eq!(page.parameter("then").as_deref(), Some("https://id.example/sessions"));
}
