//! `openapi.json` says what the routes do, and the routes do what it says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::rig::Rig;

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

fn example(path: &str) -> String {
    let mut parts = path.split('/').map(|part| if part.starts_with('{') { "acme" } else { part });
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |path, part| format!("{path}/{part}"))
}

#[tokio::test]
async fn every_method_of_the_document_is_there_and_no_other() {
    let rig = Rig::new().await;
    let document = rig.ask("GET", "/openapi.json", None).await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().expect("paths");
    for (path, operations) in paths {
        let documented: BTreeSet<_> =
            operations.as_object().expect("operations").keys().map(String::as_str).collect();
        for method in METHODS {
            // Without a body and a ticket none of them does anything; what counts is who answers.
            let answer = rig.ask_as("none", &method.to_uppercase(), &example(path), None).await;
            let is_there = answer.status != 405 && answer.status != 404
                || path == "/metrics" && method == "get";
            assert_eq!(is_there, documented.contains(method), "{method} {path}: {}", answer.status);
            let status = answer.status.as_u16().to_string();
            if is_there {
                assert!(
                    operations[method]["responses"].get(&status).is_some(),
                    "{method} {path}: {status}"
                );
            }
        }
    }
}

#[tokio::test]
async fn every_reference_of_the_document_leads_somewhere_and_every_operation_has_a_name() {
    let rig = Rig::new().await;
    let document = rig.ask("GET", "/openapi.json", None).await.json();
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().expect("a pointer");
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    for kind in ["schemas", "parameters", "responses"] {
        for name in document["components"][kind].as_object().expect("components").keys() {
            assert!(
                text.contains(&format!("\"#/components/{kind}/{name}\"")),
                "{kind}/{name} is not used"
            );
        }
    }
    let mut names = BTreeSet::new();
    for operations in document["paths"].as_object().expect("paths").values() {
        for operation in operations.as_object().expect("operations").values() {
            assert!(
                names.insert(operation["operationId"].to_string()),
                "{}",
                operation["operationId"]
            );
        }
    }
}

/// The codes of the document are ours, all of them.
#[tokio::test]
async fn i5_the_codes_of_the_document_are_all_codes() {
    let rig = Rig::new().await;
    let document = rig.ask("GET", "/openapi.json", None).await.json();
    let codes: Vec<_> = unlapse_broker::Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(document["components"]["schemas"]["Code"]["enum"], json!(codes));
}

/// Replies have the members that their schemas say, and no others.
#[tokio::test]
async fn replies_are_as_their_schemas_say() {
    let rig = Rig::new().await;
    rig.bring("ada").await;
    let document = rig.ask("GET", "/openapi.json", None).await.json();
    let ada = "/v1/connections/ada/acme/main";
    let hook = json!({"url": "https://a.example/"});
    let key = json!({"label": "x", "verbs": ["read"]});
    let user = json!({"user": "ada", "provider": "acme", "account": "main"});
    let asked = [
        ("Connection", rig.ask("GET", ada, None).await),
        ("Connections", rig.ask("GET", "/v1/connections", None).await),
        ("Token", rig.ask("POST", &format!("{ada}/token"), None).await),
        ("Attempts", rig.ask("GET", &format!("{ada}/attempts"), None).await),
        ("Connect", rig.ask("POST", "/v1/connect", Some(user)).await),
        ("Stats", rig.ask("GET", "/v1/stats", None).await),
        ("Forecast", rig.ask("GET", "/v1/forecast", None).await),
        ("App", rig.ask("GET", "/v1/apps/acme", None).await),
        ("Apps", rig.ask("GET", "/v1/apps", None).await),
        ("Webhook", rig.ask("PUT", "/v1/webhooks/a", Some(hook)).await),
        ("WebhookShown", rig.ask("GET", "/v1/webhooks/a", None).await),
        ("Webhooks", rig.ask("GET", "/v1/webhooks", None).await),
        ("WebhookSecret", rig.ask("POST", "/v1/webhooks/a/secret", None).await),
        ("ApiKeyMade", rig.ask("POST", "/v1/api-keys", Some(key)).await),
        ("ApiKeys", rig.ask("GET", "/v1/api-keys", None).await),
        ("Tenant", rig.ask_as(&rig.operator, "GET", "/v1/tenants/shop", None).await),
        ("Tenants", rig.ask_as(&rig.operator, "GET", "/v1/tenants", None).await),
        ("Ready", rig.ask("GET", "/readyz", None).await),
        ("Lives", rig.ask("GET", "/healthz", None).await),
        ("Problem", rig.ask("GET", "/nowhere", None).await),
        ("Problem", rig.ask("GET", "/v1/connections/eve/acme/main", None).await),
    ];
    for (schema, answer) in asked {
        let schema = &document["components"]["schemas"][schema];
        fits(&document, schema, &answer.json(), &answer.text());
    }
}

/// Of JSON Schema, what the document uses for replies; schemathesis knows the rest.
fn fits(document: &Value, schema: &Value, value: &Value, of: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = document.pointer(&reference[1..]).expect("a schema");
        return fits(document, schema, value, of);
    }
    let types: BTreeMap<&str, bool> = [
        ("object", value.is_object()),
        ("array", value.is_array()),
        ("string", value.is_string()),
        ("integer", value.is_i64() || value.is_u64()),
        ("boolean", value.is_boolean()),
        ("null", value.is_null()),
    ]
    .into();
    let is = |name: &Value| name.as_str().is_some_and(|name| types[name]);
    match &schema["type"] {
        Value::Null => {}
        Value::Array(names) => assert!(names.iter().any(is), "{value} in {of}"),
        name => assert!(is(name), "{value} in {of}"),
    }
    if let Some(known) = schema["enum"].as_array() {
        assert!(known.contains(value), "{value} in {of}");
    }
    if let Some(members) = value.as_object().filter(|_| schema["properties"].is_object()) {
        for required in schema["required"].as_array().into_iter().flatten() {
            assert!(members.contains_key(required.as_str().expect("a name")), "{required} in {of}");
        }
        for (name, value) in members {
            let member = schema["properties"].get(name);
            fits(document, member.unwrap_or_else(|| panic!("{name} in {of}")), value, of);
        }
    }
    for value in value.as_array().into_iter().flatten() {
        fits(document, &schema["items"], value, of);
    }
}
