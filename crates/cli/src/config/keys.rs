//! Every key there is.

use core::time::Duration;

use unlapse::Persistence;
use unlapse_core::{Policy, Reuse, WithoutStore};
use unlapse_oauth::Endpoint;
use unlapse_oauth::discovery::Issuer;
use unlapse_oauth::grant::ConnectionPath;

use super::origin::Valued;
use super::reader::{
    Algorithms, Between, Connection, Count, CountOf, EndpointUrl, IssuerUrl, Line, OneOf,
    ReuseClass, Scopes, Switch, VariableName, Within,
};
use super::section::{section, words};
use super::size::{Bytes, Size};

/// `grant`: how a token is bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GrantWord {
    /// RFC 6749 §6.
    RefreshToken,
    /// RFC 6749 §4.4.
    ClientCredentials,
    /// RFC 6749 §4.3.
    Password,
    /// The JSON login endpoint of C9.
    LoginEndpoint,
    /// No token: a key.
    ApiKey,
    /// A broker keeps the login.
    Broker,
}

words!(GrantWord {
    RefreshToken = "refresh_token",
    ClientCredentials = "client_credentials",
    Password = "password",
    LoginEndpoint = "login_endpoint",
    ApiKey = "api_key",
    Broker = "broker",
});

/// `client_auth`: how the client proves itself (RFC 6749 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthWord {
    /// Not at all.
    None,
    /// HTTP Basic.
    Basic,
    /// In the body.
    Post,
}

words!(AuthWord { None = "none", Basic = "basic", Post = "post", });

/// `dpop_alg`: how the keys of new logins sign (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DpopAlg {
    /// ECDSA on P-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

words!(DpopAlg { Es256 = "ES256", EdDsa = "EdDSA", });

/// `store.layout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One file a key, in a directory.
    Directory,
    /// One file for one key.
    File,
}

words!(Layout { Directory = "directory", File = "file", });

/// `store.custody`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CustodyWord {
    /// A key file.
    KeyFile,
    /// A passphrase.
    Passphrase,
    /// The machine's identity.
    Machine,
}

words!(CustodyWord { KeyFile = "keyfile", Passphrase = "passphrase", Machine = "machine", });

/// `store.derivation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DerivationWord {
    /// PBKDF2-HMAC-SHA256 (RFC 8018 §5.2).
    Pbkdf2,
    /// Argon2id (RFC 9106).
    Argon2id,
}

words!(DerivationWord { Pbkdf2 = "pbkdf2", Argon2id = "argon2id", });

section! {
    /// `[profile.NAME]`
    ProfileKeys {
        issuer: Issuer = IssuerUrl,
        token_endpoint: Endpoint = EndpointUrl,
        revocation_endpoint: Endpoint = EndpointUrl,
        grant: GrantWord = OneOf(GrantWord::WORDS),
        client_id: String = Line,
        client_auth: AuthWord = OneOf(AuthWord::WORDS),
        client_secret_env: String = VariableName,
        dpop: bool = Switch,
        dpop_alg: DpopAlg = OneOf(DpopAlg::WORDS),
        scopes: Vec<String> = Scopes,
        audience: String = Line,
        resource: String = Line,
        username: String = Line,
        account: String = Line,
        reuse: Reuse = ReuseClass,
        api_key_env: String = VariableName,
        api_key_while_away: bool = Switch,
        broker: Endpoint = EndpointUrl,
        connection: ConnectionPath = Connection,
        broker_key_env: String = VariableName,
    }
}

section! {
    /// `[profile.NAME.login_endpoint]`
    LoginKeys {
        url: Endpoint = EndpointUrl,
        username: String = Line,
        username_field: String = Line,
        password_field: String = Line,
        token_field: String = Line,
        refresh_url: Endpoint = EndpointUrl,
    }
}

section! {
    /// `[profile.NAME.policy]`
    PolicyKeys {
        refresh_ahead: Duration = Within("0s", "24h"),
        skew: Duration = Within("0s", "10m"),
        trust: Duration = Within("0s", "1h"),
        lease_wait: Duration = Within("0s", "10m"),
        timeout: Duration = Between(Policy::EXCHANGE_DEADLINE),
        caller_timeout: Duration = Within("100ms", "1h"),
        attempts: u32 = CountOf(Policy::ATTEMPTS),
        base_delay: Duration = Between(Policy::BASE_DELAY),
        max_delay: Duration = Between(Policy::MAX_DELAY),
        round: Duration = Within("100ms", "24h"),
        stale: Duration = Within("0s", "30d"),
        without_store: WithoutStore = OneOf(WithoutStore::WORDS),
        max_lifetime: Duration = Within("1s", "365d"),
        algorithms: Vec<String> = Algorithms,
        breaker_failures: u32 = Count(1, 100),
        breaker_open_for: Duration = Within("100ms", "1h"),
    }
}

section! {
    /// `[store]`
    StoreKeys {
        path: String = Line,
        layout: Layout = OneOf(Layout::WORDS),
        persist: Persistence = OneOf(Persistence::WORDS),
        custody: CustodyWord = OneOf(CustodyWord::WORDS),
        keyfile: String = Line,
        derivation: DerivationWord = OneOf(DerivationWord::WORDS),
        rounds: u32 = Count(1, 10_000_000),
        project: String = Line,
    }
}

section! {
    /// `[http]`
    HttpKeys {
        ca_file: String = Line,
        connect_timeout: Duration = Within("100ms", "5m"),
        read_timeout: Duration = Within("100ms", "10m"),
    }
}

section! {
    /// `[queue]`
    QueueKeys {
        max_body: Bytes = Size("1KiB", "16MiB"),
        max_entries: u32 = Count(1, 100_000),
        max_total: Bytes = Size("1MiB", "16GiB"),
        timeout: Duration = Within("100ms", "10m"),
        key_lives: Duration = Within("1m", "90d"),
    }
}

section! {
    /// `[log]`
    LogKeys {
        journal: bool = Switch,
        max_bytes: u32 = Count(65_536, 1_073_741_824),
    }
}

impl PolicyKeys {
    /// What holds where nothing is set: the numbers of the requirements.
    pub(crate) fn defaults() -> Self {
        let policy = Policy::default();
        Self {
            refresh_ahead: Some(Valued::default(policy.refresh_ahead)),
            skew: Some(Valued::default(policy.skew)),
            trust: Some(Valued::default(policy.trust)),
            lease_wait: Some(Valued::default(policy.lease_wait)),
            timeout: Some(Valued::default(policy.exchange_deadline)),
            caller_timeout: Some(Valued::default(policy.caller_deadline)),
            attempts: Some(Valued::default(policy.attempts)),
            base_delay: Some(Valued::default(policy.base_delay)),
            max_delay: Some(Valued::default(policy.max_delay)),
            round: Some(Valued::default(policy.round)),
            stale: Some(Valued::default(policy.stale)),
            without_store: Some(Valued::default(policy.without_store)),
            max_lifetime: None,
            algorithms: None,
            breaker_failures: Some(Valued::default(policy.breaker.failures)),
            breaker_open_for: Some(Valued::default(policy.breaker.open_for)),
        }
    }
}
