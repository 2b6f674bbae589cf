//! What providers say of a lifetime in their own ways: at another host, in other units.

use std::sync::{Arc, Mutex};

use unlapse::{Exchange as _, Request};
use unlapse_core::Verdict;

use super::server::{BASIC, Expected, Server};
use super::stage::{client, exchange, expected, line, metadata, refresh, rehearsed};

#[tokio::test]
async fn x4_salesforce_tells_its_lifetime_at_the_instance_that_the_reply_names() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let granted = r#"{"access_token":"at-2","instance_url":"https://acme.my.salesforce.com","id":"https://login.salesforce.com/id/1/2","token_type":"Bearer","issued_at":"1"}"#;
    let token = expected(
        "https://login.salesforce.com/services/oauth2/token",
        "grant_type=refresh_token&refresh_token=rt-1&client_id=cid&client_secret=sec",
        granted,
    );
    let introspection = |reply: &str, status| Expected {
        status,
        ..expected(
            "https://acme.my.salesforce.com/services/oauth2/introspect",
            "token=at-2&token_type_hint=access_token&client_id=cid&client_secret=sec",
            reply,
        )
    };
    let active = format!(r#"{{"active":true,"exp":{},"iat":{now}}}"#, now + 900);
    for (reply, status, lifetime) in [
        (active.as_str(), 200, 890..=901),
        // Whatever goes wrong there costs no grant.
        (r#"{"active":false}"#, 200, 7200..=7200),
        ("<html>maintenance</html>", 503, 7200..=7200),
    ] {
        let server = Server::start(vec![token.clone(), introspection(reply, status)]).await;
        let exchange = exchange(rehearsed("salesforce", &server), client(&[], None), metadata(&[]));
        let told = Arc::new(Mutex::new(None));
        let note = Arc::clone(&told);
        let exchange = exchange.on_metadata(move |metadata| {
            *note.lock().unwrap() = Some(metadata.clone());
        });
        let Verdict::Granted(grant) = refresh(&exchange).await else { panic!("not granted") };
        server.check(reply);
        assert!(lifetime.contains(&grant.expires_in.unwrap().as_secs()), "{:?}", grant.expires_in);
        let told = told.lock().unwrap().clone().unwrap();
        assert_eq!(told.value("instance_url"), Some("https://acme.my.salesforce.com"));
    }
}

#[tokio::test]
async fn x4_no_reply_leads_a_token_to_another_host() {
    for instance in [
        "https://evil.example",
        "https://evil.example/?y=.salesforce.com",
        "https://evilsalesforce.com",
        "https://login.salesforce.com@evil.example",
        "https://login.salesforce.com:8443",
        "http://127.0.0.1:8080",
        "https://169.254.169.254",
    ] {
        let token = expected(
            "https://login.salesforce.com/services/oauth2/token",
            "grant_type=refresh_token&refresh_token=rt-1&client_id=cid&client_secret=sec",
            &format!(r#"{{"access_token":"at-2","instance_url":"{instance}"}}"#),
        );
        let server = Server::start(vec![token]).await;
        let exchange = exchange(rehearsed("salesforce", &server), client(&[], None), metadata(&[]));
        let Verdict::Granted(grant) = refresh(&exchange).await else { panic!("not granted") };
        // No introspection was made, and the grant is kept with what is usual.
        server.check(instance);
        assert_eq!(line(&grant), "at-2 - 7200 -");
    }
}

#[tokio::test]
async fn x4_fiserv_counts_in_milliseconds_and_knows_the_app_alone() {
    let server = Server::start(vec![Expected {
        headers: vec![BASIC],
        ..expected(
            "https://cert.api.fiservapps.com/fts-apim/oauth2/v2",
            "grant_type=client_credentials",
            r#"{"access_token":"at","token_type":"Bearer","expires_in":900000}"#,
        )
    }])
    .await;
    let exchange = exchange(rehearsed("fiserv", &server), client(&[], None), metadata(&[]));
    let rungs = exchange.rungs(None);
    assert!(rungs.login && !rungs.refresh);
    let answer =
        exchange.send(Request::Login { credentials: None, anew: false, sender_key: None }).await;
    server.check("fiserv");
    let verdict = unlapse_core::classify(answer, unlapse_core::Door::Token);
    let Verdict::Granted(grant) = verdict else { panic!("{verdict:?}") };
    assert_eq!(line(&grant), "at - 900 -");
}
