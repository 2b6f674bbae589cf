//! A broker that tests describe.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use unlapse::unlapse_core::{Breaker, BreakerPolicy, Secret, UnixTime};

use crate::broker::{Actor, Filter, Page};
use crate::code::Code;
use crate::connection::{Connection, Failing, State};
use crate::connection_id::ConnectionId;
use crate::dashboard::facts::{
    AppFacts, Attempt, Circuit, Counted, Ends, Entry, Failed, History, Import, Key, Latency,
    Minute, Node, Overview, TenantFacts,
};
use crate::dashboard::look::{Look, Looked};
use crate::name::Name;
use crate::problem::Problem;
use crate::tenant::Speed;

/// A key of the operator, who may do everything.
pub(super) const OPERATOR: &str = "ulk_operator";
/// A key of the tenant `acme` that may read.
pub(super) const READER: &str = "ulk_reader";
/// A key that opens no dashboard.
pub(super) const TOKENS_ONLY: &str = "ulk_tokens";
/// A user whose name is an attack.
pub(super) const HOSTILE: &str = "\"><script>document.title='taken'</script>";
/// A user whose name turns the page around.
pub(super) const TURNED: &str = "\u{202e}evil\u{2066} עברית";

/// What it knows; shared with the pages, so that a test can change it under them.
#[derive(Clone)]
pub(super) struct Shown(Arc<Mutex<Facts>>);

pub(super) struct Facts {
    pub(super) now: UnixTime,
    pub(super) overview: Overview,
    pub(super) connections: Vec<History>,
    pub(super) keys: BTreeMap<&'static str, Key>,
    /// The hashes of sessions that somebody has signed out of.
    pub(super) signed_out: Vec<[u8; 32]>,
    /// Sign-ins, renewals and removals, in order.
    pub(super) noted: Vec<String>,
    pub(super) imports: Vec<Import>,
    pub(super) entries: Vec<Entry>,
    /// What everything is answered with, where it is set.
    pub(super) away: Option<Problem>,
}

pub(super) fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3600)
}

impl Shown {
    /// A busy day of two tenants.
    pub(super) fn new(now: UnixTime) -> Self {
        Self(Arc::new(Mutex::new(Facts {
            now,
            overview: overview(now),
            connections: connections(now),
            keys: keys(),
            signed_out: Vec::new(),
            noted: Vec::new(),
            imports: imports(now),
            entries: entries(now),
            away: None,
        })))
    }

    pub(super) fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().expect("not poisoned")
    }

    fn answer<T: Send + 'static>(
        &self,
        answer: impl FnOnce(&mut Facts) -> Result<T, Problem>,
    ) -> Looked<'static, T> {
        let mut facts = self.facts();
        let answer = match facts.away.clone() {
            Some(away) => Err(away),
            None => answer(&mut facts),
        };
        Box::pin(core::future::ready(answer))
    }
}

fn keys() -> BTreeMap<&'static str, Key> {
    let key = |id: &str, label: &str, tenant: Option<&str>, verbs: &str| Key {
        id: id.to_owned(),
        label: label.to_owned(),
        tenant: tenant.map(name),
        verbs: verbs.parse().expect("verbs"),
        expires_at: None,
    };
    BTreeMap::from([
        (OPERATOR, key("0p", "Ada's key", None, "read write admin")),
        (READER, key("4c", "<b>acme</b>", Some("acme"), "read")),
        (TOKENS_ONLY, key("70", "worker", Some("acme"), "token")),
    ])
}

fn overview(now: UnixTime) -> Overview {
    let counted = |app: &str, needs_user, count| Counted { app: app.to_owned(), needs_user, count };
    let latency = |app: &str, count, p50, p95, p99| Latency {
        app: app.to_owned(),
        count,
        p50: Duration::from_millis(p50),
        p95: Duration::from_millis(p95),
        p99: Duration::from_millis(p99),
    };
    let failed = |app: &str, code, count| Failed { app: app.to_owned(), code, count };
    let open = (0..5).fold(Breaker::default(), |it, _| {
        it.failed(now.minus(Duration::from_secs(90)), &BreakerPolicy::default())
    });
    let circuit =
        |app: &str, breaker, code| Circuit { app: app.to_owned(), breaker, code: Some(code) };
    let ends =
        |app: &str, week, fortnight, month| Ends { app: app.to_owned(), week, fortnight, month };
    let node = |name: &str, until: UnixTime| Node { name: name.to_owned(), alive_until: until };
    let minute = |at: u64| {
        let wave = [38, 42, 51, 47, 60, 72, 66, 58, 49, 41];
        let renewed = wave[usize::try_from(at % 10).expect("small")] + at;
        Minute { renewed, failed: if (31..38).contains(&at) { 4 + at % 5 } else { at % 17 / 16 } }
    };
    Overview {
        counts: vec![
            counted("acme/google", None, 8412),
            counted("acme/hubspot", None, 1930),
            counted("globex/salesforce", None, 2210),
            counted("acme/google", Some(Code::UserRevoked), 37),
            counted("acme/hubspot", Some(Code::RtExpiredIdle), 12),
            counted("globex/salesforce", Some(Code::RotationLost), 1),
        ],
        overdue: 3,
        oldest_due: Some(now.minus(Duration::from_secs(4))),
        due: [210, 320, 480, 640, 590, 400, 260, 180]
            .repeat(3)
            .into_iter()
            .zip(0..24)
            .map(|(due, at)| due * (24 - at) / 12)
            .collect(),
        minutes: (0..60).map(minute).collect(),
        latencies: vec![
            latency("acme/google", 1840, 84, 190, 412),
            latency("acme/hubspot", 402, 230, 1400, 3900),
            latency("globex/salesforce", 611, 140, 320, 900),
        ],
        errors: vec![
            failed("acme/hubspot", Code::ProviderDown, 46),
            failed("acme/google", Code::UserRevoked, 3),
            failed("globex/salesforce", Code::RateLimited, 1),
        ],
        circuits: vec![
            circuit("acme/hubspot", open, Code::ProviderDown),
            circuit(
                "globex/salesforce",
                Breaker { failures: 2, ..Breaker::default() },
                Code::RateLimited,
            ),
        ],
        ends: vec![ends("acme/google", 5, 12, 140), ends("acme/hubspot", 118, 400, 905)],
        nodes: vec![
            node("broker-1 (4711)", now.plus(Duration::from_secs(11))),
            node("broker-2 (90)", now.plus(Duration::from_secs(9))),
            node("broker-3 (1204)", now.minus(Duration::from_secs(240))),
        ],
        unsaved: 0,
    }
}

fn connections(now: UnixTime) -> Vec<History> {
    let long = "x".repeat(256);
    let users = ["ada", "bea", "carl", HOSTILE, TURNED, &long, "a/../b", "a/b?c#d&e=f%2F"];
    let mut all: Vec<_> = users.iter().map(|user| history(user, now)).collect();
    all.extend((0..60).map(|number| history(&format!("user-{number:02}"), now)));
    all.sort_by(|one, other| one.connection.id.cmp(&other.connection.id));
    all
}

fn history(user: &str, now: UnixTime) -> History {
    let id =
        ConnectionId::new(name("acme"), user, name("google"), format!("{user:.200}@example.org"));
    let id = id.unwrap_or_else(|_| {
        ConnectionId::new(name("acme"), user, name("google"), "long").expect("valid")
    });
    let is_bea = user == "bea";
    let attempt = |ago: u64, code: Option<Code>, millis: u64| Attempt {
        at: now.minus(hours(ago)),
        what: if ago == 3 { "asked" } else { "ahead" }.to_owned(),
        code,
        duration: Duration::from_millis(millis),
        node: "broker-1 (4711)".to_owned(),
    };
    let connection = Connection {
        state: if is_bea { State::NeedsUser(Code::UserRevoked) } else { State::Active },
        generation: 42,
        scope: Some("https://www.googleapis.com/auth/calendar openid".to_owned()),
        access_expires_at: Some(now.plus(Duration::from_secs(2700))),
        refresh_expires_at: (user == "ada").then(|| now.plus(hours(24 * 9))),
        due_at: (!is_bea).then(|| now.plus(Duration::from_secs(1320))),
        failing: (user == "carl").then_some(Failing { code: Code::ProviderDown, count: 4 }),
        metadata: BTreeMap::from([("instance_url".to_owned(), format!("https://{HOSTILE}"))]),
        created_at: now.minus(hours(24 * 90)),
        connected_at: now.minus(hours(24 * 21)),
        seen_at: Some(now.minus(Duration::from_secs(600))),
        id,
    };
    let attempts = vec![
        attempt(1, is_bea.then_some(Code::UserRevoked), 120),
        attempt(2, None, 84),
        attempt(3, Some(Code::ProviderDown), 15_000),
        attempt(4, None, 91),
    ];
    History { connection, attempts }
}

fn imports(now: UnixTime) -> Vec<Import> {
    let import = |id: &str, is_done, lines, refused, of| Import {
        id: id.to_owned(),
        tenant: name("acme"),
        started_at: now.minus(hours(2)),
        touched_at: now.minus(Duration::from_secs(if is_done { 5000 } else { 1 })),
        is_done,
        lines,
        brought: lines - refused,
        refused,
        of,
    };
    vec![
        import("2026-11-move", false, 412_500, 3, Some(1_000_000)),
        import("first", true, 10_000, 0, None),
    ]
}

fn entries(now: UnixTime) -> Vec<Entry> {
    let entry = |number: u64| Entry {
        number,
        at: now.minus(Duration::from_secs((120 - number) * 61)),
        tenant: (!number.is_multiple_of(7)).then(|| name("acme")),
        by: Some(if number.is_multiple_of(3) { "operator" } else { "key:4c" }.to_owned()),
        what: ["connection.connected", "connection.needs_user", "token.handed_out"]
            [usize::try_from(number % 3).expect("small")]
        .to_owned(),
        subject: format!("{}/google/{number}", if number == 119 { HOSTILE } else { "ada" }),
        detail: if number % 3 == 1 { "USER_REVOKED" } else { "" }.to_owned(),
    };
    (0..120).rev().map(entry).collect()
}

impl Look for Shown {
    fn now(&self) -> UnixTime {
        self.facts().now
    }

    fn is_key(&self, text: &Secret) -> bool {
        text.expose().starts_with("ulk_")
    }

    fn key<'a>(&'a self, secret: &'a Secret) -> Looked<'a, Option<Key>> {
        let secret = secret.expose().to_owned();
        self.answer(move |facts| Ok(facts.keys.get(&*secret).cloned()))
    }

    fn key_of_session<'a>(&'a self, id: &'a str, session: [u8; 32]) -> Looked<'a, Option<Key>> {
        self.answer(|facts| {
            let mut keys = facts.keys.values().filter(|_| !facts.signed_out.contains(&session));
            Ok(keys.find(|key| key.id == id).cloned())
        })
    }

    fn sign_out(&self, session: [u8; 32], _: UnixTime) -> Looked<'_, ()> {
        self.answer(|facts| {
            facts.signed_out.push(session);
            Ok(())
        })
    }

    fn note_sign_in<'a>(&'a self, key: Option<&'a Key>, from: &'a str) -> Looked<'a, ()> {
        let who = key.map_or("nobody", |key| &key.id);
        self.answer(|facts| {
            facts.noted.push(format!("sign-in {who} {from}").trim().to_owned());
            Ok(())
        })
    }

    fn tenants(&self) -> Looked<'_, Vec<TenantFacts>> {
        let tenant = |text: &str| TenantFacts { name: name(text), speed: Speed::Eager };
        self.answer(|_| Ok(vec![tenant("acme"), tenant("globex")]))
    }

    fn overview<'a>(&'a self, tenant: Option<&'a Name>) -> Looked<'a, Overview> {
        self.answer(|facts| {
            let mut seen = facts.overview.clone();
            if let Some(tenant) = tenant {
                let own = |app: &String| app.starts_with(&format!("{tenant}/"));
                seen.counts.retain(|it| own(&it.app));
                seen.latencies.retain(|it| own(&it.app));
                seen.errors.retain(|it| own(&it.app));
                seen.circuits.retain(|it| own(&it.app));
                seen.ends.retain(|it| own(&it.app));
                seen.nodes.clear();
            }
            Ok(seen)
        })
    }

    fn connections<'a>(
        &'a self,
        tenant: &'a Name,
        filter: &'a Filter,
        after: Option<&'a ConnectionId>,
        limit: usize,
    ) -> Looked<'a, Page> {
        self.answer(|facts| {
            let all = facts.connections.iter().map(|it| it.connection.clone());
            let wanted = all.filter(|it| {
                it.id.tenant == *tenant
                    && after.is_none_or(|after| it.id > *after)
                    && filter.user.as_ref().is_none_or(|user| it.id.user == *user)
                    && filter.provider.as_ref().is_none_or(|app| it.id.provider == *app)
                    && filter
                        .needs_user
                        .is_none_or(|it_does| it_does == (it.state != State::Active))
            });
            let mut connections: Vec<_> = wanted.take(limit + 1).collect();
            let has_more = connections.len() > limit;
            connections.truncate(limit);
            let next = connections.last().filter(|_| has_more).map(|it| it.id.clone());
            Ok(Page { connections, next })
        })
    }

    fn history<'a>(&'a self, id: &'a ConnectionId) -> Looked<'a, History> {
        self.answer(|facts| {
            let found = facts.connections.iter().find(|it| it.connection.id == *id);
            let lost = || Problem::new(Code::AccountNotFound, format!("{id} is unknown")).of(id);
            found.cloned().ok_or_else(lost)
        })
    }

    fn renew<'a>(&'a self, id: &'a ConnectionId, by: &'a Actor) -> Looked<'a, ()> {
        self.answer(|facts| {
            facts.noted.push(format!("renew {id} by {}", by.name));
            let now = facts.now;
            let found = facts.connections.iter_mut().find(|it| it.connection.id == *id);
            let found = found.expect("it was shown");
            found.connection.generation += 1;
            let node = "broker-2 (90)".to_owned();
            let (what, duration) = ("forced".to_owned(), Duration::from_millis(77));
            found.attempts.insert(0, Attempt { at: now, what, code: None, duration, node });
            Ok(())
        })
    }

    fn remove<'a>(&'a self, id: &'a ConnectionId, by: &'a Actor) -> Looked<'a, ()> {
        self.answer(|facts| {
            facts.noted.push(format!("remove {id} by {}", by.name));
            facts.connections.retain(|it| it.connection.id != *id);
            Ok(())
        })
    }

    fn apps<'a>(&'a self, tenant: Option<&'a Name>) -> Looked<'a, Vec<AppFacts>> {
        self.answer(|facts| {
            let app = |owner: &str, app: &str, breaker| AppFacts {
                tenant: name(owner),
                name: name(app),
                provider: name(app),
                client_id: "1234-abcdefghijklmnopqrstuvwxyz.apps.example.org".to_owned(),
                scopes: vec!["openid".to_owned(), "https://api.example/auth/read".to_owned()],
                changed_at: facts.now.minus(hours(24 * 40)),
                breaker,
            };
            let mut all = vec![
                app("acme", "google", Breaker::default()),
                app("acme", "hubspot", facts.overview.circuits[0].breaker),
                app("globex", "salesforce", facts.overview.circuits[1].breaker),
            ];
            all.retain(|it| tenant.is_none_or(|tenant| it.tenant == *tenant));
            Ok(all)
        })
    }

    fn imports<'a>(&'a self, _: Option<&'a Name>) -> Looked<'a, Vec<Import>> {
        self.answer(|facts| Ok(facts.imports.clone()))
    }

    fn audits<'a>(
        &'a self,
        tenant: Option<&'a Name>,
        before: Option<u64>,
        limit: usize,
    ) -> Looked<'a, Vec<Entry>> {
        self.answer(|facts| {
            let own = |it: &&Entry| tenant.is_none() || it.tenant.as_ref() == tenant;
            let older = facts.entries.iter().filter(|it| before.is_none_or(|end| it.number < end));
            Ok(older.filter(own).take(limit).cloned().collect())
        })
    }

    fn events<'a>(
        &'a self,
        tenant: Option<&'a Name>,
        before: Option<u64>,
        limit: usize,
    ) -> Looked<'a, Vec<Entry>> {
        self.audits(tenant, before, limit)
    }
}
