//! The scenarios that are struck after every step.

use std::time::Duration;

use unlapse_core::{BreakerPolicy, Policy, Reuse, Rungs};

use crate::caller::{Action, Profile, Script};
use crate::fault::Fault;
use crate::network::Fate;
use crate::run::{Installed, Setup};
use crate::server::Mood;
use crate::weather::Weather;

/// The reuse classes that every scenario is run with: what the server does, what the client knows.
pub(crate) const CLASSES: [(Reuse, Reuse); 6] = [
    (Reuse::Stable, Reuse::Stable),
    (Reuse::UntilUsed, Reuse::UntilUsed),
    (Reuse::Grace(GRACE), Reuse::Grace(GRACE)),
    (Reuse::Strict, Reuse::Strict),
    (Reuse::Grace(GRACE), Reuse::Unknown),
    (Reuse::Strict, Reuse::Unknown),
];

const GRACE: Duration = Duration::from_secs(30);
const HOUR: Duration = Duration::from_secs(3600);
const EXPIRED: Duration = Duration::from_secs(3700);
const DUE: Duration = Duration::from_secs(3400);

/// One scenario: how it begins, and what befalls it.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) setup: Setup,
    /// Each is tried after every step.
    pub(crate) faults: Vec<Fault>,
    /// Two parties act: their deaths are tried in pairs.
    pub(crate) in_pairs: bool,
}

/// A profile that refreshes, and may do more.
pub(crate) fn profile(declared: Reuse, rungs: Rungs) -> Profile {
    let breaker = BreakerPolicy::default();
    let policy = Policy { reuse: declared, breaker, ..Policy::default() };
    Profile { policy, rungs, api_key: rungs.api_key }
}

const REFRESH: Rungs = Rungs { refresh: true, login: false, api_key: false };

fn script(first: &[Action]) -> Script {
    let every = Duration::from_secs(12);
    Script { keeper: false, first: first.to_vec(), callers: 1, every, wild: false }
}

fn setup(name: &str, (class, declared): (Reuse, Reuse), installed: Installed) -> Setup {
    Setup {
        name: format!("{name}, {class} known as {declared}"),
        class,
        declared,
        may_lose: class == Reuse::Strict,
        lifetime: Some(HOUR),
        installed,
        shares_database: false,
        hosts: vec![0],
        processes: vec![(0, script(&[Action::Bearer]))],
        profile: profile(declared, REFRESH),
        weather: Weather::clear(),
        strikes: Vec::new(),
        duration: Duration::from_secs(30),
        is_calm: false,
        planted: None,
    }
}

/// Every scenario, with every class and both kinds of lease.
pub(crate) fn all() -> Vec<Scenario> {
    CLASSES.into_iter().flat_map(of_class).collect()
}

fn of_class(class: (Reuse, Reuse)) -> Vec<Scenario> {
    let expired = Installed::Login(EXPIRED);
    let deaths = |processes: usize| {
        let kills = (0..processes).map(Fault::Kill);
        let cancels = (0..processes).map(Fault::Cancel);
        kills.chain(cancels).chain([Fault::PowerLoss(0)]).collect::<Vec<_>>()
    };
    let mut all = Vec::new();
    let mut add = |setup: Setup, faults: Vec<Fault>, in_pairs: bool| {
        all.push(Scenario { setup: on_rows(&setup), faults: rows_faults(&faults), in_pairs });
        all.push(Scenario { setup, faults, in_pairs });
    };

    let mut first = setup("first login", class, Installed::Nothing);
    first.profile = profile(class.1, Rungs { login: true, ..REFRESH });
    add(first, deaths(1), false);

    let mut early = setup("early renewal", class, Installed::Login(DUE));
    early.processes[0].1.keeper = true;
    early.is_calm = true;
    add(early, deaths(1), false);

    let mut once = setup("expired", class, expired);
    once.processes[0].1 = script(&[Action::Bearer, Action::Bearer, Action::Once]);
    once.is_calm = true;
    add(once.clone(), deaths(1), false);

    // What becomes of one message, whichever it is.
    let late = Duration::from_secs(20);
    let fates = [
        Fate::Unsent,
        Fate::LoseRequest,
        Fate::LoseReply,
        Fate::Silence,
        Fate::LateReply(late),
        Fate::TwiceReplied,
    ];
    let fates: Vec<Fault> = fates.into_iter().map(Fault::Message).collect();
    let mut messages = once.clone();
    messages.setup_name("messages lost", class);
    add(messages, fates.clone(), false);
    let mut ahead = setup("messages lost ahead of time", class, Installed::Login(DUE));
    ahead.processes[0].1.keeper = true;
    ahead.is_calm = true;
    add(ahead, fates, false);

    let minute = Duration::from_secs(60);
    let moods = [
        Mood::Status(503),
        Mood::Html(200),
        Mood::Limited(Duration::from_secs(5)),
        Mood::Gateway(502),
        Mood::Temporary,
        Mood::Misleading(503),
        Mood::Json(200),
        Mood::Json(401),
        Mood::Odd(302),
        Mood::TooLarge(200),
    ];
    let mut outage = once.clone();
    outage.setup_name("outage", class);
    let brief = Duration::from_secs(4);
    add(outage, moods.into_iter().map(|mood| Fault::Mood(mood, brief)).collect(), false);

    let mut rejected = setup("late 401s", class, Installed::Login(Duration::from_secs(100)));
    rejected.processes[0].1 = script(&[Action::RejectMany(50)]);
    add(rejected, deaths(1), false);

    let mut two = setup("two processes", class, expired);
    two.processes.push((0, script(&[Action::Bearer])));
    two.is_calm = true;
    add(two, deaths(2), true);

    for rotated in [false, true] {
        for since in [5, 100] {
            let since = Duration::from_secs(since);
            let doubt = Installed::InDoubt { age: EXPIRED, since, rotated };
            let name = format!("in doubt for {since:?}, rotated: {rotated}");
            let mut doubt = setup(&name, class, doubt);
            // After its window, a doubt is resolved by the last resort, for better or worse (R7).
            doubt.may_lose |= since > GRACE && class.0 != Reuse::Stable;
            add(doubt, deaths(1), false);
        }
    }

    let mut unsaved = once.clone();
    unsaved.setup_name("save fails", class);
    unsaved.processes[0].1.keeper = true;
    add(unsaved, vec![Fault::DiskFull(0, minute), Fault::DiskReadOnly(0, minute)], false);

    let mut frozen = once;
    frozen.setup_name("stopped for longer than a lease", class);
    frozen.duration = Duration::from_secs(100);
    frozen.processes.push((0, script(&[Action::Bearer])));
    // Whoever comes after may have to take the last resort while the answer lies in the buffers of
    // a process that stands still.
    frozen.may_lose |= class.0.window().is_some();
    let long = Duration::from_secs(80);
    add(frozen, vec![Fault::Freeze(0, long), Fault::Suspend(0, long)], false);

    let mut ladder = setup("ladder", class, expired);
    ladder.profile = profile(class.1, Rungs { refresh: true, login: true, api_key: true });
    let mut ends = deaths(1);
    ends.extend([Fault::Revoke, Fault::CredentialsChanged]);
    add(ladder, ends, false);

    let mut logout = setup("logout during renewal", class, expired);
    logout.processes.push((0, script(&[Action::LogOut])));
    add(logout, deaths(2), true);

    let mut clear = setup("clear during renewal", class, expired);
    clear.processes[0].1 = script(&[Action::Bearer, Action::Clear]);
    add(clear, deaths(1), false);
    all
}

impl Setup {
    fn setup_name(&mut self, name: &str, (class, declared): (Reuse, Reuse)) {
        self.name = format!("{name}, {class} known as {declared}");
    }
}

/// The same over a database, with a host a process.
fn on_rows(setup: &Setup) -> Setup {
    let mut setup = setup.clone();
    setup.name.push_str(", rows");
    setup.shares_database = true;
    setup.hosts = vec![0; setup.processes.len()];
    for (host, process) in (0..).zip(&mut setup.processes) {
        process.0 = host;
    }
    setup
}

/// What befalls a disk befalls the database.
fn rows_faults(faults: &[Fault]) -> Vec<Fault> {
    let pause = Duration::from_secs(20);
    faults
        .iter()
        .map(|fault| match fault {
            Fault::DiskFull(..) => Fault::DatabaseDown(pause),
            Fault::DiskReadOnly(host, _) => Fault::CutDatabase(*host, pause),
            other => *other,
        })
        .collect()
}
