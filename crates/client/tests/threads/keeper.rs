//! The task that renews ahead of time hears of everything, and ends with the last handle.

use std::sync::Arc;

use shuttle::future::{block_on, spawn};

use crate::explore::explore;
use crate::world::World;

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
