//! What somebody should look at, as one pure function with a test per row (K11).

use core::fmt;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use super::entry::{Deed, Ending, Entry};
use crate::key::Key;
use crate::record::LoginReason;
use crate::time::UnixTime;

/// From where on something is unusual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// What is older says nothing any more.
    pub window: Duration,
    /// So many renewals of a token that had more than three quarters of its life left.
    pub early_renewals: usize,
    /// So many requests whose outcome is not known.
    pub doubts: usize,
}

impl Default for Limits {
    /// A day, ten early renewals, three doubts.
    fn default() -> Self {
        Self { window: Duration::from_secs(86_400), early_renewals: 10, doubts: 3 }
    }
}

/// Something unusual about one credential.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Alert {
    /// Far more renewals than the lifetimes of its tokens explain: something asks for a new token
    /// although the old one is good.
    EarlyRenewals {
        /// The credential.
        key: Key,
        /// Renewals of a token that had more than three quarters of its life left.
        early: usize,
        /// Renewals of any token.
        renewals: usize,
        /// The program that made most of the early ones.
        program: String,
        /// The last of them.
        at: UnixTime,
    },
    /// Renewed from more than one host: a copy of the login is about, or a lease that does not
    /// reach as far as the store.
    SecondHost {
        /// The credential.
        key: Key,
        /// The hosts.
        hosts: BTreeSet<String>,
        /// The last renewal from another host than the one before it.
        at: UnixTime,
    },
    /// The server refused a refresh token that it had given here: somebody else has used it, or it
    /// was revoked, or its successor was lost on the way.
    Reuse {
        /// The credential.
        key: Key,
        /// How the login ended.
        reason: LoginReason,
        /// When.
        at: UnixTime,
    },
    /// The outcome of many requests is not known: something between here and the server loses
    /// replies (R7).
    Doubts {
        /// The credential.
        key: Key,
        /// How many.
        doubts: usize,
        /// The last of them.
        at: UnixTime,
    },
}

impl Alert {
    /// A stable name: `early_renewals`, `second_host`, `reuse`, `doubts`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::EarlyRenewals { .. } => "early_renewals",
            Self::SecondHost { .. } => "second_host",
            Self::Reuse { .. } => "reuse",
            Self::Doubts { .. } => "doubts",
        }
    }

    /// The credential.
    pub fn key(&self) -> &Key {
        match self {
            Self::EarlyRenewals { key, .. }
            | Self::SecondHost { key, .. }
            | Self::Reuse { key, .. }
            | Self::Doubts { key, .. } => key,
        }
    }

    /// When it last happened.
    pub fn at(&self) -> UnixTime {
        match self {
            Self::EarlyRenewals { at, .. }
            | Self::SecondHost { at, .. }
            | Self::Reuse { at, .. }
            | Self::Doubts { at, .. } => *at,
        }
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EarlyRenewals { key, early, renewals, program, .. } => write!(
                f,
                "{early} of {renewals} renewals of {key} came while its token had more than three \
                 quarters of its life left, most of them from {program}"
            ),
            Self::SecondHost { key, hosts, .. } => {
                let hosts: Vec<_> = hosts.iter().map(String::as_str).collect();
                write!(f, "{key} was renewed from {} hosts: {}", hosts.len(), hosts.join(", "))
            }
            Self::Reuse { key, reason, .. } => {
                write!(f, "a refresh token of {key} was refused after rotation: ")?;
                f.write_str(reason.describe())
            }
            Self::Doubts { key, doubts, .. } => {
                write!(f, "the replies to {doubts} requests for a token of {key} were lost")
            }
        }
    }
}

/// What is unusual in the journal at `now`, by credential.
pub fn unusual(entries: &[Entry], now: UnixTime, limits: &Limits) -> Vec<Alert> {
    let mut keys: BTreeMap<&Key, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        keys.entry(&entry.key).or_default().push(entry);
    }
    let mut alerts = Vec::new();
    for (key, mut entries) in keys {
        // Of many processes, whose lines may have crossed.
        entries.sort_by_key(|entry| entry.at);
        let recent = |at: UnixTime| now.since(at) < limits.window;
        alerts.extend(early_renewals(key, &entries, recent, limits));
        alerts.extend(second_host(key, &entries, recent));
        alerts.extend(reuse(key, &entries, recent));
        alerts.extend(doubts(key, &entries, recent, limits));
    }
    alerts
}

fn early_renewals(
    key: &Key,
    entries: &[&Entry],
    recent: impl Fn(UnixTime) -> bool,
    limits: &Limits,
) -> Option<Alert> {
    let bought: Vec<_> = entries.iter().filter(|entry| entry.is_bought()).collect();
    let early: Vec<_> = bought
        .windows(2)
        .filter_map(|pair| {
            let [before, next] = pair else { return None };
            // Renewed ahead of time, by half the life at most and a tenth earlier (R12): a quarter
            // is nobody's plan. A token without an end is renewed on rejection only.
            let is_early = before.lifetime().is_none_or(|life| next.at.since(before.at) < life / 4);
            (is_early && recent(next.at)).then_some(**next)
        })
        .collect();
    let last = early.last().filter(|_| early.len() >= limits.early_renewals)?;
    let mut programs: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in &early {
        *programs.entry(&entry.program).or_default() += 1;
    }
    let most = programs.into_iter().max_by_key(|(_, count)| *count);
    Some(Alert::EarlyRenewals {
        key: key.clone(),
        early: early.len(),
        renewals: bought.iter().filter(|entry| recent(entry.at)).count(),
        program: most.map_or_else(String::new, |(program, _)| program.to_owned()),
        at: last.at,
    })
}

fn second_host(key: &Key, entries: &[&Entry], recent: impl Fn(UnixTime) -> bool) -> Option<Alert> {
    let renewals = || {
        let bought = entries.iter().filter(|entry| entry.is_bought());
        bought.filter(|entry| recent(entry.at) && !entry.host.is_empty())
    };
    let changed = renewals().zip(renewals().skip(1)).filter(|(a, b)| a.host != b.host);
    let (_, last) = changed.last()?;
    let hosts = renewals().map(|entry| entry.host.clone()).collect();
    Some(Alert::SecondHost { key: key.clone(), hosts, at: last.at })
}

fn reuse(key: &Key, entries: &[&Entry], recent: impl Fn(UnixTime) -> bool) -> Option<Alert> {
    let mut rotated = false;
    let mut found = None;
    for entry in entries {
        match entry.deed {
            Deed::Renewed { outcome: Ending::Renewed, .. } | Deed::InDoubt => rotated = true,
            // A new login has a refresh token of its own, which nobody else can have used yet.
            Deed::LoggedIn { .. } | Deed::LoggedOut => rotated = false,
            // The server itself says so, or it follows from what it says: whatever came before.
            Deed::Ended {
                reason: reason @ (LoginReason::RotationLost | LoginReason::ReuseDetected),
            } if recent(entry.at) => found = Some((reason, entry.at)),
            Deed::Ended { reason: reason @ LoginReason::RefreshRejected }
                if rotated && recent(entry.at) =>
            {
                found = Some((reason, entry.at));
            }
            _ => {}
        }
    }
    found.map(|(reason, at)| Alert::Reuse { key: key.clone(), reason, at })
}

fn doubts(
    key: &Key,
    entries: &[&Entry],
    recent: impl Fn(UnixTime) -> bool,
    limits: &Limits,
) -> Option<Alert> {
    let doubts = || entries.iter().filter(|entry| entry.deed == Deed::InDoubt && recent(entry.at));
    let last = doubts().last().filter(|_| doubts().count() >= limits.doubts)?;
    Some(Alert::Doubts { key: key.clone(), doubts: doubts().count(), at: last.at })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;

    fn at(secs: u64, host: &str, deed: Deed) -> Entry {
        Entry {
            at: UnixTime::from_secs(secs),
            key: Key::new("acme"),
            program: format!("cron@{host}"),
            pid: 1,
            host: host.to_owned(),
            deed,
        }
    }

    /// A token of an hour's life is bought.
    fn renewed(secs: u64, host: &str) -> Entry {
        renewal(secs, host, Ending::Renewed, Some(Duration::from_secs(HOUR)))
    }

    fn renewal(secs: u64, host: &str, outcome: Ending, lifetime: Option<Duration>) -> Entry {
        let deed = Deed::Renewed {
            outcome,
            code: None,
            attempts: 1,
            duration: Duration::from_millis(20),
            automatic: false,
            generation: 1,
            lifetime,
        };
        at(secs, host, deed)
    }

    fn codes(entries: &[Entry], now: u64) -> Vec<&'static str> {
        let alerts = unusual(entries, UnixTime::from_secs(now), &Limits::default());
        alerts.iter().map(Alert::code).collect()
    }

    fn every(secs: u64, times: u64) -> Vec<Entry> {
        (0..times).map(|time| renewed(time * secs, "h1")).collect()
    }

    #[test]
    fn k11_more_renewals_than_lifetimes_explain() {
        // As R12 has it, for a day: an hour's tokens every 55 minutes.
        assert_eq!(codes(&every(55 * 60, 26), DAY), [""; 0]);
        // Tokens of an hour, every minute: ten are early from the eleventh renewal on.
        assert_eq!(codes(&every(60, 10), HOUR), [""; 0]);
        assert_eq!(codes(&every(60, 11), HOUR), ["early_renewals"]);
        // A day later it is forgotten.
        assert_eq!(codes(&every(60, 11), DAY + HOUR), [""; 0]);
        // Adopted, or failed: no token was bought.
        for outcome in
            [Ending::Adopted, Ending::Served, Ending::Stale, Ending::ApiKey, Ending::Failed]
        {
            let life = Some(Duration::from_secs(HOUR));
            let entries: Vec<_> =
                (0..100).map(|at| renewal(at * 60, "h1", outcome, life)).collect();
            assert_eq!(codes(&entries, HOUR), [""; 0], "{outcome:?}");
        }
        // Tokens of five minutes live through half of it, and a tenth less.
        let life = Some(Duration::from_secs(300));
        let short: Vec<_> =
            (0..100).map(|at| renewal(at * 120, "h1", Ending::Renewed, life)).collect();
        assert_eq!(codes(&short, 5 * HOUR), [""; 0]);
        // One without an end is renewed on rejection only.
        let endless: Vec<_> =
            (0..11).map(|at| renewal(at * HOUR, "h1", Ending::Renewed, None)).collect();
        assert_eq!(codes(&endless, DAY / 2), ["early_renewals"]);
    }

    #[test]
    fn k11_the_program_behind_early_renewals_is_named() {
        let mut entries = every(60, 12);
        entries[3].program = "another".to_owned();
        let alerts = unusual(&entries, UnixTime::from_secs(HOUR), &Limits::default());
        let [Alert::EarlyRenewals { early: 11, renewals: 12, program, at, .. }] = &alerts[..]
        else {
            panic!("{alerts:?}");
        };
        assert_eq!((program.as_str(), *at), ("cron@h1", UnixTime::from_secs(660)));
    }

    #[test]
    fn k11_an_account_renewed_from_a_second_host() {
        let mut entries = vec![renewed(0, "h1"), renewed(HOUR, "h1")];
        assert_eq!(codes(&entries, DAY), [""; 0]);
        entries.push(renewed(2 * HOUR, "h2"));
        assert_eq!(codes(&entries, DAY), ["second_host"]);
        // Whoever moved house long ago is alone again.
        assert_eq!(codes(&entries, DAY + 90 * 60), [""; 0]);
        // To use a token there is no renewal.
        let used = at(2 * HOUR, "h2", Deed::Served { count: 9 });
        assert_eq!(codes(&[renewed(0, "h1"), used], DAY), [""; 0]);
        // Another account of the same server is another credential.
        let mut other = renewed(HOUR, "h2");
        other.key = other.key.account("ann");
        assert_eq!(codes(&[renewed(0, "h1"), other], DAY), [""; 0]);
    }

    #[test]
    fn k11_r7_a_refusal_after_rotation_is_a_reuse_report() {
        let rejected = Deed::Ended { reason: LoginReason::RefreshRejected };
        let lost = Deed::Ended { reason: LoginReason::RotationLost };
        let login = Deed::LoggedIn { generation: 1 };
        let ended = |deed: &Deed| at(2 * HOUR, "h1", deed.clone());
        // The first refresh token, which a person brought, may have been old.
        assert_eq!(codes(&[at(0, "h1", login.clone()), ended(&rejected)], DAY), [""; 0]);
        assert_eq!(codes(&[renewed(0, "h1"), ended(&rejected)], DAY), ["reuse"]);
        assert_eq!(codes(&[at(0, "h1", Deed::InDoubt), ended(&rejected)], DAY), ["reuse"]);
        assert_eq!(codes(&[ended(&lost)], DAY), ["reuse"]);
        let detected = Deed::Ended { reason: LoginReason::ReuseDetected };
        assert_eq!(codes(&[renewed(0, "h1"), ended(&detected)], DAY), ["reuse"]);
        assert_eq!(codes(&[at(0, "h1", login.clone()), ended(&detected)], DAY), ["reuse"]);
        assert_eq!(codes(&[ended(&detected)], DAY + 3 * HOUR), [""; 0]);
        let anew = [renewed(0, "h1"), at(HOUR, "h1", login), ended(&rejected)];
        assert_eq!(codes(&anew, DAY), [""; 0]);
        // It had come to its known end, or the password was changed.
        for reason in [LoginReason::RefreshExpired, LoginReason::CredentialsRejected] {
            let entries = [renewed(0, "h1"), at(HOUR, "h1", Deed::Ended { reason })];
            assert_eq!(codes(&entries, DAY), [""; 0], "{reason:?}");
        }
        assert_eq!(codes(&[renewed(0, "h1"), ended(&rejected)], DAY + 3 * HOUR), [""; 0]);
    }

    #[test]
    fn k11_r7_lost_replies_are_counted() {
        let lost = |secs| at(secs, "h1", Deed::InDoubt);
        assert_eq!(codes(&[lost(1), lost(2)], HOUR), [""; 0]);
        assert_eq!(codes(&[lost(1), lost(2), lost(3)], HOUR), ["doubts"]);
    }

    #[test]
    fn k11_lines_that_have_crossed_are_in_order() {
        let entries = [renewed(2 * HOUR, "h1"), renewed(0, "h1"), renewed(HOUR, "h1")];
        let limits = Limits { early_renewals: 1, ..Limits::default() };
        assert_eq!(unusual(&entries, UnixTime::from_secs(DAY), &limits), []);
    }
}
