//! A store of a fleet, in PostgreSQL.

mod audit_log;
mod denials;
mod kept_keys;
mod listener;
mod migrations;
mod options;
mod rows;
mod sessions;
mod sweep;
mod tickets;

use core::fmt;
use std::sync::Arc;

use tokio::sync::{Mutex, Notify};
use unlapse_core::UnixTime;
pub use unlapse_store::sql::postgres::BadServer;
use unlapse_store::sql::postgres::{Connections, Place, migrate, tls};

use self::listener::Listener;
use self::migrations::MIGRATIONS;
pub use self::options::{PostgresClock, PostgresOptions};
use crate::sql;

/// Keeps everything in a server of PostgreSQL (14 or later), for any number of nodes.
///
/// A refresh is one statement. Every wait has an end; a server that is away is told apart from a
/// verdict ([`Unavailable`](crate::Unavailable)), asked again after a moment, and found by itself
/// when it is back. A node hears within moments what was revoked on another.
///
/// # The database
///
/// The tables are in a schema `unlapse`, which the first node makes: its user needs the right to
/// create it, or to create tables in one that an operator has made. Sessions and revocations are
/// timed by the server's clock. Connections have settings of their own: a pooler in between has to
/// give each a server's connection for good (`pool_mode = session`).
///
/// # The audit log
///
/// Rows of `unlapse.audit` can be neither changed nor deleted. Whoever runs the issuer says from
/// when on they are kept; [`sweep`](crate::Store::sweep) deletes what is older:
///
/// ```sql
/// UPDATE unlapse.audit_kept SET since = 1760000000000; -- milliseconds since 1970
/// ```
pub struct PostgresStore {
    connections: Connections,
    clock: PostgresClock,
    news: Arc<Notify>,
    /// Where the next sweep goes on among the sessions.
    swept: Mutex<Vec<u8>>,
    _listener: Listener,
}

/// What time it is by the server, in milliseconds: at this moment, not when the transaction began.
macro_rules! server_clock {
    () => {
        "floor(date_part('epoch', clock_timestamp()) * 1000)::bigint"
    };
}
use server_clock;

impl PostgresStore {
    /// Connects, and brings the schema up to date. `url` is a connection URI of PostgreSQL; its
    /// `sslmode` is `disable`, `prefer` or, whatever stricter it says, a TLS with the server's
    /// certificate and name checked by the system's certificates or those of the file
    /// `sslrootcert`. Without one, only a server on the same machine is talked to in clear.
    ///
    /// # Panics
    ///
    /// Outside of a runtime of tokio.
    pub async fn connect(url: &str, options: PostgresOptions) -> Result<Self, BadServer> {
        let mut place = Place::parse(url)?;
        let tls = tls(&place)?;
        let server = options.server();
        place.config.connect_timeout(server.connect);
        if place.config.get_application_name().is_none() {
            place.config.application_name(server.application);
        }
        migrate(&place.config, &tls, server.schema, "migrations", &MIGRATIONS).await?;
        let connections = Connections::new(place.config.clone(), tls.clone(), &server)?;
        let news = Arc::new(Notify::new());
        let listener = Listener::start(place.config, tls, &options, Arc::clone(&news));
        let swept = Mutex::default();
        Ok(Self { connections, clock: options.clock, news, swept, _listener: listener })
    }

    /// What time it is, as a parameter of a statement that takes the server's clock for nothing.
    fn now(&self, now: UnixTime) -> Option<i64> {
        match self.clock {
            PostgresClock::Server => None,
            PostgresClock::Caller => Some(sql::millis(now)),
        }
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}
