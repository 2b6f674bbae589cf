//! Tenants and apps as a node knows them: few, and asked about all the time.

use core::time::Duration;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;
use unlapse::unlapse_core::{Key, Policy};
use unlapse::unlapse_oauth::provider::{AccessTtl, Catalogue, Provider};

use crate::app::App;
use crate::code::Code;
use crate::name::Name;
use crate::problem::Problem;
use crate::schedule::Facts;
use crate::tables::{Tables, Versions};
use crate::tenant::{Speed, Tenant};

/// An answer of a provider is waited for so long; a row's lease outlives it.
const EXCHANGE: Duration = Duration::from_secs(11);

/// A token is renewed so long before its end when it is asked for (I3).
const AHEAD: Duration = Duration::from_secs(300);

/// Who cannot be served at once waits so long at most.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a node has heard from another within this time is good enough.
const TRUST: Duration = Duration::from_secs(10);

/// An app with all that follows from it.
pub struct Registered {
    /// The app.
    pub app: App,
    /// Its provider.
    pub provider: Arc<Provider>,
    facts: Facts,
    policy: Arc<Policy>,
}

impl Registered {
    /// Refuses metadata that is no connection's to have: it would say where the app's secret goes.
    pub(crate) fn check_metadata(
        &self,
        metadata: &BTreeMap<String, String>,
    ) -> Result<(), Problem> {
        match metadata.keys().find(|name| self.provider.is_operators(name)) {
            None => Ok(()),
            Some(name) => {
                let detail = format!("`metadata`: `{name}` is the app's, in its `params`");
                Err(Problem::new(Code::BadRequest, detail))
            }
        }
    }
}

/// Tenants and apps in memory, read again when they have changed.
pub struct Directory {
    catalogue: Catalogue,
    known: ArcSwap<Known>,
}

#[derive(Default)]
struct Known {
    /// Of apps and tenants.
    version: (i64, i64),
    /// By what their connections' keys have as their server.
    apps: HashMap<String, Arc<Registered>>,
    tenants: HashMap<Name, Tenant>,
}

impl Directory {
    pub(crate) fn new(catalogue: Catalogue) -> Self {
        Self { catalogue, known: ArcSwap::default() }
    }

    /// The providers that apps can be registered at.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The app whose connections have this server in their keys.
    pub fn app(&self, server: &str) -> Option<Arc<Registered>> {
        self.known.load().apps.get(server).cloned()
    }

    /// The app of that name.
    pub fn app_of(&self, tenant: &Name, name: &Name) -> Option<Arc<Registered>> {
        self.app(&format!("{tenant}/{name}"))
    }

    /// The tenant of that name.
    pub fn tenant(&self, name: &Name) -> Option<Tenant> {
        self.known.load().tenants.get(name).cloned()
    }

    /// What is known beside the record of `key`.
    pub(crate) fn facts(&self, key: &Key) -> Facts {
        self.app(&key.server).map(|app| app.facts).unwrap_or_default()
    }

    /// How `key`'s renewals go about it.
    pub(crate) fn policy(&self, key: &Key) -> Arc<Policy> {
        let app = self.app(&key.server);
        app.map_or_else(|| Arc::new(policy(&Facts::default())), |app| Arc::clone(&app.policy))
    }

    /// Reads it again, where it has changed.
    pub(crate) async fn refresh(&self, tables: &Tables) -> Result<(), Problem> {
        self.follow(tables, &tables.versions().await?).await
    }

    /// The same, where the versions are known already.
    pub(crate) async fn follow(&self, tables: &Tables, versions: &Versions) -> Result<(), Problem> {
        let version = (versions.apps(), versions.tenants());
        if version == self.known.load().version {
            return Ok(());
        }
        let tenants: HashMap<_, _> = tables
            .tenants()
            .await?
            .into_iter()
            .map(|tenant| (tenant.name.clone(), tenant))
            .collect();
        let apps = tables.apps(None).await?.into_iter().filter_map(|app| {
            let speed = tenants.get(&app.tenant).map(|tenant| tenant.speed).unwrap_or_default();
            let server = format!("{}/{}", app.tenant, app.name);
            // One whose provider another node knows, and this one does not.
            let provider = Arc::clone(self.catalogue.provider(app.provider.as_str())?);
            let facts = facts(&provider, speed);
            let policy = Arc::new(policy(&facts));
            Some((server, Arc::new(Registered { app, provider, facts, policy })))
        });
        let apps = apps.collect();
        self.known.store(Arc::new(Known { version, apps, tenants }));
        Ok(())
    }
}

fn facts(provider: &Provider, speed: Speed) -> Facts {
    let timing = provider.timing();
    Facts {
        speed,
        access_ttl: timing.access_ttl,
        min_age: timing.min_age.unwrap_or_default(),
        refresh_revokes_access: timing.refresh_revokes_access,
        refresh_idle: timing.refresh_idle,
        refresh_absolute: timing.refresh_absolute,
        reuse: provider.reuse(),
    }
}

/// One request at a time: what fails is tried again by the schedule, and its record says when.
fn policy(facts: &Facts) -> Policy {
    let refresh_ahead = match facts.access_ttl {
        AccessTtl::Usually(life) => AHEAD.min(life.saturating_sub(facts.min_age)),
        _ => AHEAD,
    };
    // A renewal would end the tokens that were handed out a moment ago.
    let refresh_ahead = if facts.refresh_revokes_access { AHEAD / 5 } else { refresh_ahead };
    Policy {
        refresh_ahead,
        trust: if facts.refresh_revokes_access { Duration::from_secs(1) } else { TRUST },
        exchange_deadline: EXCHANGE,
        caller_deadline: PATIENCE,
        attempts: 1,
        max_delay: Duration::from_secs(3600),
        reuse: facts.reuse,
        ..Policy::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r17_a_lease_outlives_the_exchange_and_a_caller_waits_longer_than_it() {
        let policy = policy(&Facts::default());
        assert!(policy.exchange_deadline < policy.caller_deadline);
        assert_eq!(policy.refresh_ahead, Duration::from_secs(300));
        // A node that is cut off when its next sign of life is due has the rest of the last one.
        let alive = unlapse_store::sql::SqlOptions::default().alive;
        assert!(policy.exchange_deadline + alive / 9 < alive);
        // Who waits for a lease whose holder has died gets it, with time to ask again (R7).
        assert!(alive < policy.caller_deadline);
        let window = unlapse::unlapse_core::Reuse::Unknown.window().expect("it has one");
        assert!(alive + Duration::from_secs(10) < window);
    }

    #[test]
    fn a_refresh_that_kills_tokens_in_use_is_not_made_for_a_caller_who_has_one() {
        let kills = Facts { refresh_revokes_access: true, ..Facts::default() };
        assert_eq!(policy(&kills).refresh_ahead, Duration::from_secs(60));
        let young = Facts {
            access_ttl: AccessTtl::Usually(Duration::from_secs(600)),
            min_age: Duration::from_secs(570),
            ..Facts::default()
        };
        assert_eq!(policy(&young).refresh_ahead, Duration::from_secs(30));
    }
}
