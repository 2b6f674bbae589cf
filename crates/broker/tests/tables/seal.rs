use unlapse::unlapse_core::{CustodyError, Damage, StoreError};
use unlapse_broker::{Code, Envelope, MasterKeys, Tables};
use unlapse_store::Unopened;
use unlapse_store::sql::{Seal as _, Sealed};

use crate::world::{id, name, record, worlds};

fn damaged() -> Result<unlapse::unlapse_core::Record, Unopened> {
    Err(Unopened::Damaged(Damage::Undecryptable))
}

async fn sealed(tables: &Tables) -> (Envelope, Sealed) {
    let envelope = tables.envelope().clone();
    envelope.ready(&name("acme")).await.expect("ready");
    let sealed = envelope.seal(&id("acme", "ada").key(), &record("rt-canary")).expect("sealed");
    (envelope, sealed)
}

#[tokio::test]
async fn r18_a_record_opens_in_its_own_place_alone() {
    for world in worlds() {
        let tables = world.tables().await;
        let (envelope, sealed) = sealed(&tables).await;
        let key = id("acme", "ada").key();
        assert_eq!(envelope.open(&key, 1, &sealed), Ok(record("rt-canary")), "{}", world.name);
        // Moved to another connection, another generation, another tenant.
        assert_eq!(envelope.open(&id("acme", "bob").key(), 1, &sealed), damaged());
        assert_eq!(envelope.open(&key, 2, &sealed), damaged());
        envelope.ready(&name("globex")).await.expect("ready");
        assert_eq!(envelope.open(&id("globex", "ada").key(), 1, &sealed), damaged());
        // Nor under the other tenant's key.
        let theirs = envelope.seal(&id("globex", "ada").key(), &record("rt")).expect("sealed");
        let relabelled = Sealed { key_id: theirs.key_id, ..sealed.clone() };
        assert_eq!(envelope.open(&key, 1, &relabelled), damaged());
        for at in 0..sealed.bytes.len() {
            let mut altered = sealed.clone();
            altered.bytes[at] ^= 1 << (at % 8);
            assert_eq!(envelope.open(&key, 1, &altered), damaged(), "byte {at}");
        }
    }
}

#[tokio::test]
async fn c4_a_wrong_master_key_is_told_from_damage_and_overwrites_nothing() {
    for world in worlds() {
        let tables = world.tables().await;
        let (_, sealed) = sealed(&tables).await;
        let key = id("acme", "ada").key();
        let before = keys(&tables).await;
        let other = MasterKeys::draw_line("k1");
        let stranger = world.tables_with(&other).await;
        assert!(!stranger.envelope().is_whole());
        let wrong = Err(Unopened::Custody(CustodyError::KeyWrong));
        assert_eq!(stranger.envelope().open(&key, 1, &sealed), wrong);
        let unsealed = stranger.envelope().seal(&key, &record("rt"));
        assert_eq!(unsealed, Err(StoreError::Custody(CustodyError::KeyWrong)));
        let problem = stranger.envelope().ready(&name("acme")).await.expect_err("no key");
        assert_eq!(problem.code, Code::KeysAway);
        assert!(problem.detail.contains("`k1."), "{}", problem.detail);
        assert_eq!(keys(&tables).await, before, "nothing was written");
        // With both, everything is as it was.
        let both =
            world.tables_with(&format!("{}{}", &*other.replace("k1 ", "k2 "), world.master)).await;
        assert_eq!(both.envelope().open(&key, 1, &sealed), Ok(record("rt-canary")));
        assert!(both.envelope().is_whole());
    }
}

async fn keys(tables: &Tables) -> Vec<Vec<u8>> {
    use unlapse_store::sql::Statement;
    let all = Statement::both("SELECT wrapped FROM data_keys ORDER BY id");
    let rows = tables.database().query(all, Vec::new()).await.expect("read");
    rows.iter().map(|row| row.bytes(0).expect("bytes").to_vec()).collect()
}

#[tokio::test]
async fn c4_a_data_key_that_was_altered_is_damage_and_hinders_no_other_tenant() {
    use unlapse_store::sql::Statement;
    for world in worlds() {
        let tables = world.tables().await;
        let (_, sealed) = sealed(&tables).await;
        tables.envelope().ready(&name("globex")).await.expect("ready");
        // The wrapped key of one tenant in the row of the other.
        let swap = Statement::both(
            "UPDATE data_keys SET wrapped = (SELECT wrapped FROM data_keys WHERE tenant = 'globex')
             WHERE tenant = 'acme'",
        );
        tables.database().execute(swap, Vec::new()).await.expect("swapped");
        let again = world.tables().await;
        let problem = again.envelope().ready(&name("acme")).await.expect_err("damaged");
        assert_eq!(problem.code, Code::RecordDamaged);
        let key = id("acme", "ada").key();
        // The record itself may be as good as it was.
        let wrong = Err(Unopened::Custody(CustodyError::KeyWrong));
        assert_eq!(again.envelope().open(&key, 1, &sealed), wrong);
        again.envelope().ready(&name("globex")).await.expect("as it was");
    }
}

/// A tenant's first key is made by one of the nodes that need it at the same time.
#[tokio::test]
async fn r18_nodes_that_start_at_once_seal_under_one_key() {
    for world in worlds() {
        let _ = world.tables().await;
        let nodes = crate::nodes::start(&world, 4).await;
        let mut ready = tokio::task::JoinSet::new();
        for node in nodes.clone() {
            ready.spawn(async move { node.envelope().ready(&name("acme")).await });
        }
        while let Some(done) = ready.join_next().await {
            done.expect("no panic").expect("ready");
        }
        let key = id("acme", "ada").key();
        let sealed = nodes[0].envelope().seal(&key, &record("rt")).expect("sealed");
        for node in &nodes {
            assert_eq!(node.envelope().open(&key, 1, &sealed), Ok(record("rt")), "{}", world.name);
        }
        assert_eq!(keys(&nodes[0]).await.len(), 1);
    }
}

/// A key that this node has not read yet is asked for again, before anything is said of the record.
#[tokio::test]
async fn c4_a_key_that_another_node_has_just_made_is_read_when_it_is_missed() {
    for world in worlds() {
        let (here, there): (Tables, Tables) = (world.tables().await, world.tables().await);
        let (_, sealed) = sealed(&there).await;
        let (envelope, key) = (here.envelope(), id("acme", "ada").key());
        let wrong = Err(Unopened::Custody(CustodyError::KeyWrong));
        assert_eq!(envelope.open(&key, 1, &sealed), wrong);
        // Whoever keeps the node's keys fresh is told.
        envelope.wanted().await;
        envelope.refresh().await.expect("read");
        assert_eq!(envelope.open(&key, 1, &sealed), Ok(record("rt-canary")));
    }
}
