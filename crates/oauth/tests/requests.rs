//! What goes out, byte for byte.

use bytes::Bytes;
use http::{Method, Request};
use unlapse_core::Secret;
use unlapse_oauth::grant::{self, LoginEndpoint, LoginFields, Target};
use unlapse_oauth::revocation::{self, TokenTypeHint};
use unlapse_oauth::{Client, Endpoint, discovery};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

fn endpoint(text: &str) -> Endpoint {
    text.parse().expect("an endpoint")
}

fn token_endpoint() -> Endpoint {
    endpoint("https://as.example/token?tenant=a")
}

fn basic() -> Client {
    Client::basic("s6BhdRkqt3", Secret::new("7Fjfp0ZBr1KtDRbnfVdmIw"))
}

fn scope(scope: &str) -> Target<'_> {
    Target { scope: Some(scope), ..Target::default() }
}

const BASIC: (&str, &str) = ("authorization", "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3");

/// The whole request: method, URI, every header in order of name, body.
#[track_caller]
fn assert_post(request: &Request<Bytes>, uri: &str, headers: &[(&str, &str)], body: &str) {
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri().to_string(), uri);
    let mut found: Vec<_> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().expect("ASCII")))
        .collect();
    found.sort_unstable();
    assert_eq!(found, headers);
    assert_eq!(core::str::from_utf8(request.body()).expect("UTF-8"), body);
}

#[test]
fn refresh_by_each_kind_of_client() {
    let uri = "https://as.example/token?tenant=a";
    let token = Secret::new("tGzv3JOkF0XG5Qx2TlKWIA==");
    let plain = [("accept", JSON), ("content-type", FORM)];
    let spent = "grant_type=refresh_token&refresh_token=tGzv3JOkF0XG5Qx2TlKWIA%3D%3D";

    let request = grant::refresh(&token_endpoint(), &basic(), &token, Target::default());
    assert_post(&request, uri, &[plain[0], BASIC, plain[1]], spent);
    assert!(request.headers()["authorization"].is_sensitive());

    let request =
        grant::refresh(&token_endpoint(), &Client::public("cli"), &token, scope("read write"));
    assert_post(&request, uri, &plain, &format!("{spent}&scope=read+write&client_id=cli"));

    let client = Client::post("cli", Secret::new("s&t"));
    let request = grant::refresh(&token_endpoint(), &client, &token, Target::default());
    assert_post(&request, uri, &plain, &format!("{spent}&client_id=cli&client_secret=s%26t"));
}

#[test]
fn client_credentials() {
    let request = grant::client_credentials(&token_endpoint(), &basic(), scope("api"));
    assert_post(
        &request,
        "https://as.example/token?tenant=a",
        &[("accept", JSON), BASIC, ("content-type", FORM)],
        "grant_type=client_credentials&scope=api",
    );
    let client = Client::post("a b", Secret::new("ü"));
    let request = grant::client_credentials(&token_endpoint(), &client, Target::default());
    assert_eq!(request.body(), "grant_type=client_credentials&client_id=a+b&client_secret=%C3%BC");
}

#[test]
fn password() {
    // The example of RFC 6749 §4.3.2.
    let password = Secret::new("A3ddj3w");
    let request =
        grant::password(&token_endpoint(), &basic(), "johndoe", &password, Target::default());
    assert_post(
        &request,
        "https://as.example/token?tenant=a",
        &[("accept", JSON), BASIC, ("content-type", FORM)],
        "grant_type=password&username=johndoe&password=A3ddj3w",
    );
    let odd = Secret::new("a=b&c +%");
    let request = grant::password(&token_endpoint(), &Client::public("c"), "j@x", &odd, scope("s"));
    assert_eq!(
        request.body(),
        "grant_type=password&username=j%40x&password=a%3Db%26c+%2B%25&scope=s&client_id=c"
    );
}

#[test]
fn c9_login_endpoint_at_its_usual_place() {
    let server = endpoint("http://127.0.0.1:8080/base/");
    let pair = LoginEndpoint::at(&server).expect("an endpoint");
    let headers = [("accept", JSON), ("content-type", JSON)];
    assert_post(
        &pair.login("jo\"hn", &Secret::new("pä\\ss\n")),
        "http://127.0.0.1:8080/base/api/auth/login",
        &headers,
        r#"{"username":"jo\"hn","password":"pä\\ss\n"}"#,
    );
    let token = Secret::new("rt-1");
    assert!(pair.refresh(&token).is_none());

    let at = server.join_path(LoginEndpoint::REFRESH_PATH).expect("an endpoint");
    assert_post(
        &pair.with_refresh(at).refresh(&token).expect("has a refresh endpoint"),
        "http://127.0.0.1:8080/base/api/auth/refresh",
        &headers,
        r#"{"refresh_token":"rt-1"}"#,
    );
}

#[test]
fn c9_login_endpoint_with_names_of_its_own() {
    let mut pair = LoginEndpoint::new(endpoint("https://h.example/v2/session?app=1"));
    pair.refresh_url = Some(endpoint("https://h.example/v2/renew"));
    pair.sent = LoginFields {
        username: "e-mail".to_owned(),
        password: "pass\"word".to_owned(),
        refresh_token: "refreshToken".to_owned(),
    };
    let login = pair.login("jo@x.example", &Secret::new("pw"));
    assert_eq!(login.uri(), "https://h.example/v2/session?app=1");
    assert_eq!(login.body(), r#"{"e-mail":"jo@x.example","pass\"word":"pw"}"#);
    let refresh = pair.refresh(&Secret::new("rt")).expect("has a refresh endpoint");
    assert_eq!(refresh.body(), r#"{"refreshToken":"rt"}"#);
}

#[test]
fn k9_revocation() {
    // The example of RFC 7009 §2.1.
    let token = Secret::new("45ghiukldjahdnhzdauz");
    let hint = TokenTypeHint::RefreshToken;
    assert_post(
        &revocation::request(&endpoint("https://as.example/revoke"), &basic(), &token, hint),
        "https://as.example/revoke",
        &[("accept", JSON), BASIC, ("content-type", FORM)],
        "token=45ghiukldjahdnhzdauz&token_type_hint=refresh_token",
    );
    let request = revocation::request(
        &endpoint("https://as.example/revoke"),
        &Client::public("cli"),
        &token,
        TokenTypeHint::AccessToken,
    );
    assert_eq!(
        request.body(),
        "token=45ghiukldjahdnhzdauz&token_type_hint=access_token&client_id=cli"
    );
}

#[test]
fn discovery_is_a_plain_get() {
    let url = endpoint("https://as.example/.well-known/oauth-authorization-server");
    let request = discovery::request(&url);
    assert_eq!(request.method(), Method::GET);
    assert_eq!(request.uri(), "https://as.example/.well-known/oauth-authorization-server");
    assert_eq!(request.headers()["accept"], JSON);
    assert_eq!(request.headers().len(), 1);
    assert!(request.body().is_empty());
}

#[test]
fn rfc8707_a_target_names_scope_resource_and_audience() {
    let target =
        Target { resource: Some("https://api.example"), audience: Some("api"), ..scope("read") };
    let request = grant::client_credentials(&token_endpoint(), &Client::anonymous(), target);
    assert_eq!(
        request.body().as_ref(),
        b"grant_type=client_credentials&scope=read&resource=https%3A%2F%2Fapi.example&audience=api"
    );
}
