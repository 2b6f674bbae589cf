//! `grant_type=authorization_code`: a code is good once, for a minute, for its client.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use unlapse_issuer::{Client, GrantType, MemoryClients};

use crate::browser::{Browser, Page};
use crate::world::{CALLBACK, VERIFIER, World, authorize, scopes};

async fn code(world: &World) -> String {
    Browser::logged_in(world).await.get(&authorize(&[])).await.code()
}

fn refusal(code: &str) -> (u16, String) {
    (400, code.to_owned())
}

async fn redeem_with(world: &World, code: &str, changed: &[(&str, &str)]) -> Page {
    let usual = [
        ("grant_type", "authorization_code"),
        ("client_id", "app"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let kept = usual.into_iter().filter(|(name, _)| !changed.iter().any(|(it, _)| it == name));
    let form: Vec<_> = kept.chain(changed.iter().copied()).collect();
    world.token(&form).await
}

#[tokio::test]
async fn rfc6749_4_1_2_a_second_use_ends_the_session() {
    let world = World::new();
    let code = code(&world).await;
    let granted = world.redeem(&code).await;
    let access_token = granted.text("access_token");
    world.pass(Duration::from_secs(600));
    assert_eq!(world.redeem(&code).await.refusal(), refusal("code_reused"));
    assert!(world.issuer.verify(&access_token).is_err());
    let refresh_token = granted.text("refresh_token");
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "app"),
        ("refresh_token", refresh_token.as_str()),
    ];
    assert_eq!(world.token(&form).await.refusal(), refusal("session_revoked"));
    assert_eq!(world.issuer.counts().families_revoked, 1);
}

#[tokio::test]
async fn rfc6749_4_1_2_a_code_lives_for_a_minute() {
    let world = World::new();
    let unused = code(&world).await;
    let used = code(&world).await;
    world.pass(Duration::from_millis(59_999));
    assert_eq!(world.redeem(&used).await.status, 200);
    world.pass(Duration::from_millis(1));
    assert_eq!(world.redeem(&unused).await.refusal(), refusal("code_unknown"));
    assert_eq!(world.redeem("guessed").await.refusal(), refusal("code_unknown"));
}

#[tokio::test]
async fn rfc9700_4_5_a_stolen_code_is_worth_nothing_and_ends_nothing() {
    let world = World::new();
    let code = code(&world).await;
    let guess = "x".repeat(43);
    let rows = [
        (("client_id", "cli"), "client_mismatch"),
        (("redirect_uri", "https://app.example/other"), "redirect_mismatch"),
        (("redirect_uri", ""), "redirect_mismatch"),
        (("code_verifier", guess.as_str()), "pkce_failed"),
        (("code_verifier", crate::world::CHALLENGE), "pkce_failed"),
        (("code_verifier", ""), "request_malformed"),
    ];
    for (changed, expected) in rows {
        let page = redeem_with(&world, &code, &[changed]).await;
        assert_eq!(page.refusal(), refusal(expected), "{changed:?}");
    }
    let granted = world.redeem(&code).await;
    assert_eq!(granted.status, 200, "{granted:?}");
    // Found in a log afterwards, without the verifier: nobody is logged out by that.
    redeem_with(&world, &code, &[("code_verifier", &guess)]).await;
    redeem_with(&world, &code, &[("client_id", "cli")]).await;
    world.issuer.verify(&granted.text("access_token")).expect("good still");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rfc6749_4_1_2_of_eight_at_once_none_goes_on() {
    for _ in 0..20 {
        let world = std::sync::Arc::new(World::new());
        let code = code(&world).await;
        let asking: Vec<_> = (0..8)
            .map(|_| {
                let (world, code) = (std::sync::Arc::clone(&world), code.clone());
                #[expect(clippy::disallowed_methods, reason = "a race needs tasks")]
                tokio::spawn(async move { world.redeem(&code).await })
            })
            .collect();
        let mut granted = Vec::new();
        for asked in asking {
            let page = asked.await.expect("asked");
            match page.status {
                200 => granted.push(page),
                _ => assert_eq!(page.refusal(), refusal("code_reused")),
            }
        }
        assert_eq!(granted.len(), 1);
        assert!(world.issuer.verify(&granted[0].text("access_token")).is_err());
    }
}

#[tokio::test]
async fn a_store_that_is_away_costs_no_code() {
    let world = World::new();
    let code = code(&world).await;
    world.store.shut.store(true, SeqCst);
    let page = world.redeem(&code).await;
    assert_eq!(page.refusal(), (503, "temporarily_unavailable".to_owned()));
    world.store.shut.store(false, SeqCst);
    assert_eq!(world.redeem(&code).await.status, 200);
}

#[tokio::test]
async fn a_client_without_refresh_tokens_gets_none() {
    let client = Client::public("app")
        .with_grants([GrantType::AuthorizationCode])
        .with_scopes(scopes("read"))
        .with_redirect_uris([CALLBACK])
        .with_first_party();
    let clients = std::sync::Arc::new(MemoryClients::new([client]));
    let world = World::with(|builder| builder.clients(clients));
    let granted = world.redeem(&code(&world).await).await;
    assert_eq!(granted.status, 200, "{granted:?}");
    assert_eq!(granted.json().get("refresh_token"), None);
}

#[tokio::test]
async fn a_client_without_the_grant_is_told_so() {
    let client = Client::public("app")
        .with_grants([GrantType::RefreshToken])
        .with_scopes(scopes("read"))
        .with_redirect_uris([CALLBACK]);
    let clients = std::sync::Arc::new(MemoryClients::new([client]));
    let world = World::with(|builder| builder.clients(clients));
    assert_eq!(world.redeem("any").await.refusal(), refusal("grant_not_allowed"));
    let page = Browser::new(&world).get(&authorize(&[])).await;
    assert_eq!(page.parameter("error").as_deref(), Some("unauthorized_client"));
}

#[tokio::test]
async fn rfc9449_10_a_code_of_a_key_needs_that_key() {
    let world = World::new();
    let mut browser = Browser::logged_in(&world).await;
    let jkt = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
    let code = browser.get(&authorize(&[("dpop_jkt", jkt)])).await.code();
    assert_eq!(world.redeem(&code).await.refusal(), refusal("dpop_mismatch"));
}
