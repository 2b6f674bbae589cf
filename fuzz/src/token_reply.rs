//! The reply of a token endpoint (R8).

use core::time::Duration;

use serde_json::{Map, Value};
use unlapse_core::{Body, Door, Grant, classify};
use unlapse_oauth::parse;

use crate::answer::{self, Answer, NOW};

/// Nothing but a structured error rejects, nothing but a 2xx grants, whatever the Content-Type says;
/// and a grant that is written down again reads as the same.
pub fn token_reply(data: &[u8]) {
    let Some(answer) = Answer::read(data) else { return };
    let parse = |answer: &Answer<'_>| parse(answer.status, &answer.headers, answer.body, NOW);
    let reply = parse(&answer);
    assert_eq!(reply, parse(&answer), "the same answer, another reading");
    let verdict = classify(unlapse_core::Answer::Replied(reply.clone()), Door::Token);
    answer.check(&reply, &verdict, Door::Token);

    if matches!(reply.body, Body::Grant(_) | Body::Error(_)) {
        for content_type in ["text/html", "application/json", "application/x-www-form-urlencoded"] {
            assert_eq!(parse(&answer.with_type(content_type)).body, reply.body, "{content_type}");
        }
    }
    if let Body::Grant(grant) = reply.body {
        let body = written(&grant);
        let again = Answer { body: body.as_bytes(), ..answer::ok() };
        let Body::Grant(read) = parse(&again).body else { panic!("no grant any more") };
        // A hundred years as a double are exact to half a microsecond.
        let near = |one: Option<Duration>, two: Option<Duration>| match (one, two) {
            (Some(one), Some(two)) => one.abs_diff(two) <= Duration::from_micros(1),
            (one, two) => one == two,
        };
        assert!(near(read.expires_in, grant.expires_in));
        let Grant { expires_in, refresh_expires_in, .. } = *read;
        assert!(Grant { expires_in, refresh_expires_in, ..*grant } == *read, "another grant");
    }
}

/// The grant as RFC 6749 §5.1 writes it.
fn written(grant: &Grant) -> String {
    let mut object = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        object.extend(value.map(|value| (name.to_owned(), value)));
    };
    let seconds = |span: Duration| Value::from(span.as_secs_f64());
    put("access_token", Some(grant.access_token.expose().into()));
    put("refresh_token", grant.refresh_token.as_ref().map(|token| token.expose().into()));
    put("id_token", grant.id_token.as_ref().map(|token| token.expose().into()));
    put("token_type", grant.token_type.clone().map(Value::from));
    put("scope", grant.scope.clone().map(Value::from));
    put("expires_in", grant.expires_in.map(seconds));
    put("refresh_token_expires_in", grant.refresh_expires_in.map(seconds));
    Value::from(object).to_string()
}
