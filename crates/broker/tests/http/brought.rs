//! A login is brought by `PUT` or by a line of an import: what one takes, the other takes.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::rig::Rig;

/// Longest token that is kept, in bytes.
const LONGEST: usize = 16 * 1024;

/// Each with what is said of it where it is refused.
fn rows() -> Vec<(Value, Option<&'static str>)> {
    let of = |more: Value| {
        let mut sent = json!({"refresh_token": "r"});
        let members = sent.as_object_mut().expect("an object");
        members.extend(more.as_object().expect("an object").clone());
        sent
    };
    let kind = |kind: &str| of(json!({ "token_type": kind }));
    let token = |length: usize| json!({"refresh_token": "x".repeat(length)});
    let good = [
        json!({"access_token": "a"}),
        token(LONGEST),
        of(json!({"access_token": null, "expires_in": null, "token_type": null})),
        of(json!({"expires_in": 0, "refresh_expires_in": 0, "scope": ""})),
        of(json!({"expires_in": 315_360_000, "refresh_expires_in": 315_360_000})),
        of(json!({"scope": "read  https://a.example/b"})),
        of(json!({"metadata": {"instance_url": "https://a.example"}})),
        kind("Bearer"),
        kind("DPoP"),
        // RFC 9110 §5.6.2.
        kind("a!#$%&'*+-.^_`|~0"),
        kind(&"x".repeat(64)),
    ];
    let bad = [
        ("neither", json!({})),
        ("neither", json!({"access_token": null})),
        ("`access_token`", json!({"access_token": ""})),
        ("`access_token`", json!({"access_token": "a b"})),
        ("`access_token`", json!({"access_token": "ä"})),
        ("`refresh_token`", json!({"refresh_token": "r\n"})),
        ("`refresh_token`", token(LONGEST + 1)),
        ("`expires_in`", of(json!({"expires_in": 315_360_001}))),
        ("`expires_in`", of(json!({"expires_in": u64::MAX}))),
        ("`refresh_expires_in`", of(json!({"refresh_expires_in": 315_360_001}))),
        ("`scope`", of(json!({"scope": "a\"b"}))),
        ("`scope`", of(json!({"scope": "ä"}))),
        ("`token_type`", kind("")),
        ("`token_type`", kind("Bear er")),
        ("`token_type`", kind("a/b")),
        ("`token_type`", kind("ä")),
        ("`token_type`", kind("a\u{0}")),
        ("`token_type`", kind(&"x".repeat(65))),
        ("metadata", of(json!({"metadata": {"": ""}}))),
        ("metadata", of(json!({"metadata": {"a b": ""}}))),
        ("metadata", of(json!({"metadata": {"a": "\u{0}"}}))),
    ];
    let bad = bad.into_iter().map(|(said, sent)| (sent, Some(said)));
    good.into_iter().map(|sent| (sent, None)).chain(bad).collect()
}

/// The row as a line of an import, of a user who is nobody else's.
fn line(nth: usize, sent: &Value) -> String {
    let mut line = json!({"user": format!("line {nth}"), "provider": "acme", "account": "main"});
    let members = line.as_object_mut().expect("an object");
    members.extend(sent.as_object().expect("an object").clone());
    format!("{line}\n")
}

#[tokio::test]
async fn i1_i6_put_and_import_take_and_refuse_the_same_in_the_same_words() {
    let rig = Rig::new().await;
    let rows = rows();
    let lines: String = rows.iter().enumerate().map(|(nth, (sent, _))| line(nth, sent)).collect();
    let request = Request::post("/v1/imports?id=rows")
        .header(header::AUTHORIZATION, format!("Bearer {}", rig.key))
        .header(header::CONTENT_TYPE, "application/x-ndjson");
    let imported = rig.send(request.body(Body::from(lines)).expect("a request")).await;
    assert_eq!(imported.status, 200, "{}", imported.text());
    let imported = imported.json();
    let faults = imported["faults"].as_array().expect("faults");
    let refused = rows.iter().filter(|(_, said)| said.is_some()).count();
    assert_eq!((faults.len(), &imported["brought"]), (refused, &json!(rows.len() - refused)));
    for (nth, (sent, said)) in rows.iter().enumerate() {
        let path = format!("/v1/connections/put%20{nth}/acme/main");
        let put = rig.ask("PUT", &path, Some(sent.clone())).await;
        let fault = faults.iter().find(|fault| fault["line"] == nth + 1);
        let Some(said) = said else {
            assert_eq!((put.status.as_u16(), fault), (200, None), "{}", put.text());
            continue;
        };
        let problem = put.is_problem(400, "BAD_REQUEST").json();
        let detail = problem["detail"].as_str().expect("text");
        // Short ones alone: a long token would fill the screen.
        let shown: String = sent.to_string().chars().take(80).collect();
        assert!(detail.to_lowercase().contains(said), "{shown}: {detail}");
        assert_eq!(fault.map(|fault| &fault["reason"]), Some(&problem["detail"]), "{shown}");
    }
}
