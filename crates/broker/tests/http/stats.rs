//! `/v1/stats` and `/v1/forecast`: the dashboard's numbers, for whom they concern.

use serde_json::{Value, json};

use crate::rig::{Rig, name, until, verbs};

const DAY: u64 = 86_400;

#[tokio::test]
async fn i7_a_tenant_sees_its_own_numbers_and_an_operator_all() {
    let rig = Rig::new().await;
    // Attempts are noted behind the renewal's back, by a node that works.
    let node = rig.broker.clone();
    let working = tokio::spawn(async move { node.run(core::future::pending()).await });
    rig.bring("ada").await;
    let login = rig.provider.log_in();
    let body = json!({
        "access_token": login.access_token.as_str(),
        "refresh_token": login.refresh_token.as_str(),
        "expires_in": 1800,
        "refresh_expires_in": 10 * DAY,
    });
    let put = rig.ask("PUT", "/v1/connections/bea/acme/main", Some(body)).await;
    assert_eq!(put.status, 200, "{}", put.text());
    let renewed = rig.ask("POST", "/v1/connections/ada/acme/main/refresh", None).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text());

    let made = rig.broker.tables().make_api_key(Some(name("other")), "o", verbs("read"), None);
    let other = made.await.expect("a key").1.expose().to_owned();
    let active = json!([{"tenant": "shop", "provider": "acme", "count": 2}]);
    // Numbers are kept for 2 s.
    until("the renewal is counted", async || {
        let stats = rig.ask("GET", "/v1/stats", None).await.json();
        stats["active"] == active && stats["latencies"][0]["count"] == 1
    })
    .await;

    let named = "/v1/stats?tenant=shop";
    for (key, path) in [(&rig.key, named), (&rig.operator, named), (&rig.operator, "/v1/stats")] {
        until("the numbers are the same for all who may see them", async || {
            let stats = rig.ask_as(key, "GET", path, None).await.json();
            stats["active"] == active && stats["minutes"].as_array().map(Vec::len) == Some(60)
        })
        .await;
    }
    let ends = json!([{
        "tenant": "shop", "provider": "acme",
        "within_7_days": 0, "within_14_days": 1, "within_30_days": 1,
    }]);
    let forecast = rig.ask("GET", "/v1/forecast", None).await.json();
    assert_eq!(forecast["ends"], ends);
    let due = forecast["due"].as_array().expect("hours");
    assert_eq!((due.len(), due.iter().filter_map(Value::as_u64).sum()), (24, 2), "{forecast}");

    for path in ["/v1/stats", "/v1/forecast"] {
        let nothing = rig.ask_as(&other, "GET", path, None).await;
        assert_eq!(nothing.status, 200, "{}", nothing.text());
        assert!(!nothing.text().contains("shop"), "{}", nothing.text());
        let refused = rig.ask_as(&other, "GET", &format!("{path}?tenant=shop"), None).await;
        refused.is_problem(403, "FORBIDDEN");
        let weak = rig.key("token").await;
        rig.ask_as(&weak, "GET", path, None).await.is_problem(403, "FORBIDDEN");
    }
    working.abort();
}
