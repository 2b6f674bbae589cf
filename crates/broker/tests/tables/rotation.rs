use core::time::Duration;
use std::collections::BTreeMap;

use unlapse_broker::{
    Code, Connect, ConnectionId, MasterKeys, NewConnection, RotationWaits, Tables,
};
use unlapse_store::sql::{SqlStore, Statement};
use zeroize::Zeroizing;

use crate::secrets::{app, webhook};
use crate::world::{World, id, load, name, record, save, worlds};

fn at_once() -> RotationWaits {
    RotationWaits { known_after: Duration::ZERO, kept_for: Duration::ZERO }
}

async fn filled(world: &World, count: usize) -> (Tables, SqlStore, Vec<ConnectionId>) {
    let (tables, store) = world.node().await;
    let tables = tables.rotating(at_once());
    tables.put_app(&app("acme", "app-canary")).await.expect("put");
    tables.put_webhook(&webhook("acme", "whsec-canary")).await.expect("put");
    let ids: Vec<_> = (0..count).map(|nth| id("acme", &format!("user {nth:03}"))).collect();
    for id in &ids {
        let new = NewConnection { id: id.clone(), scope: None, metadata: BTreeMap::new() };
        tables.put_connection(&new).await.expect("put");
        save(&store, id, &record(&format!("rt {}", id.user))).await;
    }
    (tables, store, ids)
}

async fn key_ids(tables: &Tables) -> Vec<String> {
    let all = Statement::both(
        "SELECT key_id FROM tokens UNION SELECT key_id FROM apps UNION SELECT key_id FROM webhooks",
    );
    let rows = tables.database().query(all, Vec::new()).await.expect("read");
    rows.iter().map(|row| row.text(0).expect("text").to_owned()).collect()
}

async fn count(tables: &Tables) -> i64 {
    let count = Statement::both("SELECT count(*) FROM data_keys WHERE tenant = 'acme'");
    tables.database().query(count, Vec::new()).await.expect("read")[0].int(0).expect("a number")
}

#[tokio::test]
async fn keys_that_cannot_be_rotated() {
    for world in worlds() {
        let (tables, store, ids) = filled(&world, 25).await;
        let before = key_ids(&tables).await;
        assert_eq!(before.len(), 1, "{}", world.name);
        let begun = tables.envelope().rotate_data(&name("acme")).await.expect("begun");
        assert_eq!((begun.resealed, begun.finished_at), (0, None));
        // In parts, and a node that starts anew goes on.
        assert_eq!(tables.reseal(10).await, Ok(true));
        let so_far = tables.rotation(&name("acme")).await.expect("read").expect("under way");
        assert_eq!((so_far.resealed, so_far.finished_at), (10, None));
        // Both keys are in use, and everything opens.
        for id in &ids {
            assert_eq!(load(&store, id).await, record(&format!("rt {}", id.user)));
        }
        // What is saved now is saved under the new key already.
        save(&store, &ids[20], &record("rt newer")).await;
        assert_eq!(tables.forget_data_keys(&name("acme")).await, Ok(0), "it is still needed");
        let other = world.tables().await.rotating(at_once());
        let mut parts = 0;
        while other.reseal(10).await.expect("gone on") {
            parts += 1;
            assert!(parts < 10);
        }
        let done = other.rotation(&name("acme")).await.expect("read").expect("done");
        assert_eq!((done.resealed, done.finished_at.is_some()), (24, true), "{}", world.name);
        let after = key_ids(&other).await;
        assert!(after.len() == 1 && after != before);
        let careful = world.tables().await;
        assert_eq!(careful.forget_old_data_keys().await, Ok(0), "kept for a week");
        assert_eq!(other.forget_old_data_keys().await, Ok(1));
        assert_eq!(other.forget_old_data_keys().await, Ok(0));
        assert_eq!(count(&tables).await, 1);
        // A node that has never known the old one.
        let fresh = world.tables().await;
        let fresh_store = crate::world::store(&fresh).await;
        for id in &ids {
            let expected = if *id == ids[20] {
                record("rt newer")
            } else {
                record(&format!("rt {}", id.user))
            };
            assert_eq!(load(&fresh_store, id).await, expected);
        }
        let app = fresh.app(&name("acme"), &name("google")).await.expect("read").expect("there");
        assert_eq!(app.client_secret.expect("a secret").expose(), "app-canary");
    }
}

#[tokio::test]
async fn a_key_seals_only_once_every_node_can_know_it() {
    for world in worlds() {
        let (tables, ..) = filled(&world, 3).await;
        let before = key_ids(&tables).await;
        let careful = tables.clone().rotating(RotationWaits::default());
        careful.envelope().rotate_data(&name("acme")).await.expect("begun");
        assert_eq!(careful.reseal(10).await, Ok(false), "{}", world.name);
        assert_eq!(key_ids(&careful).await, before);
        assert_eq!(careful.forget_data_keys(&name("acme")).await, Ok(0));
        // Asked for again before it was done, it is the same rotation.
        careful.envelope().rotate_data(&name("acme")).await.expect("goes on");
        assert_eq!(count(&tables).await, 2);
        while tables.reseal(10).await.expect("gone on") {}
        // A consent under way still needs the old key, and is not hindered.
        let connect =
            Connect { tenant: name("acme"), remembered: Zeroizing::new(b"verifier".to_vec()) };
        tables.put_connect(&[7; 32], &connect, Duration::from_secs(60)).await.expect("put");
        tables.envelope().rotate_data(&name("acme")).await.expect("begun");
        while tables.reseal(10).await.expect("gone on") {}
        assert_eq!(tables.forget_data_keys(&name("acme")).await, Ok(1), "the first alone");
        assert_eq!(tables.take_connect(&[7; 32]).await, Ok(Some(connect)));
        assert_eq!(tables.forget_data_keys(&name("acme")).await, Ok(1), "{}", world.name);
    }
}

/// A renewal between the reading and the writing of a part wins.
#[tokio::test]
async fn x2_a_renewal_while_keys_are_rotated_is_not_undone() {
    for world in worlds() {
        let (tables, store, ids) = filled(&world, 40).await;
        for _ in 0..3 {
            tables.envelope().rotate_data(&name("acme")).await.expect("begun");
            let resealing = {
                let tables = tables.clone();
                tokio::spawn(async move { while tables.reseal(5).await.expect("gone on") {} })
            };
            for id in &ids {
                let before = load(&store, id).await;
                let mut next = before.clone();
                next.generation += 1;
                next.revision += 1;
                save(&store, id, &next).await;
                assert_eq!(load(&store, id).await, next, "{}", world.name);
            }
            resealing.await.expect("no panic");
            while tables.reseal(5).await.expect("gone on") {}
        }
        for id in &ids {
            assert_eq!(load(&store, id).await.generation, 4);
        }
    }
}

/// What is changed or removed between the reading and the writing of the secrets stays so.
#[tokio::test]
async fn x2_a_secret_that_changes_while_keys_are_rotated_is_not_undone() {
    for world in worlds() {
        let (tables, ..) = filled(&world, 1).await;
        let acme = name("acme");
        for round in 0..20 {
            tables.put_webhook(&webhook("acme", "whsec-canary")).await.expect("put");
            tables.envelope().rotate_data(&acme).await.expect("begun");
            let resealing = {
                let tables = tables.clone();
                tokio::spawn(async move { while tables.reseal(5).await.expect("gone on") {} })
            };
            for nth in 0..round {
                let secret = format!("{round} {nth}");
                tables.put_app(&app("acme", &secret)).await.expect("put");
            }
            let secret = format!("{round} last");
            tables.put_app(&app("acme", &secret)).await.expect("put");
            tables.remove_webhook(&acme, &name("all")).await.expect("removed");
            resealing.await.expect("no panic");
            while tables.reseal(5).await.expect("gone on") {}
            let kept = tables.app(&acme, &name("google")).await.expect("read").expect("there");
            assert_eq!(kept.client_secret.expect("a secret").expose(), secret, "{}", world.name);
            let gone = tables.webhook(&acme, &name("all")).await;
            assert_eq!(gone, Ok(None), "{}: it came back", world.name);
        }
    }
}

#[tokio::test]
async fn a_damaged_tenant_stops_no_others_rotation() {
    for world in worlds() {
        let (tables, ..) = filled(&world, 1).await;
        let (acme, globex) = (name("acme"), name("globex"));
        tables.put_webhook(&webhook("globex", "whsec-canary")).await.expect("put");
        let damage = Statement::both("UPDATE webhooks SET secret = $1 WHERE tenant = 'acme'");
        let bytes = vec![vec![0_u8; 40].into()];
        tables.database().execute(damage, bytes).await.expect("damaged");
        for tenant in [&acme, &globex] {
            tables.envelope().rotate_data(tenant).await.expect("begun");
        }
        while tables.reseal(10).await.expect("gone on") {}
        for tenant in [&acme, &globex] {
            let rotation = tables.rotation(tenant).await.expect("read").expect("begun");
            assert!(rotation.finished_at.is_some(), "{}: {tenant}", world.name);
        }
        assert_eq!(tables.forget_data_keys(&acme).await, Ok(0), "a backup may bring it back");
        assert_eq!(tables.forget_data_keys(&globex).await, Ok(1));
        // A rotation that cannot go on at all.
        let damage = Statement::both("UPDATE connections SET provider = '?' WHERE tenant = 'acme'");
        tables.database().execute(damage, Vec::new()).await.expect("damaged");
        for tenant in [&acme, &globex] {
            tables.envelope().rotate_data(tenant).await.expect("begun");
        }
        while tables.reseal(10).await == Ok(true) {}
        let rotation = tables.rotation(&globex).await.expect("read").expect("begun");
        assert!(rotation.finished_at.is_some(), "{}", world.name);
    }
}

/// What was removed from the table seals nothing more, and a newer key that is locked is not passed over.
#[tokio::test]
async fn nothing_is_sealed_under_a_key_that_is_gone_or_was_replaced() {
    for world in worlds() {
        let (tables, ..) = filled(&world, 1).await;
        let acme = name("acme");
        let second = MasterKeys::draw_line("k2").to_string();
        let both = world.tables_with(&format!("{second}{}", world.master)).await;
        let both = both.rotating(at_once());
        both.envelope().rotate_data(&acme).await.expect("begun");
        while both.reseal(10).await.expect("gone on") {}
        // It has the old key, and the new one's master key is not here.
        let versions = tables.versions().await.expect("read");
        tables.envelope().follow(&versions).await.expect("read");
        let refused = tables.put_app(&app("acme", "newer")).await;
        assert_eq!(refused.map_err(|problem| problem.code), Err(Code::KeysAway), "{}", world.name);
        assert_eq!(both.forget_data_keys(&acme).await, Ok(1));
        let versions = both.versions().await.expect("read");
        assert_ne!(versions.data_keys(), 0);
        both.envelope().follow(&versions).await.expect("read");
        both.put_app(&app("acme", "newer")).await.expect("put");
        assert_eq!(key_ids(&both).await.len(), 1);
        // A node that is behind adds no key that only the old master key opens.
        let refused = tables.put_webhook(&webhook("initech", "whsec-canary")).await;
        assert_eq!(refused.map_err(|problem| problem.code), Err(Code::KeysAway), "{}", world.name);
    }
}

#[tokio::test]
async fn a_master_key_is_replaced_while_everything_goes_on() {
    for world in worlds() {
        let (tables, store, ids) = filled(&world, 3).await;
        tables.envelope().ready(&name("globex")).await.expect("ready");
        let second = MasterKeys::draw_line("k2").to_string();
        let both = world.tables_with(&format!("{second}{}", world.master)).await;
        assert_eq!(both.envelope().rotate_master().await, Ok(2), "{}", world.name);
        assert_eq!(both.envelope().rotate_master().await, Ok(0));
        // The first is not needed any more, and a node that has only it goes on as far as it can.
        let alone = world.tables_with(&second).await;
        assert!(alone.envelope().is_whole());
        let records = crate::world::store(&alone).await;
        assert_eq!(load(&records, &ids[0]).await, record(&format!("rt {}", ids[0].user)));
        assert_eq!(load(&store, &ids[0]).await, record(&format!("rt {}", ids[0].user)));
        let behind = world.tables_with(&world.master).await;
        let away = behind.envelope().ready(&name("acme")).await;
        assert_eq!(away.map_err(|problem| problem.code), Err(Code::KeysAway));
        let refused = behind.envelope().rotate_master().await;
        assert_eq!(refused.map_err(|problem| problem.code), Err(Code::KeysAway));
        assert!(world.tables_with(&second).await.envelope().is_whole());
    }
}
