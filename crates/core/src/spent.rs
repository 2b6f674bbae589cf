//! Records that are good for nothing any more (A4).

use core::time::Duration;

use crate::record::{Record, State};
use crate::time::Now;

impl Record {
    /// Whether nothing in the record is of use, and has not been for so long: no token that is
    /// valid, no refresh token that could be spent, no doubt about one, no stored credentials. What
    /// is left of a login that ended tells a person why; after `kept_for` nobody asks.
    ///
    /// Age counts from the last change of the record, and from the token's end.
    pub fn is_spent(&self, now: &Now, kept_for: Duration) -> bool {
        let is_old = now.wall.since(self.stored_at) >= kept_for;
        is_old
            && self.credentials.is_none()
            && !self.may_be_renewed(now)
            && self.has_ended(now, kept_for)
    }

    /// Whether its refresh token is of use. One that was rejected is not.
    fn may_be_renewed(&self, now: &Now) -> bool {
        let is_alive = self.state == State::Active;
        is_alive && (self.intent.is_some() || self.refresh_token(now).is_some())
    }

    /// Whether its access token ended so long ago. Without an end, it never does.
    fn has_ended(&self, now: &Now, ago: Duration) -> bool {
        let Some(token) = &self.token else { return true };
        token
            .lifetime
            .is_some_and(|lifetime| now.since(&token.obtained) >= lifetime.saturating_add(ago))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Credentials, LoginReason};
    use crate::secret::Secret;
    use crate::time::{BootTime, UnixTime};
    use crate::token::Grant;

    const SENT: Now =
        Now { wall: UnixTime::from_secs(1_000_000), boot: BootTime { boot: 1, millis: 0 } };
    const DAY: u64 = 86_400;

    /// An hour's token.
    fn record(refresh_token: bool) -> Record {
        let mut grant = Grant::bearer(Secret::new("at"));
        grant.expires_in = Some(Duration::from_secs(3600));
        grant.refresh_token = refresh_token.then(|| Secret::new("rt"));
        let mut record = Record::default().granted(grant, SENT);
        record.stored_at = SENT.wall;
        record
    }

    fn is_spent(record: &Record, at: u64) -> bool {
        record.is_spent(&SENT.plus(Duration::from_secs(at)), Duration::from_secs(30 * DAY))
    }

    #[test]
    fn a4_a_row_for_each_record() {
        let late = 31 * DAY;
        let with = |change: fn(&mut Record)| record(false).next(change);
        let ended = || record(true).ended(LoginReason::RefreshRejected);
        let rows = [
            ("an access token alone", record(false), true),
            ("a refresh token", record(true), false),
            ("a refresh token that was rejected", ended(), true),
            ("a doubt", record(true).intend(SENT, false), false),
            ("a mark of a logout", record(true).cleared(SENT), true),
            (
                "a token without an end",
                with(|it| it.token.as_mut().expect("one").lifetime = None),
                false,
            ),
            ("stored credentials", with(|it| it.credentials = Some(Credentials::default())), false),
            (
                "stored credentials of a login that has ended",
                ended().next(|it| it.credentials = Some(Credentials::default())),
                false,
            ),
            (
                "a refresh token that has come to its end",
                record(true).next(|it| {
                    it.token.as_mut().expect("one").refresh_idle = Some(Duration::from_secs(DAY));
                }),
                true,
            ),
            (
                "something that changed lately",
                with(|it| {
                    it.stored_at = SENT.wall.plus(Duration::from_secs(30 * DAY));
                }),
                false,
            ),
        ];
        for (what, record, spent) in rows {
            assert_eq!(is_spent(&record, late), spent, "{what}");
            assert!(!is_spent(&record, 3000), "{what}: young");
        }
    }

    #[test]
    fn a4_kept_for_so_long_from_its_end_and_from_its_last_change() {
        let end = 3600 + 30 * DAY;
        assert!(!is_spent(&record(false), end - 1));
        assert!(is_spent(&record(false), end));
        // The wall clock was set far forward when it was stored: nothing is known of its age.
        let mut odd = record(false);
        odd.stored_at = SENT.wall.plus(Duration::from_secs(400 * DAY));
        assert!(!is_spent(&odd, end));
    }
}
