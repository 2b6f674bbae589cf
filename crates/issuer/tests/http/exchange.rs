//! One token for another (RFC 8693), and for an assertion (RFC 7523 §2.1).

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use unlapse_core::Secret;
use unlapse_issuer::verify::Refusal;
use unlapse_issuer::{
    Client, Code, GrantType, IssuerBuilder, JwkSet, MemoryClients, TrustedIssuer,
};

use super::prover::{Prover, START, with};
use super::server::{FORM, Reply, Server, refusal, scopes};

const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const API: &str = "https://api.example";
const BILLING: &str = "https://billing.example";

/// `gateway` serves the API and may ask tokens for billing; `nosy` may exchange and serves nothing;
/// `app` logs people in. People of `https://partner.example`, which signs with `partner`, are
/// `partner:…` here.
async fn start(partner: &Prover) -> Server {
    let secret = Secret::new("s3cret");
    let may = [GrantType::TokenExchange, GrantType::JwtBearer, GrantType::ClientCredentials];
    let gateway = Client::confidential("gateway", &secret)
        .with_grants(may)
        .with_scopes(scopes("read bill"))
        .with_audiences([BILLING])
        .serving([API]);
    let nosy = Client::confidential("nosy", &secret).with_grants(may).with_scopes(scopes("read"));
    let app = Client::public("app").with_scopes(scopes("read write"));
    let clients = Arc::new(MemoryClients::new([gateway, nosy, app]));
    let trusted = TrustedIssuer::new("https://partner.example", JwkSet::new([partner.jwk()]))
        .with_subjects(|claims| Some(format!("partner:{}", claims.get("sub")?.as_str()?)));
    let configure =
        |builder: IssuerBuilder| builder.audience(API).clients(clients).trusted_issuer(trusted);
    Server::start_with(configure).await
}

async fn exchange(server: &Server, client: &str, parameters: &[(&str, &str)]) -> Reply {
    ask(server, GrantType::TokenExchange, client, parameters).await
}

async fn ask(server: &Server, grant: GrantType, client: &str, more: &[(&str, &str)]) -> Reply {
    let mut form = format!("grant_type={}&client_id={client}", grant.as_str());
    let secret = [("client_secret", "s3cret")];
    let secret = if client == "app" { &[][..] } else { &secret };
    for (name, value) in secret.iter().chain(more) {
        form.extend(["&", name, "=", &value.replace(' ', "+")]);
    }
    server.post("/token", FORM, &form).await
}

/// An access token of the user `user-1` for the API, and its session's refresh token.
async fn user(server: &Server) -> (String, String) {
    let reply = server.refresh(&server.login().await).await;
    (reply.text("access_token"), reply.refresh_token())
}

/// What the token of a reply says, for whomever it is meant.
async fn claims(server: &Server, reply: &Reply) -> Value {
    let token = reply.text("access_token");
    let form = format!("client_id=gateway&client_secret=s3cret&token={token}");
    let claims = server.post("/introspect", FORM, &form).await.json();
    assert_eq!(claims["active"], true, "{reply:?}");
    claims
}

#[tokio::test]
async fn rfc8693_2_2_the_new_token_may_do_less_lives_no_longer_and_ends_with_the_old() {
    let server = start(&Prover::ed25519()).await;
    let (token, refresh) = user(&server).await;
    let old = server.issuer.verify(&token).expect("good");
    server.pass(Duration::from_secs(600));
    let parameters = [
        ("subject_token", token.as_str()),
        ("subject_token_type", ACCESS),
        ("audience", BILLING),
        ("requested_token_type", ACCESS),
    ];
    let reply = exchange(&server, "gateway", &parameters).await;
    assert_eq!(reply.text("issued_token_type"), ACCESS);
    assert_eq!(reply.text("token_type"), "Bearer");
    assert_eq!(
        (&reply.json()["scope"], &reply.json()["refresh_token"]),
        (&json!("read"), &Value::Null)
    );
    assert_eq!(server.issuer.verify(&reply.text("access_token")).err(), Some(Refusal::Audience));
    let new = claims(&server, &reply).await;
    assert_eq!((&new["sub"], &new["client_id"]), (&json!("user-1"), &json!("gateway")));
    assert_eq!((&new["aud"], &new["scope"]), (&json!(BILLING), &json!("read")));
    assert_eq!((&new["exp"], &new["sid"]), (&json!(old.exp), &json!(old.sid)));
    assert_eq!(new.get("act"), None);
    // It ends with the session, wherever that is ended.
    server.post("/revoke", FORM, &format!("client_id=app&token={refresh}")).await;
    let form =
        format!("client_id=gateway&client_secret=s3cret&token={}", reply.text("access_token"));
    assert_eq!(server.post("/introspect", FORM, &form).await.json(), json!({"active": false}));
    let again = exchange(&server, "gateway", &parameters).await;
    assert_eq!(again.refusal(), refusal(400, "subject_token_invalid"));
    assert_eq!(server.issuer.counts().exchanges, 1);
}

#[tokio::test]
async fn rfc8693_4_1_who_acts_is_said_and_not_forgotten() {
    let server = start(&Prover::ed25519()).await;
    let (token, _) = user(&server).await;
    let own = ask(&server, GrantType::ClientCredentials, "gateway", &[]).await;
    let actor = own.text("access_token");
    let parameters = [
        ("subject_token", token.as_str()),
        ("subject_token_type", ACCESS),
        ("actor_token", actor.as_str()),
        ("actor_token_type", ACCESS),
    ];
    let first = exchange(&server, "gateway", &parameters).await;
    assert_eq!(claims(&server, &first).await["act"], json!({"sub": "gateway"}));
    // Whoever exchanges that one without an actor hides nobody.
    let first = first.text("access_token");
    let again = [("subject_token", first.as_str()), ("subject_token_type", JWT)];
    let second = exchange(&server, "gateway", &again).await;
    assert_eq!(claims(&server, &second).await["act"], json!({"sub": "gateway"}));
}

#[tokio::test]
async fn rfc8693_2_1_a_row_for_each_request_that_is_refused() {
    let partner = Prover::p256();
    let server = start(&partner).await;
    let (token, refresh) = user(&server).await;
    let token = token.as_str();
    let subject = [("subject_token", token), ("subject_token_type", ACCESS)];
    let row = |more: &[(&'static str, &'static str)]| [&subject[..], more].concat();
    let foreign = Server::start().await;
    let (foreign, _) = user(&foreign).await;
    for (client, parameters, code) in [
        ("gateway", row(&[("audience", "https://other.example")]), "target_unknown"),
        ("gateway", row(&[("resource", "https://other.example")]), "target_unknown"),
        ("gateway", row(&[("audience", API), ("resource", BILLING)]), "target_unknown"),
        ("nosy", row(&[("audience", BILLING)]), "target_unknown"),
        ("gateway", row(&[("scope", "read write")]), "scope_not_allowed"), // the client's limit
        ("gateway", row(&[("scope", "bill")]), "scope_not_allowed"),       // the token's limit
        ("gateway", row(&[("requested_token_type", JWT)]), "request_malformed"),
        ("gateway", row(&[("requested_token_type", "x")]), "request_malformed"),
        ("gateway", row(&[("actor_token", "x")]), "request_malformed"),
        ("gateway", row(&[("actor_token_type", ACCESS)]), "request_malformed"),
        (
            "gateway",
            row(&[("actor_token", "x"), ("actor_token_type", ACCESS)]),
            "subject_token_invalid",
        ),
        ("gateway", vec![], "request_malformed"),
        ("gateway", vec![("subject_token", token)], "request_malformed"),
        (
            "gateway",
            vec![("subject_token", token), ("subject_token_type", "x")],
            "request_malformed",
        ),
        (
            "gateway",
            vec![("subject_token", "x"), ("subject_token_type", ACCESS)],
            "subject_token_invalid",
        ),
        (
            "gateway",
            vec![("subject_token", "a.b.c"), ("subject_token_type", JWT)],
            "subject_token_invalid",
        ),
        (
            "gateway",
            vec![("subject_token", &refresh), ("subject_token_type", ACCESS)],
            "subject_token_invalid",
        ),
        (
            "gateway",
            vec![("subject_token", &foreign), ("subject_token_type", ACCESS)],
            "subject_token_invalid",
        ),
        ("nosy", subject.to_vec(), "subject_token_invalid"), // not given to it, not meant for it
        ("app", subject.to_vec(), "grant_not_allowed"),
    ] {
        let reply = exchange(&server, client, &parameters).await;
        assert_eq!(reply.refusal(), refusal(400, code), "{client} {parameters:?}");
    }
    assert_eq!(server.issuer.counts().exchanges, 0);
    server.issuer.verify(token).expect("and it is as good as before");
}

fn statement(server: &Server, jti: &str) -> Value {
    let aud = format!("http://{}", server.address);
    json!({
        "iss": "https://partner.example", "sub": "eve", "aud": aud, "jti": jti,
        "iat": START, "exp": START + 300,
    })
}

#[tokio::test]
async fn rfc8693_2_1_a_trusted_issuers_token_is_exchanged_as_often_as_it_is_good() {
    let partner = Prover::p256();
    let server = start(&partner).await;
    let named = with(statement(&server, ""), "jti", None);
    let token = partner.jwt("JWT", &named);
    let shown = [("subject_token", token.as_str()), ("subject_token_type", JWT)];
    for _ in 0..2 {
        let reply = exchange(&server, "gateway", &shown).await;
        let new = claims(&server, &reply).await;
        assert_eq!((&new["sub"], &new["exp"]), (&json!("partner:eve"), &json!(START + 300)));
        assert_eq!(new["scope"], "read bill");
    }
    server.pass(Duration::from_secs(300));
    let late = exchange(&server, "gateway", &shown).await;
    assert_eq!(late.refusal(), refusal(400, "subject_token_invalid"));
}

#[tokio::test]
async fn rfc7523_2_1_an_assertion_is_good_for_one_token() {
    let partner = Prover::ed25519();
    let server = start(&partner).await;
    let assertion = partner.jwt("JWT", &statement(&server, "1"));
    let parameters = [("assertion", assertion.as_str()), ("scope", "read"), ("resource", BILLING)];
    let reply = ask(&server, GrantType::JwtBearer, "gateway", &parameters).await;
    let new = claims(&server, &reply).await;
    assert_eq!((&new["sub"], &new["client_id"]), (&json!("partner:eve"), &json!("gateway")));
    assert_eq!((&new["aud"], &new["scope"]), (&json!(BILLING), &json!("read")));
    assert_eq!((new.get("sid"), reply.json().get("refresh_token")), (None, None));
    assert_eq!(reply.json().get("issued_token_type"), None);
    let again = ask(&server, GrantType::JwtBearer, "gateway", &parameters).await;
    assert_eq!(again.refusal(), refusal(400, "assertion_invalid"));
    assert_eq!(again.text("error"), "invalid_grant");
}

#[tokio::test]
async fn rfc7523_3_a_row_for_each_assertion_that_is_refused() {
    let partner = Prover::ed25519();
    let server = start(&partner).await;
    let good = statement(&server, "good");
    let changed =
        |name: &str, value: Value| partner.jwt("JWT", &with(good.clone(), name, Some(value)));
    let invalid = refusal(400, "assertion_invalid");
    for assertion in [
        "x".to_owned(),
        "a.b.c".to_owned(),
        Prover::ed25519().jwt("JWT", &good),
        partner.jwt("at+jwt", &good),
        partner.jwt("client-authentication+jwt", &good),
        changed("iss", json!("https://other.example")),
        changed("iss", json!(format!("http://{}", server.address))),
        changed("aud", json!(["https://other.example"])),
        changed("exp", json!(START - 60)),
        changed("exp", json!(START + 7200)),
        changed("nbf", json!(START + 60)),
        changed("sub", json!("")),
        partner.jwt("JWT", &with(good.clone(), "jti", None)),
    ] {
        let reply =
            ask(&server, GrantType::JwtBearer, "gateway", &[("assertion", &assertion)]).await;
        assert_eq!(reply.refusal(), invalid, "{assertion}");
    }
    let assertion = partner.jwt("JWT", &good);
    let shown = [("assertion", assertion.as_str())];
    for (client, more, code) in [
        ("app", [].as_slice(), "grant_not_allowed"),
        ("gateway", &[("scope", "write")], "scope_not_allowed"),
        ("gateway", &[("audience", "https://other.example")], "target_unknown"),
    ] {
        let reply = ask(&server, GrantType::JwtBearer, client, &[&shown[..], more].concat()).await;
        assert_eq!(reply.refusal(), refusal(400, code), "{client} {more:?}");
    }
    let missing = ask(&server, GrantType::JwtBearer, "gateway", &[]).await;
    assert_eq!(missing.refusal(), refusal(400, "request_malformed"));
    // None of them has used it up.
    assert_eq!(ask(&server, GrantType::JwtBearer, "gateway", &shown).await.status, 200);
}

/// Does what is answered with `code`.
pub(crate) async fn provoke(code: Code) -> Reply {
    let server = start(&Prover::ed25519()).await;
    let (token, _) = user(&server).await;
    let token = if code == Code::SubjectTokenInvalid { "x" } else { &token };
    let shown = [("subject_token", token), ("subject_token_type", ACCESS), ("audience", "x")];
    match code {
        Code::AssertionInvalid => {
            ask(&server, GrantType::JwtBearer, "gateway", &[("assertion", "x")]).await
        }
        Code::SubjectTokenInvalid => exchange(&server, "gateway", &shown[..2]).await,
        _ => exchange(&server, "gateway", &shown).await,
    }
}
