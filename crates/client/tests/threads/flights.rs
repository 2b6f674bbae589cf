//! One renewal for all who wait, whatever happens to any of them.

use std::sync::Arc;
use std::time::Duration;

use shuttle::future::{block_on, spawn};
use shuttle::rand::Rng as _;

use crate::explore::explore;
use crate::world::World;

const DUE: Duration = Duration::from_secs(3400);
const EXPIRED: Duration = Duration::from_secs(3601);

#[test]
fn r1_k5_all_who_want_a_token_share_one_renewal() {
    explore(|| {
        block_on(async {
            let world = World::new();
            let process = world.logged_in().await;
            world.clock.pass(EXPIRED);
            let mut callers = Vec::new();
            for turn in 0..4 {
                let (world, caller) = (Arc::clone(&world), process.clone());
                callers.push(spawn(async move {
                    let bearer =
                        if turn < 2 { caller.bearer().await } else { caller.reject(1).await };
                    assert_eq!(world.generation(&bearer.expect("renewed")), 2);
                }));
            }
            for caller in callers {
                caller.await.expect("ended");
            }
            world.tasks.ended().await;
            assert_eq!(world.server.requests(), 1);
        });
    });
}

#[test]
fn r13_whoever_forces_gets_a_later_token_than_there_was() {
    explore(|| {
        block_on(async {
            let world = World::new();
            let process = world.logged_in().await;
            let callers = [process.clone(), process.clone()].map(|caller| {
                let world = Arc::clone(&world);
                spawn(async move {
                    let before = world.served(&caller).expect("fresh");
                    let token = caller.force_refresh().await.expect("renewed");
                    assert!(token.generation > before);
                    assert!(world.served(&caller).expect("fresh") >= token.generation);
                })
            });
            let late = process.clone();
            let late = spawn(async move {
                assert!(late.reject(1).await.expect("renewed").generation() > 1);
            });
            for caller in callers {
                caller.await.expect("ended");
            }
            late.await.expect("ended");
            world.tasks.ended().await;
            // Two were forced; the 401 takes whichever it finds.
            assert!((2..=3).contains(&world.server.requests()), "{}", world.server.requests());
            assert_eq!(world.server.reused(), 0);
        });
    });
}

/// Three callers wait; all get the token, although the first renewal dies.
async fn nobody_is_stranded(world: Arc<World>, dies: impl FnOnce(&World)) {
    let process = world.logged_in().await;
    world.clock.pass(EXPIRED);
    dies(&world);
    let callers = [process.clone(), process.clone(), process.clone()];
    let callers = callers.map(|caller| {
        let world = Arc::clone(&world);
        spawn(async move {
            let bearer = caller.bearer().await.expect("somebody took over");
            assert!(world.generation(&bearer) > 1);
        })
    });
    for caller in callers {
        caller.await.expect("ended");
    }
    world.tasks.ended().await;
    // The dead one is not under way any more.
    process.settle().await.expect("settled");
}

#[test]
fn r20_a_renewal_that_panics_strands_nobody() {
    explore(|| {
        block_on(nobody_is_stranded(World::new(), |world| world.server.panic(1)));
    });
}

#[test]
fn r20_a_renewal_that_is_dropped_anywhere_strands_nobody() {
    explore(|| {
        // A spent token whose answer is dropped with its renewal is one that the server knows.
        let world = World::new();
        world.server.never_rotates();
        block_on(nobody_is_stranded(world, |world| {
            world.tasks.kill_next(shuttle::rand::thread_rng().gen_range(0..12));
        }));
    });
}

#[test]
fn r6_a_caller_that_is_dropped_anywhere_changes_nothing() {
    explore(|| {
        block_on(async {
            let world = World::new();
            let process = world.logged_in().await;
            world.clock.pass(EXPIRED);
            let dropped = [process.clone(), process.clone()].map(|caller| {
                spawn(async move {
                    let _ = caller.bearer().await;
                })
            });
            let (reader, watched) = (process.clone(), Arc::clone(&world));
            let stays = spawn(async move {
                let bearer = reader.bearer().await.expect("renewed");
                assert_eq!(watched.generation(&bearer), 2);
            });
            for caller in &dropped {
                caller.abort();
            }
            stays.await.expect("ended");
            process.settle().await.expect("settled");
            assert_eq!(world.server.requests(), 1);
            let kept = world.store.kept();
            assert_eq!((kept.generation, kept.intent), (2, None));
        });
    });
}

#[test]
fn r6_settle_returns_when_what_its_caller_began_or_joined_has_ended() {
    explore(|| {
        block_on(async {
            let world = World::new();
            let process = world.logged_in().await;
            world.clock.pass(DUE);
            let callers = [process.clone(), process.clone()].map(|caller| {
                let world = Arc::clone(&world);
                spawn(async move {
                    // Served at once; the renewal goes on behind it.
                    world.generation(&caller.bearer().await.expect("valid"));
                    caller.settle().await.expect("settled");
                    let kept = world.store.kept();
                    assert_eq!((kept.generation, kept.intent), (2, None), "not settled");
                    assert_eq!(world.served(&caller), Some(2), "told before it was published");
                })
            });
            for caller in callers {
                caller.await.expect("ended");
            }
            assert_eq!(world.server.requests(), 1);
        });
    });
}

#[test]
fn r13_r15_a_401_outlasts_renewals_that_were_made_for_less() {
    explore(|| {
        block_on(async {
            let world = World::new();
            let process = world.logged_in().await;
            world.clock.pass(DUE);
            // A renewal has just failed: for the next 30 s, who wants any token gets the one there is.
            world.server.go_down(1);
            process.token_for(Duration::from_secs(1000)).await.expect("valid");
            let others = [process.clone(), process.clone()].map(|caller| {
                spawn(async move {
                    for _ in 0..4 {
                        let token = caller.token_for(Duration::from_secs(1000)).await;
                        assert!(token.is_ok(), "{token:?}");
                    }
                })
            });
            let late = process.clone();
            let late = spawn(async move { late.reject(1).await.map(|bearer| bearer.generation()) });
            assert_eq!(late.await.expect("ended"), Ok(2));
            for other in others {
                other.await.expect("ended");
            }
        });
    });
}

#[test]
fn r10_a_forced_renewal_that_fails_withholds_no_valid_token_from_others() {
    explore(|| {
        block_on(async {
            let world = World::new();
            let process = world.logged_in().await;
            world.clock.pass(EXPIRED);
            // Another process has renewed, and this one has not looked yet.
            let other = world.process().await;
            assert_eq!(other.bearer().await.expect("renewed").generation(), 2);
            world.server.go_down(1);
            let forcing = process.clone();
            let forcing = spawn(async move { forcing.force_refresh().await });
            let callers = [process.clone(), process.clone()].map(|caller| {
                let world = Arc::clone(&world);
                spawn(async move {
                    let bearer = caller.bearer().await;
                    assert_eq!(world.generation(&bearer.expect("the store has a valid one")), 2);
                })
            });
            assert!(forcing.await.expect("ended").is_err_and(|error| error.is_retryable()));
            for caller in callers {
                caller.await.expect("ended");
            }
        });
    });
}
