//! Tenants, apps and webhooks, and what else there is.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};
use unlapse_broker::AuditFilter;

use crate::rig::{Answer, Rig, text};

#[tokio::test]
async fn an_app_keeps_its_secret_to_itself() {
    let rig = Rig::new().await;
    let app = json!({
        "provider": "acme", "client_id": "cid", "client_secret": "canary-other",
        "scopes": ["read", "write"], "return_to": ["https://a.example/"],
    });
    let put = rig.ask("PUT", "/v1/apps/second", Some(app)).await;
    assert_eq!(put.status, 200, "{}", put.text());
    assert_eq!(put.json()["has_client_secret"], true);
    let listed = rig.ask("GET", "/v1/apps", None).await;
    assert_eq!(listed.json()["apps"].as_array().map(Vec::len), Some(2));
    for answer in [put, listed, rig.ask("GET", "/v1/apps/second", None).await] {
        assert!(!answer.text().contains("canary"), "{}", answer.text());
    }
    let unknown = json!({"provider": "nobody", "client_id": "cid"});
    rig.ask("PUT", "/v1/apps/x", Some(unknown)).await.is_problem(400, "BAD_REQUEST");
    let nowhere = json!({"provider": "acme", "client_id": "cid"});
    let nowhere = rig.ask_as(&rig.operator, "PUT", "/v1/apps/x?tenant=nobody", Some(nowhere)).await;
    nowhere.is_problem(404, "NOT_FOUND");
    assert_eq!(rig.ask("DELETE", "/v1/apps/second", None).await.status, 204);
    rig.ask("GET", "/v1/apps/second", None).await.is_problem(404, "NOT_FOUND");
    rig.ask("DELETE", "/v1/apps/second", None).await.is_problem(404, "NOT_FOUND");
}

#[tokio::test]
async fn tenants_are_the_operators() {
    let rig = Rig::new().await;
    let speed = json!({"speed": "on_demand"});
    let put = rig.ask_as(&rig.operator, "PUT", "/v1/tenants/third", Some(speed)).await;
    assert_eq!((put.status.as_u16(), &put.json()["speed"]), (200, &json!("on_demand")));
    let listed = rig.ask_as(&rig.operator, "GET", "/v1/tenants", None).await;
    assert_eq!(listed.json()["tenants"].as_array().map(Vec::len), Some(3));
    rig.ask_as(&rig.operator, "GET", "/v1/tenants/fourth", None).await.is_problem(404, "NOT_FOUND");
    rig.ask_as(&rig.operator, "PUT", "/v1/tenants/A", Some(json!({})))
        .await
        .is_problem(400, "BAD_REQUEST");
    let audits =
        rig.broker.tables().audits(&AuditFilter::default(), None, 10).await.expect("audits");
    assert!(audits.iter().any(|entry| entry.what.action == "tenant.put"), "{audits:?}");
}

#[tokio::test]
async fn an_app_says_what_is_an_apps_alone_when_it_is_made_and_when_it_changes_its_provider() {
    let rig = Rig::new().await;
    let put = async |app: Value| rig.ask("PUT", "/v1/apps/mine", Some(app)).await;
    let at = |provider: &str| json!({"provider": provider, "client_id": "cid"});
    let lacks_its_host = |answer: &Answer| {
        answer.is_problem(400, "BAD_REQUEST");
        assert_eq!(answer.json()["detail"], "`params`: `host` is missing: Where it is");
    };
    lacks_its_host(&put(at("own-server")).await);
    rig.ask("GET", "/v1/apps/mine", None).await.is_problem(404, "NOT_FOUND");
    assert_eq!(put(at("acme")).await.status, 200);
    lacks_its_host(&put(at("own-server")).await);
    let kept = rig.ask("GET", "/v1/apps/mine", None).await.json();
    assert_eq!(kept["provider"], "acme", "it stays as it was: {kept}");
    let mut whole = at("own-server");
    whole["params"] = json!({"host": "id.acme.example"});
    assert_eq!(put(whole).await.status, 200);
    // Of its two variables, one has a default, and the other may come with each connection.
    assert_eq!(put(at("own-host")).await.status, 200);
}

#[tokio::test]
async fn an_import_goes_on_where_it_was_broken_off_and_names_its_faults() {
    let rig = Rig::new().await;
    let line = |user: &str| {
        json!({"user": user, "provider": "acme", "account": "main", "refresh_token": "canary-r"})
            .to_string()
    };
    let lines = format!("{}\n{}\n{{\"canary\n", line("a"), line("b"));
    let bring = async |path: &str, content_type: &str, lines: String| {
        let request = Request::post(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", rig.key))
            .header(header::CONTENT_TYPE, content_type)
            .body(Body::from(lines));
        rig.send(request.expect("a request")).await
    };
    let ndjson = "application/x-ndjson";
    let brought = bring("/v1/imports?id=first", ndjson, lines.clone()).await;
    let json = brought.json();
    assert_eq!(brought.status, 200, "{json}");
    assert_eq!(
        (&json["lines"], &json["brought"], &json["refused"]),
        (&3.into(), &2.into(), &1.into()),
        "{json}"
    );
    assert_eq!(json["faults"][0]["line"], 3);
    assert!(!brought.text().contains("canary"));
    let again =
        bring("/v1/imports?id=first", ndjson, format!("{lines}{}\n", line("c"))).await.json();
    assert_eq!((&again["lines"], &again["brought"]), (&4.into(), &3.into()), "{again}");
    let shown = rig.ask("GET", "/v1/imports/first", None).await;
    assert_eq!(shown.json()["brought"], 3);
    rig.ask("GET", "/v1/imports/second", None).await.is_problem(404, "NOT_FOUND");
    bring("/v1/imports", ndjson, String::new()).await.is_problem(400, "BAD_REQUEST");
    bring("/v1/imports?id=x", "application/json", String::new())
        .await
        .is_problem(415, "BAD_REQUEST");
}

#[tokio::test]
async fn health_tells_the_truth() {
    let rig = Rig::with(|options| options.metrics = Some(text("up 1\n"))).await;
    let get = async |path: &str| rig.ask_as("none", "GET", path, None).await;
    assert_eq!(get("/healthz").await.json(), json!({"status": "ok"}));
    let ready = get("/readyz").await;
    assert_eq!((ready.status.as_u16(), &ready.json()["status"]), (200, &json!("ready")));
    get("/metrics").await.is_problem(401, "UNAUTHORIZED");
    rig.ask("GET", "/metrics", None).await.is_problem(403, "FORBIDDEN");
    let metrics = rig.ask_as(&rig.operator, "GET", "/metrics", None).await;
    assert!(metrics.text().ends_with("\nup 1\n"), "{}", metrics.text());
    assert!(metrics.text().contains("\nunlapse_broker_ready 1\n"), "{}", metrics.text());
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    rig.options.draining.begin();
    let ready = get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json()["draining"], true);
    let metrics = rig.ask_as(&rig.operator, "GET", "/metrics", None).await;
    assert!(metrics.text().contains("\nunlapse_broker_draining 1\n"), "{}", metrics.text());
    assert_eq!(get("/healthz").await.status, 200, "it still lives");
    let without = Rig::new().await;
    without.ask("GET", "/metrics", None).await.is_problem(404, "NOT_FOUND");
}
