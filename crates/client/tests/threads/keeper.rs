//! The task that renews ahead of time hears of everything, and ends with the last handle.

use std::sync::Arc;
use std::time::Duration;

use shuttle::future::{block_on, spawn};
use unlapse::Clock as _;

use crate::explore::explore;
use crate::world::World;

/// Into the window in which the hour's token is due, and still valid.
const DUE: Duration = Duration::from_secs(3400);

#[test]
fn k2_the_keeper_hears_of_every_publication() {
    explore(|| {
        block_on(async {
            let world = World::new();
            let process = world.builder().build().await;
            let birth = world.clock.now();
            world.clock.pass(DUE);
            let looker = process.clone();
            let looker = spawn(async move {
                let _ = looker.info().await;
            });
            // It sleeps, or is about to, and only a wake-up ends that: time stands still.
            let grant = world.server.open();
            process.edit(|record, _| record.logged_in(grant, birth)).await.expect("logged in");
            world.store.keeps(2).await;
            looker.await.expect("ended");
        });
    });
}

#[test]
fn k2_the_keeper_ends_with_the_last_handle() {
    explore(|| {
        block_on(async {
            let world = World::new();
            let process = world.builder().build().await;
            let handles = [process.clone(), process].map(|handle| {
                let world = Arc::clone(&world);
                spawn(async move {
                    let _ = handle.info().await;
                    drop(handle);
                    drop(world);
                })
            });
            for handle in handles {
                handle.await.expect("ended");
            }
            // Its task is one of these.
            world.tasks.ended().await;
        });
    });
}
