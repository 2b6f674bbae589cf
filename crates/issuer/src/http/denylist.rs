//! `GET /denylist`: what was revoked and has access tokens that live still, for verifiers that do not share
//! the store (`unlapse_verify::DenylistFollower`). Ids only, which open nothing.

use core::time::Duration;

use axum::extract::{Query, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use unlapse_core::UnixTime;
use unlapse_verify::DeniedId;

use super::reply::{Door, json, refused};
use crate::denied::Code;
use crate::issuer::Issuer;

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    after: Option<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Page {
    denied: Vec<Entry>,
    next: String,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Entry {
    id: String,
    /// Seconds since 1970.
    until: u64,
}

/// Up to which addition a follower has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cursor {
    added_at: u64,
    /// The page before ended there for want of room.
    more: bool,
}

/// Entries of a page, some 60 bytes each.
const PAGE: usize = 4000;
/// A node that hears of a revocation later than the one that was asked before: and one whose
/// clock is behind has heard it earlier than it says. What both have of the last moments is told again.
const OVERLAP: Duration = Duration::from_secs(90);
/// Additions are told apart no finer.
const MOMENT: Duration = Duration::from_millis(1);

pub(super) async fn denylist(
    State(issuer): State<Issuer>,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let cursor = asked.ok().and_then(|Query(Asked { after })| match after {
        None => Some(Cursor::default()),
        Some(after) => Cursor::parse(&after),
    });
    let Some(cursor) = cursor else {
        return refused(issuer.refuse_request(Code::RequestMalformed), Door::OAuth);
    };
    json(&page(cursor, issuer.now(), |then| issuer.denied_since(then)))
}

/// A page from `cursor` on, of what `since` knows in the order of its addition.
///
/// A cursor is never ahead of this node's clock: one that a node made whose clock was wrong would leave
/// out everything until then.
fn page(cursor: Cursor, now: UnixTime, since: impl FnOnce(UnixTime) -> Vec<DeniedId>) -> Page {
    let added_at = UnixTime::from_millis(cursor.added_at).min(now);
    let from = if cursor.more { added_at.plus(MOMENT) } else { added_at.minus(OVERLAP) };
    let mut denied = since(from);
    // A page never ends between two of the same moment, so that the next one begins after it.
    let room = denied.get(PAGE).map_or(denied.len(), |first_left_out| {
        let same = |denied: &DeniedId| denied.added_at == first_left_out.added_at;
        let whole = denied.iter().position(same).filter(|at| *at > 0);
        whole.unwrap_or_else(|| denied.iter().take_while(|denied| same(denied)).count())
    });
    let more = room < denied.len();
    denied.truncate(room);
    let newest = denied.last().map_or(added_at, |last| last.added_at.max(added_at));
    let next = if more { newest } else { newest.min(now) };
    let next = Cursor { added_at: next.as_millis(), more };
    let entry = |denied: DeniedId| Entry {
        id: denied.id.to_string(),
        until: denied.until.as_millis().div_ceil(1000),
    };
    Page { denied: denied.into_iter().map(entry).collect(), next: next.to_string() }
}

impl Cursor {
    fn parse(text: &str) -> Option<Self> {
        let (number, more) = match text.strip_suffix('-') {
            Some(number) => (number, true),
            None => (text, false),
        };
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        let added_at = is_number.then(|| number.parse().ok()).flatten()?;
        Some(Self { added_at, more })
    }
}

impl core::fmt::Display for Cursor {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}{}", self.added_at, if self.more { "-" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unlapse_verify::Denylist;

    fn secs(secs: u64) -> UnixTime {
        UnixTime::from_secs(secs)
    }

    fn ids(page: &Page) -> Vec<&str> {
        page.denied.iter().map(|entry| entry.id.as_str()).collect()
    }

    #[test]
    fn j1_a_follower_that_knows_all_is_told_the_last_moments_again_and_its_cursor_stays() {
        let denylist = Denylist::default();
        for (id, at) in [("a", 100), ("b", 380), ("c", 390)] {
            denylist.deny(id, secs(2000), secs(at));
        }
        let first = page(Cursor::default(), secs(9000), |then| denylist.since(then));
        assert_eq!(ids(&first), ["a", "b", "c"]);
        assert_eq!(first.denied[0].until, 2000);
        let cursor = Cursor::parse(&first.next).expect("ours");
        let second = page(cursor, secs(9000), |then| denylist.since(then));
        assert_eq!((ids(&second), &second.next), (vec!["b", "c"], &first.next));
        denylist.deny("d", secs(2000), secs(400));
        let third = page(cursor, secs(9000), |then| denylist.since(then));
        assert_eq!(ids(&third), ["b", "c", "d"]);
        assert_ne!(third.next, first.next);
    }

    #[test]
    fn j1_no_cursor_leaves_anything_out_however_many_there_are() {
        let denylist = Denylist::default();
        // Three at each moment, and very many at one.
        for number in 0..10_000 {
            denylist.deny(&format!("few-{number}"), secs(90_000), secs(1000 + number / 3));
        }
        for number in 0..5_000 {
            denylist.deny(&format!("many-{number}"), secs(90_000), secs(5000));
        }
        let mut known = std::collections::HashSet::new();
        let mut cursor = Cursor::default();
        for _ in 0..20 {
            let page = page(cursor, secs(9000), |then| denylist.since(then));
            known.extend(page.denied.into_iter().map(|entry| entry.id));
            cursor = Cursor::parse(&page.next).expect("ours");
            if !cursor.more {
                break;
            }
        }
        assert_eq!(known.len(), 15_000);
        assert!(!cursor.more);
    }

    #[test]
    fn j1_a_cursor_of_a_clock_that_was_ahead_leaves_nothing_out() {
        let denylist = Denylist::default();
        denylist.deny("a", secs(9000), secs(1000));
        let ahead = Cursor { added_at: 4_600_000, more: false };
        let first = page(ahead, secs(1010), |then| denylist.since(then));
        assert_eq!((ids(&first), first.next.as_str()), (vec!["a"], "1010000"));
        // Nor does an entry that was added while this node's own clock was ahead.
        denylist.deny("b", secs(9000), secs(4600));
        let second = page(Cursor::default(), secs(1020), |then| denylist.since(then));
        assert_eq!((ids(&second), second.next.as_str()), (vec!["a", "b"], "1020000"));
        denylist.deny("c", secs(9000), secs(1021));
        let cursor = Cursor::parse(&second.next).expect("ours");
        let third = page(cursor, secs(1022), |then| denylist.since(then));
        assert!(ids(&third).contains(&"c"), "{third:?}");
    }

    #[test]
    fn j6_a_row_for_each_cursor() {
        let cursor = |added_at, more| Some(Cursor { added_at, more });
        for (text, expected) in [
            ("0", cursor(0, false)),
            ("17", cursor(17, false)),
            ("17-", cursor(17, true)),
            ("", None),
            ("-", None),
            ("-17", None),
            ("+17", None),
            ("17--", None),
            ("99999999999999999999999", None),
            ("x", None),
        ] {
            assert_eq!(Cursor::parse(text), expected, "{text}");
        }
    }
}
