//! What holds of every connection, whatever its provider does (I10): a hundred cases of each, over a real
//! database and a provider that counts.
#![expect(clippy::disallowed_methods, reason = "providers and databases go by the real clock")]

#[path = "world/mod.rs"]
mod world;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::Config;
use tokio::runtime::Runtime;
use unlapse::unlapse_core::{BootTime, Grant, Now, Record, Secret, Store as _};
use unlapse_broker::{
    Broker, Brought, Code, ConnectionId, NewConnection, Retries, State, TokenWanted,
};
use unlapse_parts::{Fault, LoggedIn, Provider, Rotation, Terms};
use unlapse_store::sql::{Database, Next, Options, SqlOptions, SqlStore, Timetable};

use crate::world::{Place, app, brought, id_at, name, operator};

/// One broker for all cases of a property: each has an app of its own, so that no circuit is another's.
struct Setting {
    runtime: Runtime,
    provider: Provider,
    broker: Broker,
    /// The same database, as another node would write to it.
    store: SqlStore,
    cases: AtomicU32,
    _folder: tempfile::TempDir,
}

struct Never;

impl Timetable for Never {
    fn next(&self, _: &unlapse::unlapse_core::Key, _: &Record) -> Next {
        Next::default()
    }
}

/// The setting of the property of that number.
fn setting(property: usize) -> &'static Setting {
    static SETTINGS: [OnceLock<Setting>; 5] = [const { OnceLock::new() }; 5];
    SETTINGS[property].get_or_init(|| {
        let runtime = Runtime::new().expect("a runtime");
        let folder = tempfile::tempdir().expect("a directory");
        let database = folder.path().join("broker.db").to_string_lossy().into_owned();
        let rotation = Rotation::Grace(Duration::from_secs(30));
        let provider = Provider::start(Terms { rotation, ..Terms::default() });
        let more = "reuse = \"grace:30s\"";
        let place = Place::new(&*database, provider.token_endpoint("local"), more);
        let (broker, store) = runtime.block_on(async {
            let broker = place.open().await.expect("a broker");
            let database =
                Database::open(&database, Options::default()).await.expect("it is there");
            let seal = Arc::new(broker.tables().envelope().clone()) as _;
            let options = SqlOptions::default();
            let store = SqlStore::open(database, seal, Arc::new(Never), options).await;
            (broker, store.expect("a store"))
        });
        let cases = AtomicU32::new(0);
        Setting { runtime, provider, broker, store, cases, _folder: folder }
    })
}

/// A case: a connection, and the login behind it.
struct Case {
    id: ConnectionId,
    login: LoggedIn,
}

impl Setting {
    async fn case(&self, change: impl FnOnce(Brought) -> Brought) -> Case {
        let number = self.cases.fetch_add(1, Ordering::Relaxed);
        let app_name = format!("app-{number}");
        let mut app = app("local");
        app.name = name(&app_name);
        self.broker.tables().put_app(&app).await.expect("an app");
        let login = self.provider.log_in();
        let id = id_at(&app_name, "ada");
        self.broker.put(&id, change(brought(&login)), &operator()).await.expect("it is kept");
        Case { id, login }
    }

    /// Another connection of the case's app, as a node has left it that renewed it long ago.
    async fn left_long_ago(&self, case: &Case, life: u64, left: u64) -> (ConnectionId, LoggedIn) {
        let (id, login) = (id_at(case.id.provider.as_str(), "bob"), self.provider.log_in());
        let new = NewConnection { id: id.clone(), scope: None, metadata: BTreeMap::new() };
        self.broker.tables().put_connection(&new).await.expect("it is kept");
        let mut grant = Grant::bearer(Secret::new(login.access_token.clone()));
        grant.refresh_token = Some(Secret::new(login.refresh_token.clone()));
        grant.expires_in = Some(Duration::from_secs(life));
        let wall = self.broker.clock().minus(Duration::from_secs(life - left));
        let then = Now { wall, boot: BootTime { boot: 1, millis: 0 } };
        let mut lease =
            self.store.lease(&id.key(), Duration::from_secs(5)).await.expect("it is free");
        lease.save(&Record::default().logged_in(grant, then)).await.expect("it is kept");
        (id, login)
    }

    async fn token(&self, id: &ConnectionId) -> Result<String, Code> {
        let token = self.broker.token(id, TokenWanted::default(), &operator()).await;
        token.map(|token| token.access_token.expose().to_owned()).map_err(|problem| problem.code)
    }
}

fn hundred() -> Config {
    Config { cases: 100, failure_persistence: None, ..Config::default() }
}

/// What a provider may do instead of an answer; none of it ends a login.
fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Unavailable),
        Just(Fault::Page),
        Just(Fault::InvalidClient),
        Just(Fault::Hang(Duration::from_millis(5))),
        (1_u64..4).prop_map(|secs| Fault::Limited(Duration::from_secs(secs))),
    ]
}

fn retries(max_retries: u32, initial: u64, most: u64) -> Retries {
    Retries {
        max_retries,
        initial_delay: Duration::from_millis(initial),
        max_delay: Duration::from_millis(most),
    }
}

proptest! {
    #![proptest_config(hundred())]

    /// I4: whatever fails, the connection is there as it was, and its token is handed out.
    #[test]
    fn i10_a_connection_outlives_every_failed_refresh(faults in prop::collection::vec(fault(), 1..4)) {
        let setting = setting(0);
        setting.runtime.block_on(async {
            let case = setting.case(|brought| Brought { scope: Some("read".to_owned()), ..brought }).await;
            let before = setting.broker.connection(&case.id).await.expect("it is there");
            for fault in &faults {
                setting.provider.fail_login(case.login.family, Some(*fault));
                let refreshed = setting.broker.refresh(&case.id, retries(0, 1, 1), &operator()).await;
                let problem = refreshed.expect_err("it has failed");
                prop_assert!(!problem.code.needs_user(), "{:?}", problem);
                prop_assert_eq!(problem.account.as_deref(), Some(&case.id));
                let after = setting.broker.connection(&case.id).await.expect("it is there");
                prop_assert_eq!(after.state, State::Active);
                prop_assert_eq!(
                    (after.generation, &after.scope, after.access_expires_at, after.connected_at),
                    (before.generation, &before.scope, before.access_expires_at, before.connected_at)
                );
            }
            Ok(())
        })?;
    }

    /// I4: nothing is lost by a failure, of so few that the circuit stays closed: the old token is served, and the next refresh goes on from it.
    #[test]
    fn i10_no_failure_loses_data(faults in prop::collection::vec(fault(), 1..3)) {
        let setting = setting(1);
        setting.runtime.block_on(async {
            let case = setting.case(|brought| brought).await;
            for fault in &faults {
                setting.provider.fail_login(case.login.family, Some(*fault));
                let _ = setting.broker.refresh(&case.id, retries(0, 1, 1), &operator()).await;
                let token = setting.token(&case.id).await;
                prop_assert_eq!(token.as_ref(), Ok(&case.login.access_token));
            }
            setting.provider.fail_login(case.login.family, None);
            let renewed = loop {
                match setting.broker.refresh(&case.id, retries(0, 1, 1), &operator()).await {
                    Ok(renewed) => break renewed,
                    // A provider that has asked to wait is not asked before (R15).
                    Err(problem) => {
                        let wait = problem.retry_at.expect("when to ask again");
                        let wait = wait.since(setting.broker.clock());
                        prop_assert!(wait < Duration::from_secs(20), "{:?}", problem);
                        tokio::time::sleep(wait).await;
                    }
                }
            };
            prop_assert_eq!(renewed.generation, 2);
            prop_assert!(setting.provider.is_alive(case.login.family));
            prop_assert!(setting.provider.is_valid(&setting.token(&case.id).await.expect("a token")));
            Ok(())
        })?;
    }

    /// I2: so many requests as were asked for, and no more; the problem says how many.
    #[test]
    fn i10_attempts_are_counted(max_retries in 0_u32..4, initial in 1_u64..20, most in 1_u64..40) {
        let setting = setting(2);
        setting.runtime.block_on(async {
            let case = setting.case(|brought| brought).await;
            setting.provider.fail_login(case.login.family, Some(Fault::Unavailable));
            let before = setting.provider.tally().requests;
            let retries = retries(max_retries, initial, most);
            let refreshed = setting.broker.refresh(&case.id, retries, &operator()).await;
            let problem = refreshed.expect_err("it has failed");
            prop_assert_eq!(problem.attempts, max_retries + 1);
            prop_assert_eq!(setting.provider.tally().requests - before, u64::from(max_retries) + 1);
            Ok(())
        })?;
    }

    /// I2: between attempts, at most `initial · 2^n`, and never more than the bound.
    #[test]
    fn i10_backoff_stays_within_what_was_asked_for(
        max_retries in 1_u32..4, initial in 1_u64..60, most in 1_u64..60,
    ) {
        let setting = setting(3);
        setting.runtime.block_on(async {
            let case = setting.case(|brought| brought).await;
            setting.provider.fail_login(case.login.family, Some(Fault::Unavailable));
            let delays = (0..max_retries).map(|n| (initial << n).min(most));
            let longest = Duration::from_millis(delays.sum());
            let start = Instant::now();
            let retries = retries(max_retries, initial, most);
            let refreshed = setting.broker.refresh(&case.id, retries, &operator()).await;
            let (took, problem) = (start.elapsed(), refreshed.expect_err("it has failed"));
            // A machine that has much to do is slow, but not by as much as a wrong unit.
            prop_assert!(took < longest + Duration::from_secs(5), "{:?} for {:?}", took, longest);
            prop_assert!(problem.duration <= took + Duration::from_millis(50));
            Ok(())
        })?;
    }

    /// I3: a token that lives for five minutes more is handed out; one that does not is renewed first.
    #[test]
    fn i10_the_threshold_is_five_minutes(life in 1200_u64..86_400, left in 5_u64..1200) {
        // Spread by half a minute at most, earlier (R12).
        prop_assume!(!(300..=330).contains(&left));
        let setting = setting(4);
        setting.runtime.block_on(async {
            let case = setting.case(|brought| brought).await;
            let (id, login) = setting.left_long_ago(&case, life, left).await;
            let before = setting.provider.tally().requests;
            let token = setting.token(&id).await.expect("a token");
            let renewed = setting.provider.tally().requests > before;
            prop_assert_eq!(renewed, left < 300, "{} s left of {}", left, life);
            prop_assert_eq!(token == login.access_token, !renewed);
            Ok(())
        })?;
    }
}
