//! An issuer is put together and checked.

use core::time::Duration;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, Notify};

use super::bad_configuration::{BadConfiguration, NotOpened};
#[cfg(feature = "pages")]
use super::pages::PageSettings;
use super::public_url::checked_url;
use super::{Issuer, Parts};
use crate::access_token::LONGEST_ACCESS;
use crate::account_failures::AccountFailures;
use crate::audit::{Audit, AuditHook};
use crate::audit_log::AuditLog;
use crate::audit_queue::AuditQueue;
use crate::bad_keys::BadKeys;
use crate::clients::{Client, Clients, MemoryClients};
use crate::clock::{Clock, Sleep, system_clock, system_sleep};
use crate::dpop_rules::{DpopProofs, DpopRules};
use crate::durations::Durations;
use crate::health::Health;
use crate::key_cycle::KeyPolicy;
use crate::key_ring::KeyRing;
use crate::login_limit::LoginLimit;
use crate::memory::MemoryStore;
use crate::password::{PasswordChecks, PasswordCost};
use crate::pepper::{Pepper, Peppers};
use crate::policy::Policy;
use crate::proxies::Proxies;
use crate::rate_limits::{Limiters, RateLimits};
use crate::signing_key::SigningKey;
use crate::signing_keys::SigningKeys;
use crate::stats::Stats;
use crate::store::Store;
use crate::trusted_issuer::TrustedIssuer;
use crate::users::{MemoryUsers, Users};
use unlapse_verify::{Algorithm, DpopPolicy, JwkSet, SharedKeys};

/// Puts an issuer together. What is not said is the default; the default keeps everything in
/// memory, under a signing key and a pepper of its own.
pub struct IssuerBuilder {
    url: String,
    audience: Option<String>,
    access_lifetime: Duration,
    algorithm: Algorithm,
    other_algorithms: Vec<Algorithm>,
    key: Option<SigningKey>,
    kept_keys: Option<KeyPolicy>,
    policy: Policy,
    peppers: Option<Peppers>,
    clock: Clock,
    sleep: Sleep,
    store: Option<Arc<dyn Store>>,
    users: Option<Arc<dyn Users>>,
    clients: Option<Arc<dyn Clients>>,
    login_client: Client,
    password_cost: PasswordCost,
    login_limit: LoginLimit,
    rate_limits: RateLimits,
    proxies: Proxies,
    trusted: Vec<TrustedIssuer>,
    dpop: DpopRules,
    #[cfg(feature = "pages")]
    pub(super) pages: PageSettings,
    metrics: bool,
    audit: Option<AuditHook>,
    audit_copy: Option<Arc<dyn AuditLog>>,
}

impl IssuerBuilder {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            audience: None,
            access_lifetime: Duration::from_secs(900),
            algorithm: Algorithm::default(),
            other_algorithms: Vec::new(),
            key: None,
            kept_keys: None,
            policy: Policy::default(),
            peppers: None,
            clock: system_clock(),
            sleep: system_sleep(),
            store: None,
            users: None,
            clients: None,
            login_client: Client::public("api"),
            password_cost: PasswordCost::default(),
            login_limit: LoginLimit::default(),
            rate_limits: RateLimits::default(),
            proxies: Proxies::default(),
            trusted: Vec::new(),
            dpop: DpopRules::default(),
            #[cfg(feature = "pages")]
            pages: PageSettings::default(),
            metrics: false,
            audit: None,
            audit_copy: None,
        }
    }

    /// Whom access tokens are meant for (`aud`). The issuer's own URL when not said.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// How long access tokens live: 15 min; 1 s to 60 min.
    #[must_use]
    pub fn access_lifetime(mut self, lifetime: Duration) -> Self {
        self.access_lifetime = lifetime;
        self
    }

    /// Signs access tokens with a key of this algorithm, instead of one for `EdDSA`.
    #[must_use]
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Has keys of these algorithms, too, for what is not an access token. Only of
    /// [kept](Self::kept_keys) keys can there be more than one.
    #[must_use]
    pub fn other_algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.other_algorithms = algorithms.into_iter().collect();
        self
    }

    /// Signs with this key for good, whatever [`algorithm`](Self::algorithm) says.
    #[must_use]
    pub fn signing_key(mut self, key: SigningKey) -> Self {
        self.key = Some(key);
        self.kept_keys = None;
        self
    }

    /// Keeps signing keys in the store, sealed under the peppers, and lets them succeed one
    /// another, which [`housekeeping`](Issuer::housekeeping) sees to. Such an issuer is opened with
    /// [`open`](Self::open). When not said, one key signs, for as long as the process lives.
    #[must_use]
    pub fn kept_keys(mut self, policy: KeyPolicy) -> Self {
        self.kept_keys = Some(policy);
        self.key = None;
        self
    }

    /// How refresh tokens succeed one another.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// What refresh tokens are made under. One drawn at random when not said, so that sessions
    /// end with the process.
    #[must_use]
    pub fn peppers(mut self, peppers: Peppers) -> Self {
        self.peppers = Some(peppers);
        self
    }

    /// What time it is. The system's clock when not said.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// How [`housekeeping`](Issuer::housekeeping) lets time go by. The timer of tokio when not
    /// said.
    #[must_use]
    pub fn sleep(mut self, sleep: Sleep) -> Self {
        self.sleep = sleep;
        self
    }

    /// Where everything rests. A [`MemoryStore`] of its own when not said.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// Who may log in. Nobody when not said.
    #[must_use]
    pub fn users(mut self, users: Arc<dyn Users>) -> Self {
        self.users = Some(users);
        self
    }

    /// Who may ask for tokens. Only the login client when not said.
    #[must_use]
    pub fn clients(mut self, clients: Arc<dyn Clients>) -> Self {
        self.clients = Some(clients);
        self
    }

    /// The client that `/api/auth/login` opens sessions for (C9), which has no means to name one.
    /// It is known at `/token`, too. It has to be [public](Client::is_public), as nothing proves it
    /// at the JSON pair. Named `api`, without scopes when not said.
    #[must_use]
    pub fn login_client(mut self, client: Client) -> Self {
        self.login_client = client;
        self
    }

    /// What the check of an unknown user's password costs: that of the known users' hashes.
    #[must_use]
    pub fn password_cost(mut self, cost: PasswordCost) -> Self {
        self.password_cost = cost;
        self
    }

    /// How often a login may fail.
    #[must_use]
    pub fn login_limit(mut self, limit: LoginLimit) -> Self {
        self.login_limit = limit;
        self
    }

    /// How often an address, a client or a session may come.
    #[must_use]
    pub fn rate_limits(mut self, limits: RateLimits) -> Self {
        self.rate_limits = limits;
        self
    }

    /// The proxies before this issuer, whose word on where a request is from is taken. None when
    /// not said: a request is from whoever connects.
    #[must_use]
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Another issuer whose JWTs are taken for tokens of ours, by clients that may use the grants
    /// for it. Nobody is trusted when not said.
    #[must_use]
    pub fn trusted_issuer(mut self, issuer: TrustedIssuer) -> Self {
        self.trusted.push(issuer);
        self
    }

    /// What is asked of DPoP proofs.
    #[must_use]
    pub fn dpop(mut self, rules: DpopRules) -> Self {
        self.dpop = rules;
        self
    }

    /// Adds `GET /metrics` to the router, for Prometheus. It is not for everybody: let only whoever
    /// collects metrics come to it. Off when not said.
    #[must_use]
    pub fn metrics(mut self) -> Self {
        self.metrics = true;
        self
    }

    /// Keeps the audit log besides the store, which keeps it in any case: an
    /// [`AuditFile`](crate::AuditFile), or whatever collects logs. Both are written by
    /// [`housekeeping`](Issuer::housekeeping).
    #[must_use]
    pub fn audit_log(mut self, log: Arc<dyn AuditLog>) -> Self {
        self.audit_copy = Some(log);
        self
    }

    /// Is told everything that happens.
    #[must_use]
    pub fn audit(mut self, hook: impl Fn(&Audit<'_>) + Send + Sync + 'static) -> Self {
        self.audit = Some(Arc::new(hook));
        self
    }

    /// Checks everything and draws what keys are missing. With RS256 that takes some hundred
    /// milliseconds: off the executor.
    pub fn build(mut self) -> Result<Issuer, BadConfiguration> {
        if self.kept_keys.is_some() {
            return Err(BadConfiguration::KeysKept);
        }
        let checked = self.checked()?;
        let key = match self.key.take() {
            Some(key) => key,
            None => SigningKey::generate(self.algorithm)?,
        };
        let peppers = match self.peppers.take() {
            Some(peppers) => peppers,
            None => Peppers::new(Pepper::generate("1")?),
        };
        self.assemble(checked, Arc::new(peppers), KeyRing::of(key), None)
    }

    /// Checks everything and reads the signing keys that are [kept](Self::kept_keys), or makes the
    /// first ones. A key that does not open is an error; no other is made in its place.
    pub async fn open(mut self) -> Result<Issuer, NotOpened> {
        let Some(policy) = self.kept_keys else { return Ok(self.build()?) };
        let checked = self.checked()?;
        policy.check().map_err(BadConfiguration::from)?;
        let peppers = self.peppers.take().ok_or(BadConfiguration::PeppersMissing)?;
        let peppers = Arc::new(peppers);
        let mut algorithms = vec![self.algorithm];
        algorithms.extend(self.other_algorithms.iter().filter(|other| **other != self.algorithm));
        let keys = SigningKeys::new(
            self.store_or_memory(),
            Arc::clone(&peppers),
            algorithms,
            policy,
            Arc::clone(&self.clock),
        );
        let held = keys.round(&[]).await?.held;
        let ring = KeyRing::new(held, self.algorithm).ok_or(BadKeys::BeingMade)?;
        Ok(self.assemble(checked, peppers, ring, Some(keys))?)
    }

    /// Whether it could be built, as far as that can be said without a store.
    pub fn check(&self) -> Result<(), BadConfiguration> {
        self.kept_keys.map_or(Ok(()), |policy| policy.check())?;
        self.checked().map(drop)
    }

    fn checked(&self) -> Result<Checked, BadConfiguration> {
        let (url, path) = checked_url(&self.url).ok_or(BadConfiguration::Url)?;
        self.policy.check()?;
        self.rate_limits.check()?;
        self.dpop.check()?;
        if !(Duration::from_secs(1)..=LONGEST_ACCESS).contains(&self.access_lifetime) {
            return Err(BadConfiguration::AccessLifetime);
        }
        // Whoever finds a refresh token of a client with a secret could use it there without.
        if !self.login_client.is_public() {
            return Err(BadConfiguration::LoginClient);
        }
        let audience = self.audience.clone().unwrap_or_else(|| url.clone());
        if audience.is_empty() {
            return Err(BadConfiguration::Audience);
        }
        let passwords = PasswordChecks::new(self.password_cost)?;
        Ok(Checked { url, path, audience, passwords })
    }

    fn store_or_memory(&mut self) -> Arc<dyn Store> {
        Arc::clone(self.store.get_or_insert_with(|| Arc::new(MemoryStore::new())))
    }

    fn assemble(
        mut self,
        checked: Checked,
        peppers: Arc<Peppers>,
        ring: KeyRing,
        keys: Option<SigningKeys>,
    ) -> Result<Issuer, BadConfiguration> {
        let Checked { url, path, audience, passwords } = checked;
        let store = self.store_or_memory();
        let (denylist, clock) = (Arc::default(), self.clock);
        let verifying = SharedKeys::new(JwkSet::clone(ring.jwks()));
        let verifier = super::verifier_builder(&url, &audience, &verifying, &denylist, &clock)
            .build()
            .expect("there is an audience, and the system had randomness for the keys");
        let dpop = DpopProofs::new(self.dpop, &peppers);
        let origin = url.strip_suffix(&path).unwrap_or(&url).to_owned();
        let proofs = DpopPolicy::new(&origin).map_err(|_| BadConfiguration::Url)?;
        let own_verifier = super::verifier_builder(&url, &audience, &verifying, &denylist, &clock)
            .dpop(proofs)
            .build()
            .expect("there is an audience, and the system had randomness for the keys");
        let parts = Parts {
            url,
            path,
            origin,
            audience,
            access_lifetime: self.access_lifetime,
            policy: self.policy,
            peppers,
            ring: ArcSwap::from_pointee(ring),
            verifying,
            verifier,
            own_verifier,
            keys,
            key_round: Mutex::default(),
            clock,
            key_news: Notify::new(),
            sleep: self.sleep,
            audit_log: AuditQueue::new(Arc::clone(&store) as Arc<dyn AuditLog>),
            audit_copy: self.audit_copy.map(AuditQueue::new),
            store,
            users: self.users.unwrap_or_else(|| Arc::new(MemoryUsers::new())),
            clients: self.clients.unwrap_or_else(|| Arc::new(MemoryClients::default())),
            login_client: Arc::new(self.login_client),
            passwords,
            login_failures: AccountFailures::new(self.login_limit),
            limiters: Limiters::new(self.rate_limits),
            proxies: self.proxies,
            trusted: self.trusted,
            denylist,
            dpop,
            #[cfg(feature = "pages")]
            pages: self.pages.build()?,
            health: Health::default(),
            stats: Stats::default(),
            metrics: self.metrics,
            durations: Durations::default(),
            audit: self.audit,
        };
        Ok(Issuer { parts: Arc::new(parts), peer: None })
    }
}

/// What had to be checked.
struct Checked {
    url: String,
    path: String,
    audience: String,
    passwords: PasswordChecks,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::BadPassword;
    use crate::policy::BadPolicy;
    use crate::rate::BadRate;
    use crate::rate::Rate;

    #[test]
    fn what_is_out_of_range_is_said() {
        let builder = || Issuer::builder("https://id.example");
        let bad = |builder: IssuerBuilder| builder.build().err();
        assert_eq!(bad(builder()), None);
        let wrong = Policy { replay_cap: 0, ..Policy::default() };
        assert_eq!(bad(builder().policy(wrong)), Some(BadPolicy::ReplayCap.into()));
        assert_eq!(bad(builder().audience("")), Some(BadConfiguration::Audience));
        for lifetime in [Duration::from_millis(999), Duration::from_secs(3601)] {
            let found = bad(builder().access_lifetime(lifetime));
            assert_eq!(found, Some(BadConfiguration::AccessLifetime));
        }
        let never =
            RateLimits { peer: Some(Rate::new(0, Duration::from_secs(1))), ..RateLimits::off() };
        assert_eq!(bad(builder().rate_limits(never)), Some(BadRate.into()));
        for client in [
            Client::confidential("web", &unlapse_core::Secret::new("s3cret")),
            Client::with_keys("web", JwkSet::default()),
        ] {
            let found = bad(builder().login_client(client));
            assert_eq!(found, Some(BadConfiguration::LoginClient));
        }
        let cost = PasswordCost { memory_kib: 0, passes: 1 };
        assert_eq!(bad(builder().password_cost(cost)), Some(BadPassword::Cost.into()));
    }
}
