//! No planted secret is found in the `Debug` or `Display` of anything public (C13, R18).

use core::fmt::Debug;

use http::{HeaderMap, StatusCode};
use unlapse_core::{Secret, UnixTime};
use unlapse_oauth::discovery::{Issuer, Metadata};
use unlapse_oauth::grant::{self, LoginEndpoint, Target};
use unlapse_oauth::revocation::{self, TokenTypeHint};
use unlapse_oauth::{
    ApiKeyHeader, Client, Endpoint, Form, ReplyFields, bearer, challenges, parse, parse_login,
};

const CANARY: &str = "canary-4711";

#[track_caller]
fn assert_silent(value: &impl Debug) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!text.contains(CANARY), "{text}");
    }
}

#[test]
fn r18_configuration_is_silent() {
    let secret = Secret::new(CANARY);
    let endpoint: Endpoint = format!("https://as.example/t?key={CANARY}").parse().expect("good");
    assert_silent(&endpoint);
    assert!(!endpoint.to_string().contains(CANARY));
    assert_silent(&LoginEndpoint::new(endpoint));
    assert_silent(&Client::basic("cli", secret.clone()));
    assert_silent(&Client::post("cli", secret.clone()));
    assert_silent(&Form::new().secret("token", &secret));
    let bad = format!("https://user:{CANARY}@as.example/");
    let error = Endpoint::parse(&bad).expect_err("user information");
    assert_silent(&error);
    assert!(!error.to_string().contains(CANARY));
}

#[test]
fn r18_headers_are_silent() {
    let secret = Secret::new(CANARY);
    assert_silent(&bearer::authorization("bearer", &secret).expect("good"));
    assert_silent(&ApiKeyHeader::default().value(&secret).expect("good"));
    let bad = Secret::new(format!("{CANARY} "));
    let error = bearer::authorization("bearer", &bad).expect_err("a space");
    assert_silent(&error);
    assert!(!error.to_string().contains(CANARY));

    let endpoint: Endpoint = "https://as.example/t".parse().expect("good");
    let client = Client::basic("cli", secret.clone());
    for request in [
        grant::refresh(&endpoint, &client, &secret, Target::default()),
        grant::client_credentials(&endpoint, &client, Target::default()),
        grant::password(&endpoint, &client, "jo", &secret, Target::default()),
        revocation::request(&endpoint, &client, &secret, TokenTypeHint::RefreshToken),
        LoginEndpoint::new(endpoint.clone()).login("jo", &secret),
    ] {
        // The body is `http`'s and `bytes`' to print; everything else is ours.
        assert_silent(&request.into_parts().0);
    }
}

#[test]
fn r18_replies_are_silent() {
    let json = format!(
        r#"{{"access_token":"{CANARY}","refresh_token":"{CANARY}","id_token":"{CANARY}"}}"#
    );
    let error = format!(r#"{{"error":"{CANARY}","error_description":"{CANARY}"}}"#);
    let form = format!("access_token={CANARY}&refresh_token={CANARY}");
    let broken = format!(r#"{{"access_token":"{CANARY}""#);
    for body in [json, error, form, broken] {
        for status in [StatusCode::OK, StatusCode::BAD_REQUEST] {
            let (headers, now) = (HeaderMap::new(), UnixTime::default());
            assert_silent(&parse(status, &headers, body.as_bytes(), now));
            let fields = ReplyFields::default();
            assert_silent(&parse_login(status, &headers, body.as_bytes(), now, &fields));
            assert_silent(&revocation::judge(status, &headers, body.as_bytes(), now));
            let issuer: Issuer = "https://as.example".parse().expect("good");
            assert_silent(&Metadata::parse(&issuer, body.as_bytes()));
        }
    }
    let mut headers = HeaderMap::new();
    let value = format!("Bearer error=invalid_token, error_description=\"{CANARY} ended\"");
    headers.insert("www-authenticate", value.parse().expect("a value"));
    assert_silent(&challenges(&headers));
}
