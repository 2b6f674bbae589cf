//! What the hot path serves, while others publish, look and clear.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use shuttle::future::{block_on, spawn};
use unlapse::{Revoked, Secret, TokenSource};

use crate::explore::explore;
use crate::world::{World, step};

/// Into the window in which the hour's token is due, and still valid.
const DUE: Duration = Duration::from_secs(3400);

/// Reads until it is told to stop, and never sees a generation before one that it has seen.
async fn read(world: Arc<World>, process: TokenSource) {
    let mut newest = 0;
    for _ in 0..4 {
        if let Some(served) = world.served(&process) {
            assert!(served >= newest, "generation {served} was served after {newest}");
            newest = served;
        }
        step().await;
    }
}

#[test]
fn r13_no_reader_sees_an_older_generation_after_a_newer_one() {
    explore(|| {
        block_on(async {
            let world = World::new();
            let process = world.logged_in().await;
            let mut tasks = Vec::new();
            for _ in 0..2 {
                tasks.push(spawn(read(Arc::clone(&world), process.clone())));
                let looker = process.clone();
                tasks.push(spawn(async move {
                    looker.info().await.expect("looked");
                }));
            }
            let renewer = process.clone();
            tasks.push(spawn(async move {
                renewer.force_refresh().await.expect("renewed");
            }));
            let person = (Arc::clone(&world), process.clone());
            tasks.push(spawn(async move { person.0.log_in(&person.1).await }));
            for task in tasks {
                task.await.expect("ended");
            }
            world.tasks.ended().await;
            let (served, kept) = (world.served(&process), world.store.kept().generation);
            assert_eq!(served, Some(kept), "the newest of all is served in the end");
            assert_eq!(world.server.reused(), 0);
        });
    });
}

#[test]
fn k9_nothing_that_was_cleared_is_served_again() {
    explore(|| {
        block_on(async {
            let world = World::new();
            let process = world.logged_in().await;
            world.clock.pass(DUE);
            // One renewal fails, and republishes what there is.
            world.server.go_down(1);
            let cleared = Arc::new(AtomicBool::new(false));
            let mut tasks = Vec::new();
            for _ in 0..2 {
                let caller = process.clone();
                tasks.push(spawn(async move {
                    let _ = caller.force_refresh().await;
                    let _ = caller.info().await;
                }));
            }
            let (reader, gone) = (process.clone(), Arc::clone(&cleared));
            let watched = Arc::clone(&world);
            tasks.push(spawn(async move {
                for _ in 0..4 {
                    let gone = gone.load(Ordering::SeqCst);
                    let served = watched.served(&reader);
                    assert!(!gone || served.is_none(), "{served:?} was cleared");
                    step().await;
                }
            }));
            let person = process.clone();
            tasks.push(spawn(async move {
                person.clear().await.expect("cleared");
                cleared.store(true, Ordering::SeqCst);
            }));
            for task in tasks {
                task.await.expect("ended");
            }
            world.tasks.ended().await;
            assert_eq!(world.served(&process), None);
            assert!(process.bearer().await.is_err_and(|error| error.needs_login()));
        });
    });
}

#[test]
fn k9_r1_a_logout_beside_renewals_revokes_the_newest_token_and_ends_all() {
    explore(|| {
        block_on(async {
            let world = World::new();
            let process = world.logged_in().await;
            let renewers = [process.clone(), process.clone()].map(|renewer| {
                spawn(async move {
                    // Before the logout there is a token to renew; after it, nobody is logged in.
                    let renewed = renewer.force_refresh().await;
                    assert!(
                        renewed.as_ref().is_ok_and(|token| token.generation > 1)
                            || renewed.as_ref().is_err_and(unlapse::Error::needs_login),
                        "{renewed:?}"
                    );
                })
            });
            let revoked = process.log_out().await;
            assert_eq!(revoked, Ok(Revoked::Done));
            assert_eq!(world.served(&process), None);
            for renewer in renewers {
                renewer.await.expect("ended");
            }
            world.tasks.ended().await;
            assert_eq!(world.served(&process), None);
            // Nothing was sent after it was replaced, or after it was revoked.
            assert_eq!(world.server.reused(), 0);
            assert_eq!(world.store.kept().token, None);
        });
    });
}

/// A person logs in while something else goes on; whoever asks after that gets the login's token.
async fn log_in_beside(world: Arc<World>, process: TokenSource, other: impl AsyncFnOnce()) {
    let login = (Arc::clone(&world), process.clone());
    let login = spawn(async move {
        login.0.log_in(&login.1).await;
        assert_eq!(login.0.served(&login.1), Some(1), "served when the login has returned");
    });
    other().await;
    login.await.expect("ended");
    world.tasks.ended().await;
    assert_eq!(world.served(&process), Some(1), "and from then on");
}

#[test]
fn r10_a_look_that_found_nothing_takes_no_newer_token_away() {
    explore(|| {
        block_on(async {
            let world = World::new();
            let process = world.process().await;
            let looker = process.clone();
            log_in_beside(world, process, async move || {
                looker.info().await.expect("looked");
            })
            .await;
        });
    });
}

#[test]
fn r14_the_api_key_takes_no_tokens_place() {
    explore(|| {
        block_on(async {
            let world = World::new();
            let builder = world.builder().ahead_of_time(false).api_key(Secret::new("key"));
            let process = builder.build().await;
            let caller = process.clone();
            log_in_beside(world, process, async move || {
                // The key, or the token, whichever was there first.
                let bearer = caller.bearer().await.expect("served");
                assert!(bearer.generation() <= 1);
            })
            .await;
        });
    });
}

#[test]
fn r10_r15_a_failing_renewal_republishes_nothing_older() {
    explore(|| {
        block_on(async {
            let world = World::new();
            let process = world.logged_in().await;
            world.clock.pass(DUE);
            world.server.go_down(1);
            let newest = Arc::new(AtomicU64::new(0));
            let mut tasks = Vec::new();
            for _ in 0..2 {
                let (caller, newest) = (process.clone(), Arc::clone(&newest));
                let world = Arc::clone(&world);
                tasks.push(spawn(async move {
                    if let Ok(token) = caller.force_refresh().await {
                        newest.fetch_max(token.generation, Ordering::SeqCst);
                    }
                    let known = newest.load(Ordering::SeqCst);
                    let served = world.generation(&caller.bearer().await.expect("valid"));
                    assert!(served >= known, "{served} was served after {known}");
                }));
            }
            for task in tasks {
                task.await.expect("ended");
            }
            world.tasks.ended().await;
        });
    });
}

#[test]
fn c7_one_look_at_a_time_and_the_next_when_it_is_due() {
    explore(|| {
        block_on(async {
            let world = World::new();
            let process = world.logged_in().await;
            let before = world.store.looks();
            world.clock.pass(Duration::from_secs(61));
            let callers = [process.clone(), process.clone(), process.clone()];
            let callers = callers.map(|caller| {
                spawn(async move {
                    assert_eq!(caller.bearer().await.expect("valid").generation(), 1);
                })
            });
            for caller in callers {
                caller.await.expect("ended");
            }
            world.tasks.ended().await;
            assert!(world.store.looks() > before, "nobody looked");
            assert_eq!(world.store.looked_at_once(), 1);
            // The end of a look makes way for the next.
            let before = world.store.looks();
            world.clock.pass(Duration::from_secs(61));
            process.bearer().await.expect("valid");
            world.tasks.ended().await;
            assert_eq!(world.store.looks(), before + 1);
        });
    });
}

#[test]
fn r5_what_was_saved_is_not_called_unsaved_again() {
    explore(|| {
        block_on(async {
            let world = World::new();
            let process = world.logged_in().await;
            // Neither the intent nor the answer finds room; both are set aside.
            world.store.fail_saves(2);
            let token = process.force_refresh().await.expect("renewed");
            assert_eq!((token.generation, token.is_unsaved), (2, true));
            let others = [process.clone(), process.clone()].map(|other| {
                spawn(async move {
                    other.info().await.expect("looked");
                })
            });
            process.settle().await.expect("saved");
            for other in others {
                other.await.expect("ended");
            }
            let token = process.token().await.expect("valid");
            assert_eq!((token.generation, token.is_unsaved), (2, false));
            assert_eq!(world.store.kept().generation, 2);
            assert_eq!((world.server.requests(), world.server.reused()), (1, 0));
        });
    });
}

#[test]
fn r5_r3_a_renewal_beside_a_save_spends_no_token_twice() {
    explore(|| {
        block_on(async {
            let world = World::new();
            let process = world.logged_in().await;
            world.store.fail_saves(3);
            let mut tasks = Vec::new();
            for _ in 0..2 {
                let caller = process.clone();
                tasks.push(spawn(async move {
                    assert!(caller.force_refresh().await.expect("renewed").generation > 1);
                }));
                let saver = process.clone();
                tasks.push(spawn(async move {
                    // Fails for as long as the disk is full.
                    let _ = saver.settle().await;
                }));
            }
            for task in tasks {
                task.await.expect("ended");
            }
            world.tasks.ended().await;
            world.store.fail_saves(0);
            process.settle().await.expect("saved");
            let token = process.token().await.expect("valid");
            assert_eq!((token.generation, token.is_unsaved), (3, false));
            assert_eq!(world.store.kept().generation, 3);
            assert_eq!((world.server.requests(), world.server.reused()), (2, 0));
        });
    });
}
