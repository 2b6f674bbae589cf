//! The provider over a store that takes 5 ms a call, as a database does. Two requests with the same
//! refresh token then both find it unspent, or one of them ends the login: whoever makes only one is
//! safe.

use std::time::{Duration, Instant};

use crate::harness::Project;
use crate::library::{bound_source, run, source};
use crate::provider::{BASIC, Client, PUBLIC, Provider};

const SLOW: [&str; 2] = ["--store-latency-ms", "5"];

fn logged_in(provider: &Provider, client: Client) -> Project {
    let project = provider.project(client, "reuse = \"strict\"", "");
    let login = ["login", "acme", "--refresh-token-stdin"];
    project.run_with(&login, &provider.grant(client)).ok();
    project
}

#[test]
fn x1_storms_of_thirty_processes_at_expiry_make_one_refresh_each() {
    let Some(provider) = Provider::start_with(60, &SLOW) else { return };
    for client in [PUBLIC, BASIC] {
        let project = logged_in(&provider, client);
        for round in 0..3 {
            let before = provider.count("refreshes");
            project.expire();
            let runs = project.storm(30, &["token", "acme"]);
            let first = runs[0].clone().ok();
            assert!(runs.iter().all(|run| run.stdout == first.stdout), "round {round}");
            provider.accepts(first.line(), client);
            assert_eq!(provider.count("refreshes"), before + 1, "{client:?}, round {round}");
        }
    }
    provider.assert_all_alive();
}

#[test]
fn x1_two_clients_that_do_not_share_a_lease_would_be_found_out() {
    let Some(provider) = Provider::start_with(60, &["--store-latency-ms", "50"]) else { return };
    let refresh_token = provider.grant(PUBLIC);
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", PUBLIC.id),
        ("refresh_token", &*refresh_token),
    ];
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| provider.post("/token", &form));
        }
    });
    let noticed = provider.count("refresh_reused") + provider.count("refresh_spent_twice");
    assert_eq!(noticed, 1, "so that the zeros of the other tests say something");
}

#[test]
fn k2_k5_thirty_tasks_over_many_ends_make_one_refresh_each() {
    for flags in [&SLOW[..], &[SLOW[0], SLOW[1], "--dpop"]] {
        let Some(provider) = Provider::start_with(2, flags) else { return };
        let refresh_token = provider.grant(PUBLIC);
        let is_bound = flags.contains(&"--dpop");
        let generations = run(async {
            let source = if is_bound {
                bound_source(&provider, PUBLIC, refresh_token).await
            } else {
                source(&provider, PUBLIC, refresh_token).await
            };
            let first = source.info().await.expect("known").generation;
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..30 {
                let source = source.clone();
                tasks.spawn(async move {
                    let end = Instant::now() + Duration::from_secs(7);
                    while Instant::now() < end {
                        source.bearer().await.expect("a token");
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                });
            }
            tasks.join_all().await;
            // Right after a renewal, so that none is under way when the two are compared.
            let generation = async || source.info().await.expect("known").generation;
            let last = generation().await;
            while generation().await == last {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            source.settle().await.expect("saved");
            generation().await - first
        });
        assert!(generations >= 3, "{generations} in seven seconds of two-second tokens");
        assert_eq!(provider.count("refreshes"), generations, "one refresh a generation");
        provider.assert_all_alive();
    }
}
