//! How many connections are in which state.

use super::app_name;
use crate::code::Code;
use crate::dashboard::chart::{Part, bar};
use crate::dashboard::facts::Counted;
use crate::dashboard::page::address;
use crate::dashboard::words::{count, percent};
use crate::name::Name;

/// The bar of all connections.
pub(in crate::dashboard) struct StateBar {
    /// Active ones.
    pub(in crate::dashboard) active: Share,
    /// Those that need their user.
    pub(in crate::dashboard) waiting: Share,
}

/// One part of the bar.
pub(in crate::dashboard) struct Share {
    pub(in crate::dashboard) count: String,
    pub(in crate::dashboard) percent: String,
    pub(in crate::dashboard) part: Part,
}

impl StateBar {
    /// Of these counts.
    pub(super) fn new(counts: &[Counted]) -> Self {
        let sum = |wanted: fn(&Counted) -> bool| {
            let wanted = counts.iter().filter(|it| wanted(it));
            wanted.fold(0_u64, |sum, it| sum.saturating_add(it.count))
        };
        let active = sum(|it| it.needs_user.is_none());
        let waiting = sum(|it| it.needs_user.is_some());
        let all = active.saturating_add(waiting);
        let mut parts = bar(&[active, waiting]).into_iter();
        let mut share = |number: u64| Share {
            count: count(number),
            percent: percent(number, all),
            part: parts.next().expect("a part for each count"),
        };
        Self { active: share(active), waiting: share(waiting) }
    }
}

/// Connections of an app that wait for their users, for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::dashboard) struct Waiting {
    pub(in crate::dashboard) app: String,
    pub(in crate::dashboard) code: Code,
    pub(in crate::dashboard) count: String,
    /// Where they are listed.
    pub(in crate::dashboard) link: String,
}

/// The most frequent first.
pub(super) fn waiting(counts: &[Counted], tenant: Option<&Name>) -> Vec<Waiting> {
    let mut all: Vec<_> = counts
        .iter()
        .filter_map(|it| Some((it, it.needs_user?)))
        .filter(|it| it.0.count > 0)
        .collect();
    all.sort_by_key(|(it, code)| (core::cmp::Reverse(it.count), it.app.clone(), *code));
    let row = |(it, code): (&Counted, Code)| {
        let (owner, provider) = it.app.split_once('/').unwrap_or(("", &it.app));
        let parameters = [("tenant", owner), ("state", "needs_user"), ("provider", provider)];
        Waiting {
            app: app_name(&it.app, tenant),
            code,
            count: count(it.count),
            link: address("/connections", &parameters),
        }
    };
    all.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(app: &str, needs_user: Option<Code>, count: u64) -> Counted {
        Counted { app: app.to_owned(), needs_user, count }
    }

    #[test]
    fn states_are_summed_and_reasons_are_listed() {
        let counts = [
            counted("acme/google", None, 9000),
            counted("acme/hubspot", None, 999),
            counted("acme/google", Some(Code::UserRevoked), 1),
            counted("acme/hubspot", Some(Code::RotationLost), 0),
            counted("acme/hubspot", Some(Code::RtExpiredIdle), 3),
        ];
        let bar = StateBar::new(&counts);
        assert_eq!((&*bar.active.count, &*bar.active.percent), ("9,999", "over 99.9 %"));
        assert_eq!((&*bar.waiting.count, &*bar.waiting.percent), ("4", "under 0.1 %"));
        let own = "acme".parse().expect("a name");
        let rows = waiting(&counts, Some(&own));
        let named: Vec<_> = rows.iter().map(|row| (&*row.app, row.code, &*row.count)).collect();
        let expected = [("hubspot", Code::RtExpiredIdle, "3"), ("google", Code::UserRevoked, "1")];
        assert_eq!(named, expected);
        assert_eq!(rows[0].link, "/connections?tenant=acme&state=needs_user&provider=hubspot");
        assert_eq!(waiting(&counts, None)[0].app, "acme/hubspot");
    }

    #[test]
    fn nothing_is_a_bar_as_well() {
        let bar = StateBar::new(&[]);
        assert_eq!((&*bar.active.count, &*bar.active.part.width), ("0", "0"));
    }
}
