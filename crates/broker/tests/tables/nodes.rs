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
