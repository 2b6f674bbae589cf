//! What is renewed when, and what that costs.

use std::time::{Duration, Instant};

use unlapse_broker::{Brought, State};
use unlapse_parts::{Fault, Postgres, Terms};

use crate::setting::{Setting, block_on, on_both, terms};
use crate::world::{MASTER, Provided, brought, eventually, id, id_at, name, operator};

/// Connections of one app hang, each for longer than the test lasts; those of another are renewed.
#[test]
fn failing_connections_never_take_every_refresh_seat() {
    on_both(terms(), "", async |setting| {
        let mut place = setting.place.clone();
        place.renewals = 8;
        let token_endpoint = setting.provider.token_endpoint("hanging");
        place.providers.push(Provided { name: "hanging", token_endpoint, more: String::new() });
        setting.provider.fail_caller("hanging", Some(Fault::Hang(Duration::from_secs(60))));
        let node = setting.node_at(&place).await;
        let due = |login| Brought { expires_in: Some(Duration::ZERO), ..brought(&login) };
        for n in 0..40 {
            let id = id_at("hanging", &format!("h{n}"));
            node.broker.put(&id, due(setting.provider.log_in()), &operator()).await.expect("kept");
        }
        eventually("they hang", async || (setting.provider.tally().requests >= 4).then_some(()))
            .await;
        let start = Instant::now();
        for n in 0..10 {
            let id = id(&format!("u{n}"));
            node.broker.put(&id, due(setting.provider.log_in()), &operator()).await.expect("kept");
        }
        for n in 0..10 {
            eventually("it is renewed", async || {
                (node.connection(&format!("u{n}")).await.generation >= 2).then_some(())
            })
            .await;
        }
        assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    });
}

#[test]
fn tokens_without_an_expiry_are_refreshed_too() {
    on_both(terms(), "", async |setting| {
        let (node, login) = (setting.node().await, setting.provider.log_in());
        let endless = Brought { expires_in: None, ..brought(&login) };
        node.broker.put(&id("ada"), endless, &operator()).await.expect("it is kept");
        let connection = node.connection("ada").await;
        assert_eq!(connection.access_expires_at, None);
        let due = connection.due_at.expect("it has its turn");
        assert!(due.since(node.broker.clock()) < Duration::from_secs(31 * 86_400));
        // Left alone until then (I3), unless somebody knows better.
        assert_eq!(node.token("ada").await, login.access_token);
        assert_eq!(setting.provider.tally().requests, 0);
        let renewed = node.forced("ada").await.expect("a new one");
        assert!(setting.provider.is_valid(&renewed) && renewed != login.access_token);
        setting.nothing_was_lost(&[&login]);
    });
}

#[test]
fn a_refresh_that_kills_tokens_in_use_is_made_as_late_as_can_be() {
    let only_one = Terms { one_access_token: true, ..terms() };
    let timing = "timing = { access_ttl = \"1h\", refresh_revokes_access = true }";
    on_both(only_one, timing, async |setting| {
        let (node, login) = (setting.node().await, setting.provider.log_in());
        node.put("ada", &login).await;
        let due = node.connection("ada").await.due_at.expect("it has its turn");
        let left = due.since(node.broker.clock());
        assert!(left > Duration::from_secs(3200), "{left:?} from now, of an hour");
        for _ in 0..5 {
            assert_eq!(node.token("ada").await, login.access_token);
        }
        assert_eq!(setting.provider.tally().requests, 0);
        assert!(setting.provider.is_valid(&login.access_token));
    });
}

/// What an idle node reads does not depend on how many connections there are.
#[test]
fn schedules_never_list_every_credential_every_minute() {
    const ROWS: u64 = 20_000;
    let Some(postgres) = Postgres::shared() else { return };
    let database = postgres.fresh_database();
    let name = database.rsplit('/').next().expect("a name").to_owned();
    let setting = Setting::new(terms(), "", database);
    block_on(async {
        let node = setting.node().await;
        let fill = format!(
            "insert into unlapse_broker.records (id, server, account, scope, shard, state, due_at,
                 attempt, fence, generation, revision, phase, seen_at)
             select substring(sha256(int8send(n)) for 16), 'acme/local', 'u' || n || '/main', '',
                 n % 64, 0, (extract(epoch from now()) * 1000)::bigint + 3600000, 0, 1, 1, 1, 0, 0
             from generate_series(1, {ROWS}) n;
             analyze unlapse_broker.records"
        );
        postgres.sql(&name, &fill);
        let read = || {
            let read = "select coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)
                from pg_stat_user_tables where relname in ('records', 'tokens', 'connections')";
            postgres.sql(&name, read).parse::<u64>().expect("a number")
        };
        // Servers tell of what was read a second later.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let before = read();
        tokio::time::sleep(Duration::from_secs(6)).await;
        let read = read() - before;
        assert!(read < ROWS / 10, "{read} rows read by a node that has nothing to do");
        drop(node);
    });
}

/// A new master key, and a new data key, while tokens are handed out and renewed.
#[test]
fn keys_can_be_rotated() {
    const NEW: &str = "second ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
    on_both(terms(), "", async |setting| {
        let login = setting.provider.log_in();
        let node = setting.node().await;
        node.put("ada", &login).await;
        drop(node);
        let mut both = setting.place.clone();
        both.master = format!("{NEW}\n{MASTER}");
        let node = setting.node_at(&both).await;
        assert_eq!(node.token("ada").await, login.access_token);
        let envelope = node.broker.tables().envelope();
        assert!(envelope.rotate_master().await.expect("rotated") >= 1);
        envelope.rotate_data(&name("acme")).await.expect("begun");
        assert!(setting.provider.is_valid(&node.forced("ada").await.expect("a token")));
        drop(node);
        // The old one is not needed any more.
        let mut only_new = setting.place.clone();
        only_new.master = NEW.to_owned();
        let node = setting.node_at(&only_new).await;
        assert!(setting.provider.is_valid(&node.token("ada").await));
        assert!(setting.provider.is_valid(&node.forced("ada").await.expect("a token")));
        assert_eq!(node.connection("ada").await.state, State::Active);
        setting.nothing_was_lost(&[&login]);
    });
}
