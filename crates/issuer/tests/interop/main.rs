//! The issuer, asked by clients that other people wrote: `peers/openid-client`, which is certified,
//! and `peers/python-clients`. A person at a real browser logs in at the pages.
//!
//! Part of the full suites: `cargo xtask test` installs the peers and says where they lie.
#![allow(
    clippy::disallowed_methods,
    reason = "tests spawn servers and other people's programs, and wait for them"
)]

mod application;
mod flows;
mod matrix;
mod peers;
mod script;
mod stand;
mod tls;

use std::sync::Arc;

use unlapse_issuer::{Algorithm, PostgresOptions, PostgresStore, SqliteStore};
use unlapse_parts::Postgres;

use crate::matrix::Matrix;
use crate::peers::Peers;
use crate::stand::Stand;

#[test]
fn clients_by_other_people_pass_every_flow() {
    if !unlapse_parts::is_full() {
        return;
    }
    let peers = Peers::find();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let keys = peers.keys();
    // MSAL wants https and a path; the metadata of OpenID Connect wants RS256.
    let file = tempfile::tempdir().expect("a directory");
    let store = SqliteStore::open(file.path().join("issuer.db")).expect("opened");
    let tenant = Stand::https("/tenant", Algorithm::Rs256, Arc::new(store), &keys);
    let tenant = runtime.block_on(tenant);
    let url = Postgres::shared().expect("started in the full suites").fresh_database();
    let store = runtime.block_on(PostgresStore::connect(&url, PostgresOptions::default()));
    let plain = Stand::http(Algorithm::EdDsa, Arc::new(store.expect("connected")), &keys);
    let plain = runtime.block_on(plain);

    let stands =
        [(&plain, "http, PostgreSQL", flows::HTTP), (&tenant, "https, SQLite", flows::HTTPS)];
    let mut matrix = Matrix::default();
    // The issuers side by side: a script waits most of its time.
    std::thread::scope(|scope| {
        let (peers, keys) = (&peers, &keys);
        let runs = stands.map(|(stand, at, runs)| {
            let one = move |run: &flows::Run| {
                script::run(&peers.command(run.script), &stand.settings(peers, keys, run.flows))
            };
            (at, runs, scope.spawn(move || runs.iter().map(one).collect::<Vec<_>>()))
        });
        for (at, runs, printed) in runs {
            let printed = printed.join().expect("no panic");
            for (run, printed) in runs.iter().zip(printed) {
                matrix.add(at, run, printed);
            }
        }
    });
    matrix.show();
    matrix.assert_all_ok();
}
