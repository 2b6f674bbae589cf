//! R18: no secret lies in any table in clear.

use core::time::Duration;
use std::collections::BTreeMap;

use unlapse::unlapse_core::{Secret, UnixTime};
use unlapse_broker::{App, Code, Connect, NewConnection, Webhook};
use zeroize::Zeroizing;

use crate::world::{id, name, record, save, worlds};

pub(crate) fn app(tenant: &str, secret: &str) -> App {
    App {
        tenant: name(tenant),
        name: name("google"),
        provider: name("google"),
        client_id: "the-client".to_owned(),
        client_secret: Some(Secret::new(secret)),
        scopes: vec!["mail".to_owned()],
        params: BTreeMap::from([("host".to_owned(), "eu".to_owned())]),
        return_to: vec!["https://app.example/done".to_owned()],
        changed_at: UnixTime::default(),
    }
}

pub(crate) fn webhook(tenant: &str, secret: &str) -> Webhook {
    Webhook {
        tenant: name(tenant),
        name: name("all"),
        url: "https://hooks.example/x".to_owned(),
        kinds: Vec::new(),
        secret: Secret::new(secret),
        created_at: UnixTime::default(),
        changed_at: UnixTime::default(),
    }
}

#[tokio::test]
async fn r18_no_table_has_a_secret_in_clear() {
    for world in worlds() {
        let (tables, store) = world.node().await;
        tables.put_app(&app("acme", "canary-app-secret")).await.expect("put");
        tables.put_webhook(&webhook("acme", "canary-webhook")).await.expect("put");
        let remembered = Zeroizing::new(b"canary-verifier".to_vec());
        let connect = Connect { tenant: name("acme"), remembered };
        tables.put_connect(&[7; 32], &connect, Duration::from_secs(60)).await.expect("put");
        let ada = id("acme", "ada-in-clear");
        let new = NewConnection { id: ada.clone(), scope: None, metadata: BTreeMap::new() };
        tables.put_connection(&new).await.expect("put");
        save(&store, &ada, &record("canary-refresh")).await;
        let (_, key) = tables
            .make_api_key(None, "ops", "admin".parse().expect("verbs"), None)
            .await
            .expect("made");
        let dump = world.dump();
        let holds = |part: &[u8]| {
            let hex: String =
                part.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
            [part, hex.as_bytes()]
                .iter()
                .any(|part| dump.windows(part.len()).any(|found| found == *part))
        };
        // The search finds what is there.
        assert!(holds(b"ada-in-clear") && holds(b"the-client"), "{}", world.name);
        assert!(!holds(b"canary"), "{}", world.name);
        assert!(!holds(&key.expose().as_bytes()[16..59]), "{}", world.name);
        let master = world.master.trim().rsplit(' ').next().expect("a key");
        assert!(!holds(master.as_bytes()), "{}", world.name);
        for shown in [format!("{tables:?}"), format!("{connect:?}")] {
            let has = ["canary", "99, 97, 110", master].iter().any(|part| shown.contains(part));
            assert!(!has, "{shown}");
        }
    }
}

#[tokio::test]
async fn i1_an_app_is_read_as_it_was_put() {
    for world in worlds() {
        let tables = world.tables().await;
        let put = app("acme", "-----BEGIN KEY-----\nlines\n");
        tables.put_app(&put).await.expect("put");
        let read = tables.app(&put.tenant, &put.name).await.expect("read").expect("there");
        assert!(read.changed_at > UnixTime::from_secs(1_600_000_000));
        assert_eq!(App { changed_at: UnixTime::default(), ..read }, put, "{}", world.name);
        let before = tables.versions().await.expect("read").apps();
        let public = App { client_secret: None, ..put.clone() };
        tables.put_app(&public).await.expect("put");
        assert!(tables.versions().await.expect("read").apps() > before);
        tables.put_app(&app("globex", "x")).await.expect("put");
        assert_eq!(tables.apps(None).await.expect("listed").len(), 2);
        let acme = tables.apps(Some(&name("acme"))).await.expect("listed");
        assert_eq!(acme[0].client_secret, None);
        for bad in [
            App { client_id: String::new(), ..put.clone() },
            App { client_id: "a\0".to_owned(), ..put.clone() },
            App { client_secret: Some(Secret::new("")), ..put.clone() },
            App { scopes: vec!["x".to_owned(); 300], ..put.clone() },
            App { return_to: vec!["x".repeat(5000)], ..put.clone() },
        ] {
            let refused = tables.put_app(&bad).await;
            assert_eq!(refused.map_err(|problem| problem.code), Err(Code::BadRequest));
        }
        assert_eq!(tables.remove_app(&put.tenant, &put.name).await, Ok(true));
        assert_eq!(tables.remove_app(&put.tenant, &put.name).await, Ok(false));
        assert_eq!(tables.app(&put.tenant, &put.name).await, Ok(None));
    }
}

/// A secret that was moved to another app's row does not open, and hinders no other app.
#[tokio::test]
async fn r18_a_secret_that_was_moved_does_not_open() {
    use unlapse_store::sql::Statement;
    for world in worlds() {
        let tables = world.tables().await;
        tables.put_app(&app("acme", "first")).await.expect("put");
        let other = App { name: name("hubspot"), ..app("acme", "second") };
        tables.put_app(&other).await.expect("put");
        let moved = Statement::both(
            "UPDATE apps SET client_secret = (SELECT client_secret FROM apps WHERE name = 'google')
             WHERE name = 'hubspot'",
        );
        tables.database().execute(moved, Vec::new()).await.expect("moved");
        let read = tables.app(&name("acme"), &name("hubspot")).await;
        assert_eq!(read.map_err(|problem| problem.code).err(), Some(Code::RecordDamaged));
        let apps = tables.apps(None).await.expect("listed");
        assert_eq!(apps.len(), 1, "{}", world.name);
        assert_eq!(apps[0].name.as_str(), "google");
    }
}

#[tokio::test]
async fn rfc6749_10_12_a_state_is_good_for_one_callback() {
    for world in worlds() {
        let tables = world.tables().await;
        let connect =
            Connect { tenant: name("acme"), remembered: Zeroizing::new(b"verifier".to_vec()) };
        let long = Duration::from_secs(600);
        tables.put_connect(&[1; 32], &connect, long).await.expect("put");
        tables.put_connect(&[2; 32], &connect, Duration::ZERO).await.expect("put");
        let (one, two) = tokio::join!(tables.take_connect(&[1; 32]), tables.take_connect(&[1; 32]));
        let taken = [one, two].map(|taken| taken.expect("asked"));
        assert_eq!(taken.iter().flatten().count(), 1, "{}", world.name);
        assert_eq!(taken.into_iter().flatten().next(), Some(connect));
        assert_eq!(tables.take_connect(&[1; 32]).await, Ok(None));
        assert_eq!(tables.take_connect(&[2; 32]).await, Ok(None), "its time is over");
        let large = Connect { tenant: name("acme"), remembered: Zeroizing::new(vec![0; 20_000]) };
        let refused = tables.put_connect(&[3; 32], &large, long).await;
        assert_eq!(refused.map_err(|problem| problem.code), Err(Code::TooLarge));
    }
}

#[tokio::test]
async fn i9_a_tenant_has_so_many_webhooks_and_apps_and_changes_those_it_has() {
    for world in worlds() {
        let tables = world.tables().await;
        let mut hook = webhook("acme", "whsec");
        for nth in 0..20 {
            hook.name = name(&format!("hook-{nth}"));
            tables.put_webhook(&hook).await.expect("room");
        }
        tables.put_webhook(&hook).await.expect("it is there");
        hook.name = name("one-more");
        let refused = tables.put_webhook(&hook).await.map_err(|problem| problem.code);
        assert_eq!(refused, Err(Code::BadRequest), "{}", world.name);
        tables.put_webhook(&webhook("globex", "whsec")).await.expect("another's");
        let mut one = app("acme", "secret");
        one.client_secret = None;
        for nth in 0..1000 {
            one.name = name(&format!("app-{nth}"));
            tables.put_app(&one).await.expect("room");
        }
        tables.put_app(&one).await.expect("it is there");
        one.name = name("one-more");
        let refused = tables.put_app(&one).await.map_err(|problem| problem.code);
        assert_eq!(refused, Err(Code::BadRequest), "{}", world.name);
    }
}
