//! Logins with a password, and clients that speak for themselves.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use unlapse_core::{BoxFuture, Secret};
use unlapse_issuer::{
    Caller, Client, Code, GrantType, Issuer, LoginLimit, MemoryUsers, PasswordCost, PasswordHash,
    Unavailable, User, Users,
};

use super::server::{FORM, JSON, Reply, Server, ask, refusal};

async fn log_in(server: &Server, username: &str, password: &str) -> Reply {
    let body = json!({"username": username, "password": password}).to_string();
    server.post("/api/auth/login", JSON, &body).await
}

#[tokio::test]
async fn c9_a_login_is_a_pair_of_tokens() {
    let server = Server::start().await;
    let reply = log_in(&server, "ada", "correct horse").await;
    assert_eq!(reply.text("token_type"), "Bearer");
    assert_eq!(reply.json()["expires_in"], 900);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let claims = server.issuer.verify(&reply.text("access_token")).expect("good");
    assert_eq!((claims.sub.as_str(), claims.client_id.as_str()), ("user-1", "api"));
    assert_eq!((claims.iat, claims.exp), (1_700_000_000, 1_700_000_901));
    let body = json!({"refresh_token": reply.refresh_token()}).to_string();
    server.post("/api/auth/refresh", JSON, &body).await.refresh_token();
    assert_eq!(server.issuer.counts().logins, 1);
}

#[tokio::test]
async fn j2_a_wrong_password_and_an_unknown_name_are_one_answer() {
    let server = Server::start().await;
    let wrong = log_in(&server, "ada", "wrong").await;
    let unknown = log_in(&server, "eve", "correct horse").await;
    assert_eq!(wrong.refusal(), refusal(401, "login_failed"));
    assert_eq!(wrong.body, unknown.body);
    assert_eq!(unknown.status, 401);
    let counts = server.issuer.counts();
    assert_eq!((counts.login_failures, counts.sessions_opened), (2, 0));
}

#[tokio::test]
async fn j2_failures_of_one_account_make_it_wait_and_no_other() {
    let server = Server::start().await;
    for name in ["ada", "eve"] {
        for _ in 0..5 {
            assert_eq!(log_in(&server, name, "wrong").await.status, 401);
        }
        // Also with the right password, and also for an unknown name.
        let reply = log_in(&server, name, "correct horse").await;
        assert_eq!(reply.refusal(), refusal(429, "rate_limited"));
        assert_eq!(reply.header("retry-after"), Some("1"));
        assert_eq!(reply.text("error"), "temporarily_unavailable");
    }
    assert_eq!(log_in(&server, "bob", "wrong").await.status, 401);
    server.pass(Duration::from_secs(1));
    assert_eq!(log_in(&server, "ada", "correct horse").await.status, 200);
    assert_eq!(log_in(&server, "ada", "wrong").await.status, 401, "it starts anew");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn j2_guesses_at_once_do_not_slip_past_the_limit() {
    let server = Arc::new(Server::start().await);
    let guessing: Vec<_> = (0..60)
        .map(|guess| {
            let server = Arc::clone(&server);
            tokio::spawn(async move { log_in(&server, "ada", &guess.to_string()).await.status })
        })
        .collect();
    let mut checked = 0;
    for guess in guessing {
        checked += usize::from(guess.await.expect("asked") == 401);
    }
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    assert!((5..5 + processors).contains(&checked), "{checked}");
}

/// Users that are never found.
struct Asleep;

impl Users for Asleep {
    fn find<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<User>, Unavailable>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn j2_whoever_goes_away_before_the_answer_has_failed() {
    let builder = Issuer::builder("https://id.example").users(Arc::new(Asleep));
    let issuer = builder.build().expect("a valid configuration");
    let caller = Caller::new(Client::public("api"));
    let begin = || issuer.log_in("ada", Secret::new("right"), &caller, None);
    for _ in 0..5 {
        tokio::select! {
            biased;
            _ = begin() => panic!("nobody is found"),
            () = tokio::task::yield_now() => {}
        }
    }
    let refused = begin().await.expect_err("five have failed");
    assert_eq!(refused.code, Code::RateLimited);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn c14_fifty_logins_at_once_all_succeed() {
    let server = Arc::new(Server::start().await);
    let asking: Vec<_> = (0..50)
        .map(|_| {
            let server = Arc::clone(&server);
            tokio::spawn(async move { log_in(&server, "ada", "correct horse").await.status })
        })
        .collect();
    for login in asking {
        assert_eq!(login.await.expect("asked"), 200);
    }
}

/// With the cost of production: tens of milliseconds each.
fn costly() -> Issuer {
    let users = MemoryUsers::new();
    let hash = PasswordHash::new(&Secret::new("right"), PasswordCost::default()).expect("hashed");
    users.add("ada", User { subject: "user-1".to_owned(), password: hash });
    let builder = Issuer::builder("https://id.example")
        .users(Arc::new(users))
        .login_limit(LoginLimit { failures: u32::MAX, ..LoginLimit::default() });
    builder.build().expect("a valid configuration")
}

#[tokio::test]
async fn j2_a_login_does_not_hold_up_the_executor() {
    let issuer = costly();
    let caller = Caller::new(Client::public("api"));
    let login = issuer.log_in("ada", Secret::new("right"), &caller, None);
    tokio::pin!(login);
    let mut others = 0;
    let outcome = loop {
        tokio::select! {
            biased;
            outcome = &mut login => break outcome,
            () = tokio::task::yield_now() => others += 1,
        }
    };
    outcome.expect("the password is right");
    assert!(others > 50, "this one thread did other things meanwhile: {others}");
}

#[tokio::test]
async fn rfc6749_6_a_client_that_may_not_refresh_gets_no_refresh_token() {
    let issuer = costly();
    for (grants, refreshes) in [
        (&[GrantType::Password][..], false),
        (&[GrantType::Password, GrantType::RefreshToken], true),
    ] {
        let client = Client::public("app").with_grants(grants.iter().copied());
        let caller = Caller::new(client);
        let issued = issuer.log_in("ada", Secret::new("right"), &caller, None).await;
        let issued = issued.expect("the password is right");
        assert_eq!(issued.refresh_token.is_some(), refreshes, "{grants:?}");
    }
}

#[tokio::test]
async fn j2_an_unknown_user_takes_as_long_as_a_known_one() {
    let issuer = costly();
    let caller = Caller::new(Client::public("api"));
    // The fastest of several, as many as it takes on a busy machine: an answer without a check
    // would be a thousand times faster, and no number of rounds would bring the two together.
    let mut fastest = [Duration::MAX; 2];
    for _ in 0..30 {
        for (user, fastest) in ["ada", "eve"].into_iter().zip(&mut fastest) {
            let started = Instant::now();
            let outcome = issuer.log_in(user, Secret::new("wrong"), &caller, None).await;
            assert!(outcome.is_err());
            *fastest = started.elapsed().min(*fastest);
        }
        let [known, unknown] = fastest;
        if unknown * 4 > known {
            return;
        }
    }
    panic!("{fastest:?}");
}

#[tokio::test]
async fn rfc6749_4_3_the_password_grant_opens_a_session_of_its_client() {
    let server = Server::start().await;
    let form = "grant_type=password&client_id=app&username=ada&password=correct+horse&scope=read";
    let reply = server.post("/token", FORM, form).await;
    assert_eq!(reply.text("scope"), "read");
    let claims = server.issuer.verify(&reply.text("access_token")).expect("good");
    assert_eq!((claims.sub.as_str(), claims.client_id.as_str()), ("user-1", "app"));
    server.refresh(&reply.refresh_token()).await.refresh_token();
    let wrong = form.replace("horse", "house");
    let reply = server.post("/token", FORM, &wrong).await;
    assert_eq!(reply.refusal(), refusal(400, "login_failed"));
    assert_eq!(reply.text("error"), "invalid_grant");
}

#[tokio::test]
async fn rfc6749_4_4_a_client_speaks_for_itself_by_either_proof() {
    let server = Server::start().await;
    let form = "grant_type=client_credentials";
    let basic = format!("Basic {}", STANDARD.encode("job:s3cret"));
    let headers = [FORM, ("authorization", basic.as_str())];
    let by_basic = ask(server.address, "POST", "/token", &headers, form.as_bytes()).await;
    let posted = format!("{form}&client_id=job&client_secret=s3cret&scope=jobs");
    let by_post = server.post("/token", FORM, &posted).await;
    for reply in [by_basic, by_post] {
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("pragma"), Some("no-cache"));
        assert_eq!(reply.json().get("refresh_token"), None);
        let claims = server.issuer.verify(&reply.text("access_token")).expect("good");
        assert_eq!((claims.sub.as_str(), claims.sid.clone()), ("job", None));
        assert_eq!(claims.scope.as_deref(), Some("jobs"));
    }
    assert_eq!(server.issuer.counts().client_grants, 2);
}
