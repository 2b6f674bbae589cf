//! Every key of a broker's configuration.

use core::net::SocketAddr;
use core::time::Duration;

use unlapse_broker::PrivateHosts;
use unlapse_oauth::Endpoint;
use unlapse_oauth::discovery::Issuer;

use super::reader::{Database, Hosts, MasterKey};
use crate::config::reader::{Count, EndpointUrl, IssuerUrl, Line, OneOf, Switch, Within};
use crate::config::section::{section, words};
use crate::config::serving::Address;

pub(crate) use super::reader::MasterKeyAt;

/// `log_format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// A line for people.
    Text,
    /// An object a line.
    Json,
}

words!(LogFormat { Text = "text", Json = "json", });

section! {
    /// The keys before any table.
    BrokerKeys {
        listen: SocketAddr = Address,
        metrics_listen: SocketAddr = Address,
        public_url: Endpoint = EndpointUrl,
        data: String = Line,
        database: String = Database,
        master_key: MasterKeyAt = MasterKey,
        providers: String = Line,
        spool: String = Line,
        dashboard_open: bool = Switch,
        renewals: u32 = Count(2, 10_000),
        in_memory: u32 = Count(16, 10_000_000),
        requests: u32 = Count(1, 100_000),
        long_requests: u32 = Count(1, 100_000),
        listeners: u32 = Count(1, 100_000),
        private_hosts: PrivateHosts = Hosts,
        private_webhooks: bool = Switch,
        drain: Duration = Within("1s", "10m"),
        log_format: LogFormat = OneOf(LogFormat::WORDS),
    }
}

section! {
    /// `[jwt]`
    JwtKeys {
        issuer: Issuer = IssuerUrl,
        audience: String = Line,
    }
}

section! {
    /// `[retention]`
    RetentionKeys {
        attempts: Duration = Within("1d", "3653d"),
        events: Duration = Within("1h", "365d"),
        usage: Duration = Within("1d", "3653d"),
    }
}

section! {
    /// `[postgres]`
    PostgresKeys {
        connections: u32 = Count(2, 500),
    }
}
