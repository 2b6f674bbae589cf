//! Every code, and everything that a request can get wrong.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use serde_json::json;
use unlapse_issuer::{Client, Code, GrantType, Scopes};

use super::server::{FORM, JSON, Reply, Server, ask, refresh_form};

const DAY: Duration = Duration::from_secs(86_400);

/// Does what is answered with `code`.
async fn provoke(code: Code, server: &Server) -> Reply {
    let token = server.login().await;
    match code {
        Code::RefreshTokenMalformed => server.refresh("garbage").await,
        Code::RefreshTokenUnknown => server.refresh(&Server::start().await.login().await).await,
        Code::RefreshTokenExpired => {
            server.pass(DAY * 14);
            server.refresh(&token).await
        }
        Code::RefreshTokenReused => {
            server.refresh(&token).await.refresh_token();
            server.pass(Duration::from_secs(31));
            server.refresh(&token).await
        }
        Code::SessionExpired => {
            server.pass(DAY * 90);
            server.refresh(&token).await
        }
        Code::SessionRevoked => {
            server.post("/revoke", FORM, &format!("client_id=app&token={token}")).await;
            server.refresh(&token).await
        }
        Code::ClientMismatch => {
            let form = refresh_form(&token).replace("=app", "=other");
            server.post("/token", FORM, &form).await
        }
        Code::RateLimited => {
            let login = json!({"username": "ada", "password": "wrong"}).to_string();
            for _ in 0..5 {
                server.post("/api/auth/login", JSON, &login).await;
            }
            server.post("/api/auth/login", JSON, &login).await
        }
        Code::TemporarilyUnavailable => {
            server.store.shut.store(true, SeqCst);
            server.refresh(&token).await
        }
        Code::LoginFailed => {
            let form = "grant_type=password&client_id=app&username=ada&password=wrong";
            server.post("/token", FORM, form).await
        }
        Code::ClientAuthenticationFailed => {
            let form = "grant_type=client_credentials&client_id=job&client_secret=wrong";
            server.post("/token", FORM, form).await
        }
        Code::GrantNotAllowed => {
            server.post("/token", FORM, "grant_type=client_credentials&client_id=app").await
        }
        Code::GrantUnsupported => {
            server.post("/token", FORM, "grant_type=implicit&client_id=app").await
        }
        Code::ScopeNotAllowed => {
            let form = "grant_type=client_credentials&client_id=job&client_secret=s3cret&scope=x";
            server.post("/token", FORM, form).await
        }
        Code::RequestMalformed => server.post("/token", FORM, "client_id=app").await,
        Code::ContentTypeUnsupported => server.post("/token", JSON, "{}").await,
        Code::RequestTooLarge => server.refresh(&"x".repeat(17_000)).await,
        code => provoke_by_login(code, server, &token).await,
    }
}

/// Does what is answered with a `code` of logins in a browser, or of an access token.
async fn provoke_by_login(code: Code, server: &Server, token: &str) -> Reply {
    match code {
        Code::CodeUnknown => server.post("/token", FORM, &code_form("unknown")).await,
        Code::CodeReused => {
            let form = code_form(&server.code().await);
            server.post("/token", FORM, &form).await.refresh_token();
            server.post("/token", FORM, &form).await
        }
        Code::RedirectMismatch => {
            let form = code_form(&server.code().await) + "&redirect_uri=https://evil.example";
            server.post("/token", FORM, &form).await
        }
        Code::PkceFailed => {
            let form = code_form(&server.code().await).replace("verifier=d", "verifier=e");
            server.post("/token", FORM, &form).await
        }
        Code::DeviceCodeUnknown => ask_as_device(server, "unknown").await,
        Code::DeviceCodeExpired => {
            let (device_code, _) = server.begin_device().await;
            server.pass(Duration::from_secs(600));
            ask_as_device(server, &device_code).await
        }
        Code::AuthorizationPending => ask_as_device(server, &server.begin_device().await.0).await,
        Code::SlowDown => {
            let (device_code, _) = server.begin_device().await;
            ask_as_device(server, &device_code).await;
            ask_as_device(server, &device_code).await
        }
        Code::AccessDenied => {
            let (device_code, user_code) = server.begin_device().await;
            server.decide_device(&user_code, "deny").await;
            ask_as_device(server, &device_code).await
        }
        Code::DpopMismatch
        | Code::DpopProofInvalid
        | Code::DpopNonceRequired
        | Code::DpopRequired => super::dpop::provoke(code).await,
        Code::TokenInvalid => {
            let header = ("authorization", "Bearer x");
            ask(server.address, "GET", "/userinfo", &[header], b"").await
        }
        Code::ScopeInsufficient => {
            let bearer = format!("Bearer {}", server.refresh(token).await.text("access_token"));
            ask(server.address, "GET", "/userinfo", &[("authorization", &bearer)], b"").await
        }
        Code::SessionUnknown => {
            let bearer = format!("Bearer {}", server.refresh(token).await.text("access_token"));
            let header = ("authorization", bearer.as_str());
            ask(server.address, "DELETE", "/sessions/x", &[header], b"").await
        }
        Code::AssertionInvalid | Code::SubjectTokenInvalid | Code::TargetUnknown => {
            super::exchange::provoke(code).await
        }
        code => panic!("no request is known that is told {code:?}"),
    }
}

async fn ask_as_device(server: &Server, device_code: &str) -> Reply {
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    let form = format!("grant_type={grant}&client_id=app&device_code={device_code}");
    server.post("/token", FORM, &form).await
}

fn code_form(code: &str) -> String {
    format!(
        "grant_type=authorization_code&client_id=app&code={code}\
         &code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    )
}

#[tokio::test]
async fn j2_every_code_can_be_met_and_says_what_it_should() {
    for code in Code::ALL {
        let server = Server::start().await;
        let reply = provoke(code, &server).await;
        let json = reply.json();
        assert_eq!(json["code"], code.as_str(), "{reply:?}");
        assert_eq!(json["error"], code.error());
        assert_eq!(json["error_description"], code.description());
        let members: BTreeSet<_> = json.as_object().expect("an object").keys().cloned().collect();
        assert_eq!(members.len(), 3, "{members:?}");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let no_verdict = matches!(reply.status, 429 | 503);
        assert_eq!(reply.header("retry-after").is_some(), no_verdict, "{reply:?}");
        let challenged = reply.header("www-authenticate").is_some();
        assert_eq!(challenged, matches!(reply.status, 401 | 403), "{reply:?}");
    }
}

#[tokio::test]
async fn j6_malformed_requests_are_400_or_401_and_never_500() {
    let server = Server::start().await;
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let deep = format!(r#"{{"username":{deep},"password":"x"}}"#);
    let many: Vec<_> = (0..1000).map(|name| format!("{name}=x")).collect();
    let rows: Vec<(&str, (&str, &str), Vec<u8>)> = vec![
        ("/token", FORM, b"".to_vec()),
        ("/token", FORM, b"\xff\xfe=%".to_vec()),
        ("/token", FORM, b"grant_type=refresh_token&client_id=app".to_vec()),
        ("/token", FORM, b"grant_type=refresh_token&client_id=app&refresh_token=".to_vec()),
        ("/token", FORM, b"grant_type=password&client_id=app&username=ada".to_vec()),
        ("/token", FORM, b"grant_type=password&grant_type=password&client_id=app".to_vec()),
        ("/token", FORM, b"grant_type=refresh_token&refresh_token=x".to_vec()),
        ("/token", FORM, b"grant_type=refresh_token&client_id=nobody&refresh_token=x".to_vec()),
        ("/token", FORM, b"grant_type=authorization_code&client_id=app".to_vec()),
        ("/token", FORM, b"grant_type=authorization_code&client_id=app&code=x".to_vec()),
        ("/token", FORM, many.join("&").into_bytes()),
        ("/token", ("x-no", "type"), b"grant_type=password".to_vec()),
        ("/token", ("authorization", "Basic \u{1}"), b"".to_vec()),
        ("/api/auth/login", JSON, b"".to_vec()),
        ("/api/auth/login", JSON, b"{".to_vec()),
        ("/api/auth/login", JSON, b"null".to_vec()),
        ("/api/auth/login", JSON, b"{\"username\":\"ada\"}".to_vec()),
        ("/api/auth/login", JSON, br#"{"username":"ada","password":7}"#.to_vec()),
        ("/api/auth/login", JSON, br#"{"username":"","password":""}"#.to_vec()),
        ("/api/auth/login", JSON, br#"{"username":"\ud800","password":""}"#.to_vec()),
        ("/api/auth/login", JSON, b"\xff\xff".to_vec()),
        ("/api/auth/login", JSON, deep.into_bytes()),
        ("/api/auth/login", FORM, br#"{"username":"ada","password":"correct horse"}"#.to_vec()),
        ("/api/auth/refresh", JSON, b"{}".to_vec()),
        ("/api/auth/refresh", JSON, br#"{"refresh_token":"x"}"#.to_vec()),
        ("/api/auth/refresh", JSON, br#"{"refresh_token":"x","refresh_token":"y"}"#.to_vec()),
        ("/introspect", FORM, b"".to_vec()),
        ("/introspect", FORM, b"token=x&token=y".to_vec()),
        ("/introspect", JSON, b"{}".to_vec()),
        ("/token", ("dpop", "x"), b"".to_vec()),
        ("/token", FORM, b"client_assertion=x&grant_type=password".to_vec()),
        ("/token", FORM, b"client_assertion=&client_assertion_type=x".to_vec()),
        ("/revoke", FORM, b"".to_vec()),
        ("/revoke", JSON, b"{}".to_vec()),
    ];
    for (path, header, body) in &rows {
        let reply = ask(server.address, "POST", path, &[*header], body).await;
        let shown = String::from_utf8_lossy(body);
        assert!(matches!(reply.status, 400 | 401), "{path} {shown}: {reply:?}");
        if !reply.body.is_empty() {
            assert!(reply.json()["code"].is_string(), "{path} {shown}: {reply:?}");
        }
    }
    let name = json!({"username": "a".repeat(257), "password": "x"}).to_string();
    assert_eq!(server.post("/api/auth/login", JSON, &name).await.status, 400);
    assert_eq!(server.issuer.counts().sessions_opened, 0);
    assert_eq!(server.get("/token").await.status, 405);
}

#[tokio::test]
async fn j6_a_body_beyond_16_kib_is_refused_at_every_door() {
    let server = Server::start().await;
    let form = format!("client_id=app&token={}", "x".repeat(17_000));
    let json = json!({"refresh_token": "x".repeat(17_000)}).to_string();
    for (path, header, body) in [
        ("/token", FORM, &form),
        ("/revoke", FORM, &form),
        ("/introspect", FORM, &form),
        ("/api/auth/login", JSON, &json),
        ("/api/auth/refresh", JSON, &json),
    ] {
        let reply = server.post(path, header, body).await;
        assert_eq!((reply.status, reply.text("code").as_str()), (413, "request_too_large"));
    }
}

#[tokio::test]
async fn rfc6749_5_2_a_client_uses_only_its_grants() {
    let refresh_only = Client::public("api").with_grants([GrantType::RefreshToken]);
    let server = Server::start_with(|builder| builder.login_client(refresh_only)).await;
    let login = json!({"username": "ada", "password": "correct horse"}).to_string();
    let reply = server.post("/api/auth/login", JSON, &login).await;
    assert_eq!((reply.status, reply.text("code").as_str()), (400, "grant_not_allowed"));
    assert_eq!(reply.text("error"), "unauthorized_client");
    let login_only = Client::public("api").with_grants([GrantType::Password]);
    let server = Server::start_with(|builder| builder.login_client(login_only)).await;
    let reply = server.post("/api/auth/login", JSON, &login).await;
    assert_eq!((reply.status, reply.json().get("refresh_token")), (200, None), "of no use to it");
    let opened =
        server.issuer.open_session("user-1", "api", Scopes::default()).await.expect("opened");
    let token = opened.refresh_token.expect("a session has one");
    let refresh = json!({"refresh_token": token.expose()}).to_string();
    let reply = server.post("/api/auth/refresh", JSON, &refresh).await;
    assert_eq!((reply.status, reply.text("code").as_str()), (400, "grant_not_allowed"));
}

#[tokio::test]
async fn c13_no_reply_and_no_audit_entry_holds_a_secret() {
    use std::sync::{Arc, Mutex};
    let log = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&log);
    let server = Server::start_with(|builder| {
        builder.audit(move |audit| {
            writer.lock().expect("no panic held it").push(format!("{audit:?}"));
        })
    })
    .await;
    let token = server.login().await;
    let mut replies = Vec::new();
    for _ in 0..6 {
        let login = json!({"username": "canary-name", "password": "canary-word"}).to_string();
        replies.push(server.post("/api/auth/login", JSON, &login).await.body);
    }
    let secret = "grant_type=client_credentials&client_id=job&client_secret=canary-secret";
    replies.push(server.post("/token", FORM, secret).await.body);
    let other = refresh_form(&token).replace("=app", "=other");
    replies.push(server.post("/token", FORM, &other).await.body);
    server.refresh(&token).await.refresh_token();
    let log = log.lock().expect("no panic held it").join("\n");
    assert!(log.contains("Rotated") && log.contains("LoginFailed"), "{log}");
    for told in replies.iter().chain([&log]) {
        assert!(!told.contains("canary") && !told.contains(&token[8..]), "{told}");
    }
}
