//! A refresh that is tried again, and what it leaves behind (I2, I4, I6).

use unlapse_example_stage::Issuing;

use crate::service::{Service, path};

#[test]
fn i2_a_refresh_returns_the_updated_connection() {
    let service = Service::start();
    service.connect("ada", "mail");
    let (_, before) = service.refresh("ada", "mail");
    let (status, after) = service.refresh("ada", "mail");
    assert_eq!((status, after["state"].as_str()), (200, Some("active")), "{after}");
    let generation = |connection: &serde_json::Value| connection["generation"].as_u64();
    assert_eq!(generation(&after), generation(&before).map(|before| before + 1));
    assert!(after["expires_at"].as_u64() >= before["expires_at"].as_u64(), "{before} {after}");
    assert_eq!(service.connection("ada", "mail").1, after);
    // Tokens that are given to us are bought anew.
    service.connect("ada", "files");
    assert_eq!(service.refresh("ada", "files").0, 200);
    assert_eq!(service.providers.files.tally().client_grants, 2);
}

#[test]
fn i2_i4_i6_a_provider_that_is_away_is_asked_again_and_costs_nothing() {
    let mut service = Service::start();
    service.connect("ada", "mail");
    assert_eq!(service.refresh("ada", "mail").0, 200);
    let before = service.connection("ada", "mail");

    // 503, `Retry-After: 1`: waited for.
    service.providers.mail.issuing(Issuing::Unavailable);
    let asked = service.providers.mail.tally();
    let (status, problem) = service.refresh("ada", "mail");
    assert_eq!(status, 503, "{problem}");
    assert_eq!(problem["code"], "TOKEN_REFRESH_ERROR");
    assert_eq!(problem["why"], "PROVIDER_DOWN");
    assert_eq!(problem["account"], "ada/mail/ada");
    assert_eq!(problem["attempts"], 3);
    assert!(problem["duration_ms"].as_u64() >= Some(1900), "two waits of a second: {problem}");
    assert_eq!((service.providers.mail.tally() - asked).token_requests, 3);
    assert_eq!(service.connection("ada", "mail"), before, "i4: nothing is lost or changed");
    assert_eq!(service.profile("ada", "mail").0, 200, "and its token is still served");

    let log = service.log();
    for said in ["refresh begins", "refresh is tried again", "attempt=2", "refresh failed"] {
        assert!(log.contains(said), "{said}: {log}");
    }

    service.providers.mail.issuing(Issuing::Prompt);
    let (status, connection) = service.refresh("ada", "mail");
    assert_eq!((status, connection["state"].as_str()), (200, Some("active")), "{connection}");
    assert!(service.log().contains("refreshed"));
    service.providers.mail.down();
    let (status, problem) = service.profile("ada", "mail");
    assert_eq!((status, problem["code"].as_str()), (502, Some("PROVIDER_API_AWAY")), "{problem}");
    assert_eq!(service.providers.mail.tally().reuses, 0);
}

#[test]
fn i2_options_that_are_none_are_refused() {
    let service = Service::start();
    service.connect("ada", "mail");
    for body in [
        "[",
        "[]",
        r#"{"max_retries": 11}"#,
        r#"{"max_retries": -1}"#,
        r#"{"max_retrys": 1}"#,
        r#"{"initial_delay_ms": 0}"#,
        r#"{"initial_delay_ms": 20000}"#,
        r#"{"max_delay_ms": 400000}"#,
    ] {
        let (status, problem) = service.ask("POST", &path("ada", "mail", "/refresh"), body);
        assert_eq!((status, problem["code"].as_str()), (400, Some("BAD_OPTIONS")), "{body}");
    }
}
