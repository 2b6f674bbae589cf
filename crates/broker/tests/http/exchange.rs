//! `POST /oauth/token` (RFC 8693).

use axum::body::Body;
use axum::http::{Request, header};
use url::form_urlencoded::Serializer;

use crate::rig::{Answer, Rig};

const GRANT: (&str, &str) = ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
const TYPE: (&str, &str) = ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token");

async fn exchange(rig: &Rig, parameters: &[(&str, &str)]) -> Answer {
    let body = Serializer::new(String::new()).extend_pairs(parameters).finish();
    let request = Request::post("/oauth/token")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body));
    rig.send(request.expect("a request")).await
}

fn is_error(answer: &Answer, error: &str) {
    assert_eq!(answer.json()["error"], error, "{}", answer.text());
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn rfc8693_2_1_a_key_is_exchanged_for_a_connections_token() {
    let rig = Rig::new().await;
    let login = rig.bring("a%2Fda").await;
    let key = ("subject_token", rig.key.as_str());
    for target in [
        ("audience", "a%2Fda/acme/main"),
        ("resource", "https://broker.example/v1/connections/a%2Fda/acme/main"),
    ] {
        let exchanged = exchange(&rig, &[GRANT, TYPE, key, target]).await;
        let json = exchanged.json();
        assert_eq!(exchanged.status, 200, "{json}");
        assert_eq!(json["access_token"], *login.access_token);
        assert_eq!(json["issued_token_type"], TYPE.1);
        assert_eq!((&json["token_type"], json["expires_in"].is_u64()), (&"Bearer".into(), true));
        assert_eq!(exchanged.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn rfc8693_2_2_2_a_row_for_each_refusal() {
    let rig = Rig::new().await;
    rig.bring("ada").await;
    let key = ("subject_token", rig.key.as_str());
    let ada = ("audience", "ada/acme/main");
    is_error(&exchange(&rig, &[TYPE, key, ada]).await, "invalid_request");
    is_error(
        &exchange(&rig, &[("grant_type", "password"), TYPE, key, ada]).await,
        "unsupported_grant_type",
    );
    is_error(&exchange(&rig, &[GRANT, key, ada]).await, "invalid_request");
    is_error(&exchange(&rig, &[GRANT, TYPE, ada]).await, "invalid_request");
    is_error(&exchange(&rig, &[GRANT, TYPE, key]).await, "invalid_request");
    is_error(&exchange(&rig, &[GRANT, GRANT, TYPE, key, ada]).await, "invalid_request");
    is_error(
        &exchange(&rig, &[GRANT, TYPE, ("subject_token", "ulk_x"), ada]).await,
        "invalid_request",
    );
    is_error(
        &exchange(&rig, &[GRANT, TYPE, key, ("audience", "eve/acme/main")]).await,
        "invalid_target",
    );
    is_error(&exchange(&rig, &[GRANT, TYPE, key, ("audience", "ada")]).await, "invalid_target");
    let elsewhere = ("resource", "https://evil.example/v1/connections/ada/acme/main");
    is_error(&exchange(&rig, &[GRANT, TYPE, key, elsewhere]).await, "invalid_target");
    is_error(
        &exchange(&rig, &[GRANT, TYPE, key, ada, ("scope", "everything")]).await,
        "invalid_scope",
    );
    let reader = rig.key("read").await;
    let reader = exchange(&rig, &[GRANT, TYPE, ("subject_token", &reader), ada]).await;
    is_error(&reader, "unauthorized_client");
    assert!(!reader.headers.contains_key("www-authenticate"));
}
