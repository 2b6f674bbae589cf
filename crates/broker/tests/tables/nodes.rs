use std::sync::Arc;

use tokio::sync::Barrier;
use unlapse_broker::{Speed, Tables};
use unlapse_store::sql::Statement;

use crate::world::{World, name, worlds};

/// So many nodes, which start at the same time.
pub(crate) async fn start(world: &World, count: usize) -> Vec<Tables> {
    let mut nodes = Vec::new();
    let mut set = tokio::task::JoinSet::new();
    let (place, master) = (world.place.clone(), world.master.clone());
    for _ in 0..count {
        let (place, master) = (place.clone(), master.clone());
        set.spawn(async move {
            let database = unlapse_store::sql::Database::open(&place, crate::world::patient());
            let master = unlapse_broker::MasterKeys::parse(&master).expect("keys");
            Tables::open(database.await.expect("opened"), master).await.expect("migrated")
        });
    }
    while let Some(node) = set.join_next().await {
        nodes.push(node.expect("no panic"));
    }
    nodes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x1_nodes_that_start_at_once_make_the_tables_once() {
    for world in worlds() {
        let nodes = start(&world, 5).await;
        nodes[0].put_tenant(&name("acme"), Speed::OnDemand).await.expect("put");
        for node in &nodes {
            let tenant = node.tenant(&name("acme")).await.expect("read").expect("there");
            assert_eq!(tenant.speed, Speed::OnDemand, "{}", world.name);
        }
        let rows = Statement::both("SELECT count(*) FROM versions");
        let rows = nodes[0].database().query(rows, Vec::new()).await.expect("read");
        assert_eq!(rows[0].int(0), Ok(7));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x1_of_nodes_that_begin_at_once_one_makes_the_first_key() {
    for world in worlds() {
        let nodes = start(&world, 6).await;
        let at_once = Arc::new(Barrier::new(nodes.len()));
        let mut set = tokio::task::JoinSet::new();
        for node in &nodes {
            let (node, at_once) = (node.clone(), Arc::clone(&at_once));
            set.spawn(async move {
                assert_eq!(node.tenants().await, Ok(Vec::new()), "nobody has begun");
                at_once.wait().await;
                let verbs = "read".parse().expect("verbs");
                node.make_first_api_key(&name("default"), "first", verbs).await.expect("asked")
            });
        }
        let made: Vec<_> = set.join_all().await.into_iter().flatten().collect();
        let [secret] = &made[..] else { panic!("{}: {} first keys", world.name, made.len()) };
        let keys = nodes[0].api_keys(None).await.expect("listed");
        assert_eq!(keys.len(), 1, "{}", world.name);
        let tenants = nodes[0].tenants().await.expect("listed");
        assert_eq!(
            tenants.iter().map(|tenant| tenant.name.as_str()).collect::<Vec<_>>(),
            ["default"]
        );
        for node in &nodes {
            assert_eq!(node.api_key(secret).await, Ok(Some(keys[0].clone())), "{}", world.name);
        }
    }
}

/// It is for a broker that begins: one whose operator has removed every key is none.
#[tokio::test]
async fn i1_where_there_is_a_tenant_or_a_key_none_is_the_first() {
    for has_tenant in [true, false] {
        for world in worlds() {
            let tables = world.tables().await;
            let verbs = "admin".parse().expect("verbs");
            if has_tenant {
                tables.put_tenant(&name("acme"), Speed::OnDemand).await.expect("put");
            } else {
                let (key, _) = tables.make_api_key(None, "ops", verbs, None).await.expect("made");
                assert_eq!(tables.revoke_api_key(&key.id, None).await, Ok(true));
            }
            let (tenants, keys) = (tables.tenants().await, tables.api_keys(None).await);
            let made = tables.make_first_api_key(&name("default"), "first", verbs).await;
            assert_eq!(made, Ok(None), "{} {has_tenant}", world.name);
            assert_eq!((tables.tenants().await, tables.api_keys(None).await), (tenants, keys));
        }
    }
}
