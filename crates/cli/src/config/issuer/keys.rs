//! Every key of an issuer's configuration.

use core::net::SocketAddr;
use core::time::Duration;

use unlapse_issuer::{Algorithm, GrantType, PasswordHash, Rate};

use super::reader::{Database, GrantTypes, Hash, RateOrOff, RotateEvery, Signing};
use crate::config::reader::{Count, IssuerUrl, Line, OneOf, Scopes, Switch, VariableName, Within};
use crate::config::section::{Shown, section};
use crate::config::serving::{Address, Texts};

/// `algorithm`.
const ALGORITHMS: &[(&str, Algorithm)] =
    &[("EdDSA", Algorithm::EdDsa), ("ES256", Algorithm::Es256), ("RS256", Algorithm::Rs256)];

section! {
    /// The keys before any table.
    IssuerKeys {
        url: unlapse_oauth::discovery::Issuer = IssuerUrl,
        listen: SocketAddr = Address,
        data: String = Line,
        database: String = Database,
        peppers: String = Line,
        audience: String = Line,
        algorithm: Algorithm = OneOf(ALGORITHMS),
        access_lifetime: Duration = Within("1s", "60m"),
        grace: Duration = Within("0s", "5m"),
        replay_cap: u32 = Count(1, 1_000_000),
        idle_lifetime: Duration = Within("1s", "3653d"),
        absolute_lifetime: Duration = Within("1s", "3653d"),
        login_client: String = Line,
        audit_file: String = Line,
        metrics: bool = Switch,
    }
}

section! {
    /// `[keys]`
    KeysKeys {
        rotate_every: Option<Duration> = RotateEvery,
        publish_for: Duration = Within("7m", "24h"),
        also: Vec<Algorithm> = Signing,
    }
}

section! {
    /// `[limits]`
    LimitKeys {
        peer: Option<Rate> = RateOrOff,
        client: Option<Rate> = RateOrOff,
        session: Option<Rate> = RateOrOff,
        login_failures: Option<Rate> = RateOrOff,
    }
}

section! {
    /// `[client.ID]`
    ClientKeys {
        name: String = Line,
        secret_env: String = VariableName,
        jwks_file: String = Line,
        grants: Vec<GrantType> = GrantTypes,
        scopes: Vec<String> = Scopes,
        redirect_uris: Vec<String> = Texts("URLs, like `[\"http://127.0.0.1/callback\"]`"),
        id_token_alg: Algorithm = OneOf(ALGORITHMS),
        dpop: bool = Switch,
        first_party: bool = Switch,
        audiences: Vec<String> = Texts("audiences, like `[\"https://api.example\"]`"),
        serves: Vec<String> = Texts("audiences, like `[\"https://api.example\"]`"),
    }
}

section! {
    /// `[user.NAME]`
    UserKeys {
        password: PasswordHash = Hash,
        subject: String = Line,
    }
}

impl Shown for Algorithm {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for Vec<Algorithm> {
    fn shown(&self) -> String {
        self.iter().map(|algorithm| algorithm.as_str()).collect::<Vec<_>>().join(" ")
    }
}

impl Shown for Option<Duration> {
    fn shown(&self) -> String {
        self.as_ref().map_or_else(|| "never".to_owned(), Shown::shown)
    }
}

impl Shown for Option<Rate> {
    fn shown(&self) -> String {
        self.map_or_else(
            || "off".to_owned(),
            |rate| format!("{}/{}", rate.requests, rate.per.shown()),
        )
    }
}

impl Shown for Vec<GrantType> {
    fn shown(&self) -> String {
        self.iter().map(|grant| grant.as_str()).collect::<Vec<_>>().join(" ")
    }
}

impl Shown for PasswordHash {
    fn shown(&self) -> String {
        "set".to_owned()
    }
}
