//! The facts of an open broker.

use unlapse::unlapse_core::{Breaker, Secret, UnixTime};

use super::facts::{
    AppFacts, Attempt, Circuit, Counted, Ends, Entry, Failed, History, Import, Key, Latency,
    Minute, Node, Overview, TenantFacts,
};
use super::kept::Kept;
use super::look::{Look, Looked};
use crate::broker::{Actor, Broker, Filter, Page, Retries};
use crate::code::Code;
use crate::connection_id::ConnectionId;
use crate::name::Name;
use crate::problem::Problem;
use crate::tables::{ApiKey, AuditFilter, Figures, ImportProgress, NewAudit, Tally, is_api_key};

/// How many attempts the history of a connection shows.
const ATTEMPTS: usize = 50;
/// How many imports are listed.
const IMPORTS: usize = 100;

/// A broker, and what is kept of it for a while.
pub(crate) struct Opened {
    broker: Broker,
    figures: Kept<Figures>,
    tally: Kept<Tally>,
}

impl Opened {
    pub(crate) fn new(broker: Broker) -> Self {
        Self { broker, figures: Kept::default(), tally: Kept::default() }
    }

    /// How it is doing: what the page shows, and the API says.
    pub(crate) async fn overview_of(&self, tenant: Option<&Name>) -> Result<Overview, Problem> {
        let (tables, clock) = (self.broker.tables(), || self.broker.clock());
        let now = clock();
        let figures = self.figures.of(tenant, clock, || tables.figures(tenant)).await?;
        let tally = self.tally.of(tenant, clock, || tables.tally(tenant, now)).await?;
        let counts = tables.counts(tenant).await?;
        let health = self.broker.health().await;
        let is_own = |app: &str| {
            tenant.is_none_or(|tenant| {
                app.split_once('/').is_some_and(|(owner, _)| owner == tenant.as_str())
            })
        };
        let circuits = self.broker.circuits().in_trouble().into_iter();
        let circuit = |(app, breaker): (String, Breaker)| {
            let failed = tally.failed.iter().filter(|(failed, ..)| *failed == app);
            let code = failed.max_by_key(|(.., times)| *times).map(|(_, code, _)| *code);
            Circuit { app, breaker, code }
        };
        Ok(Overview {
            counts: counted(&counts, &figures),
            overdue: figures.overdue,
            oldest_due: health.oldest_due.filter(|_| tenant.is_none()),
            due: figures.due.clone(),
            circuits: circuits.filter(|(app, _)| is_own(app)).map(circuit).collect(),
            ends: figures.ends.iter().map(ends).collect(),
            nodes: figures.nodes.iter().map(node).collect(),
            unsaved: if tenant.is_none() { health.unsaved as u64 } else { 0 },
            minutes: tally.minutes.iter().map(minute).collect(),
            latencies: tally
                .durations
                .iter()
                .map(|(app, durations)| Latency {
                    app: app.clone(),
                    count: durations.count(),
                    p50: durations.percentile(50),
                    p95: durations.percentile(95),
                    p99: durations.percentile(99),
                })
                .collect(),
            errors: tally
                .failed
                .into_iter()
                .map(|(app, code, count)| Failed { app, code, count })
                .collect(),
        })
    }
}

/// Those that are active are the others: they are too many to be counted each time.
fn counted(all: &[crate::tables::Counted], figures: &Figures) -> Vec<Counted> {
    let waiting = |(app, code, count): &(String, Option<Code>, u64)| Counted {
        app: app.clone(),
        needs_user: Some(code.unwrap_or(Code::UserRevoked)),
        count: *count,
    };
    let mut counts: Vec<_> = figures.waiting.iter().map(waiting).collect();
    for of in all {
        let app = format!("{}/{}", of.tenant, of.provider);
        let own = figures.waiting.iter().filter(|(other, ..)| *other == app);
        let waiting = own.fold(0_u64, |sum, (.., count)| sum.saturating_add(*count));
        let count = of.connections.saturating_sub(waiting);
        counts.push(Counted { app, needs_user: None, count });
    }
    counts
}

fn ends((app, [week, fortnight, month]): &(String, [u64; 3])) -> Ends {
    Ends { app: app.clone(), week: *week, fortnight: *fortnight, month: *month }
}

fn node((name, alive_until): &(String, UnixTime)) -> Node {
    Node { name: name.clone(), alive_until: *alive_until }
}

fn minute((renewed, failed): &(u64, u64)) -> Minute {
    Minute { renewed: *renewed, failed: *failed }
}

impl From<ApiKey> for Key {
    fn from(key: ApiKey) -> Self {
        let ApiKey { id, tenant, label, verbs, expires_at, .. } = key;
        Self { id, label, tenant, verbs, expires_at }
    }
}

impl From<crate::tables::Attempt> for Attempt {
    fn from(it: crate::tables::Attempt) -> Self {
        let kind = if it.tried.automatic { "ahead of time" } else { "asked for" };
        let what = match it.tried.number {
            0 | 1 => kind.to_owned(),
            number => format!("{kind}, try {number}"),
        };
        let (code, duration, node) = (it.tried.code, it.tried.duration, it.tried.node);
        Self { at: it.at, what, code, duration, node }
    }
}

impl From<ImportProgress> for Import {
    fn from(it: ImportProgress) -> Self {
        Self {
            id: it.id.to_string(),
            tenant: it.tenant,
            started_at: it.started_at,
            touched_at: it.changed_at,
            is_done: it.finished_at.is_some(),
            lines: it.lines,
            brought: it.brought,
            refused: it.refused,
            of: None,
        }
    }
}

fn before(number: Option<u64>) -> Option<i64> {
    number.map(|number| i64::try_from(number).unwrap_or(i64::MAX))
}

impl Look for Opened {
    fn now(&self) -> UnixTime {
        self.broker.clock()
    }

    fn is_key(&self, text: &Secret) -> bool {
        is_api_key(text)
    }

    fn key<'a>(&'a self, secret: &'a Secret) -> Looked<'a, Option<Key>> {
        Box::pin(async { Ok(self.broker.tables().api_key(secret).await?.map(Key::from)) })
    }

    fn key_of_session<'a>(&'a self, id: &'a str, session: [u8; 32]) -> Looked<'a, Option<Key>> {
        Box::pin(async move {
            let key = self.broker.tables().api_key_of_session(id, &session).await?;
            Ok(key.map(Key::from))
        })
    }

    fn sign_out(&self, session: [u8; 32], ends_at: UnixTime) -> Looked<'_, ()> {
        Box::pin(async move { self.broker.tables().sign_out(&session, ends_at).await })
    }

    fn note_sign_in<'a>(&'a self, key: Option<&'a Key>, from: &'a str) -> Looked<'a, ()> {
        let entry = NewAudit {
            tenant: key.and_then(|key| key.tenant.clone()),
            by: key.map_or_else(|| "nobody".to_owned(), |key| format!("key:{}", key.id)),
            action: if key.is_some() { "dashboard.sign_in" } else { "dashboard.refused" }
                .to_owned(),
            subject: None,
            detail: Some(from).filter(|from| !from.is_empty()).map(|from| format!("from {from}")),
        };
        Box::pin(self.broker.tables().note(entry))
    }

    fn tenants(&self) -> Looked<'_, Vec<TenantFacts>> {
        Box::pin(async {
            let tenants = self.broker.tables().tenants().await?.into_iter();
            Ok(tenants.map(|it| TenantFacts { name: it.name, speed: it.speed }).collect())
        })
    }

    fn overview<'a>(&'a self, tenant: Option<&'a Name>) -> Looked<'a, Overview> {
        Box::pin(self.overview_of(tenant))
    }

    fn connections<'a>(
        &'a self,
        tenant: &'a Name,
        filter: &'a Filter,
        after: Option<&'a ConnectionId>,
        limit: usize,
    ) -> Looked<'a, Page> {
        Box::pin(self.broker.connections(tenant, filter, after, limit))
    }

    fn history<'a>(&'a self, id: &'a ConnectionId) -> Looked<'a, History> {
        Box::pin(async {
            let connection = self.broker.connection(id).await?;
            let attempts = self.broker.tables().attempts(id, ATTEMPTS).await?;
            Ok(History { connection, attempts: attempts.into_iter().map(Attempt::from).collect() })
        })
    }

    fn renew<'a>(&'a self, id: &'a ConnectionId, by: &'a Actor) -> Looked<'a, ()> {
        Box::pin(async {
            // Before it is tried: whoever asked has asked, whatever comes of it.
            let name = id.to_string();
            let entry = NewAudit::new(by, Some(&id.tenant), "connection.renew", name);
            self.broker.tables().note(entry).await?;
            // Somebody waits at the page: the schedule tries again.
            let retries = Retries { max_retries: 0, ..Retries::default() };
            self.broker.refresh(id, retries, by).await.map(drop)
        })
    }

    fn remove<'a>(&'a self, id: &'a ConnectionId, by: &'a Actor) -> Looked<'a, ()> {
        Box::pin(self.broker.remove(id, by))
    }

    fn apps<'a>(&'a self, tenant: Option<&'a Name>) -> Looked<'a, Vec<AppFacts>> {
        Box::pin(async move {
            let circuits = self.broker.circuits().in_trouble();
            let apps = self.broker.tables().apps(tenant).await?.into_iter().map(|app| {
                let server = format!("{}/{}", app.tenant, app.name);
                let breaker = circuits.iter().find(|(other, _)| *other == server);
                AppFacts {
                    tenant: app.tenant,
                    name: app.name,
                    provider: app.provider,
                    client_id: app.client_id,
                    scopes: app.scopes,
                    changed_at: app.changed_at,
                    breaker: breaker.map(|(_, breaker)| *breaker).unwrap_or_default(),
                }
            });
            Ok(apps.collect())
        })
    }

    fn imports<'a>(&'a self, tenant: Option<&'a Name>) -> Looked<'a, Vec<Import>> {
        Box::pin(async move {
            let imports = self.broker.tables().imports(tenant, IMPORTS).await?;
            Ok(imports.into_iter().map(Import::from).collect())
        })
    }

    fn audits<'a>(
        &'a self,
        tenant: Option<&'a Name>,
        until: Option<u64>,
        limit: usize,
    ) -> Looked<'a, Vec<Entry>> {
        Box::pin(async move {
            let filter = AuditFilter { tenant: tenant.cloned(), ..AuditFilter::default() };
            let audits = self.broker.tables().audits(&filter, before(until), limit).await?;
            let entry = |it: crate::tables::Audit| Entry {
                number: u64::try_from(it.id).unwrap_or_default(),
                at: it.at,
                tenant: it.what.tenant,
                by: Some(it.what.by),
                what: it.what.action,
                subject: it.what.subject.unwrap_or_default(),
                detail: it.what.detail.unwrap_or_default(),
            };
            Ok(audits.into_iter().map(entry).collect())
        })
    }

    fn events<'a>(
        &'a self,
        tenant: Option<&'a Name>,
        until: Option<u64>,
        limit: usize,
    ) -> Looked<'a, Vec<Entry>> {
        Box::pin(async move {
            let tables = self.broker.tables();
            let events = tables.newest_events(tenant, before(until), limit).await?;
            let entry = |it: crate::tables::Event| Entry {
                number: u64::try_from(it.number).unwrap_or_default(),
                at: it.at,
                tenant: Some(it.what.id.tenant.clone()),
                by: None,
                what: it.what.kind.as_str().to_owned(),
                subject: format!(
                    "{}/{}/{}",
                    it.what.id.user, it.what.id.provider, it.what.id.account
                ),
                detail: it.what.code.map(|code| code.to_string()).unwrap_or_default(),
            };
            Ok(events.into_iter().map(entry).collect())
        })
    }
}
