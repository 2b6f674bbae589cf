//! The end of all logins of a person that have not become sessions: those in browsers, codes that
//! are on their way, and devices that were approved. They are found by secrets that only their
//! holders have, and so cannot be looked up; a moment is kept for the person instead, and none from
//! before it counts.

use core::time::Duration;

use unlapse_core::UnixTime;

use crate::store::{Store, Unavailable};
#[cfg(feature = "pages")]
use crate::tickets::Ticket;
use crate::tickets::TicketId;

const KIND: &str = "logins_ended";
/// The longest life of a login in a browser: the moment is kept until none from before it lives.
pub(crate) const LONGEST_LOGIN: Duration = Duration::from_secs(30 * 86_400);
/// So often it is tried anew when somebody else's change was faster.
const TRIES: usize = 8;
const BUSY: Unavailable = Unavailable { retry_after: Duration::from_secs(1) };

/// Ends every login of `subject` that has not become a session, on all nodes: logins in browsers,
/// authorization codes and devices that were approved. For those who have the store and no issuer;
/// [`Issuer::end_sessions`](crate::Issuer::end_sessions) does it, too. Times are compared by the
/// clocks of the nodes: somebody who logs in at one that is behind may have to do it again.
pub async fn end_logins(
    store: &dyn Store,
    subject: &str,
    now: UnixTime,
) -> Result<(), Unavailable> {
    let id = TicketId::of(KIND, subject);
    let (value, until) = (now.as_millis().to_be_bytes(), now.plus(LONGEST_LOGIN));
    for _ in 0..TRIES {
        if store.insert(id, &value, until, now).await? {
            return Ok(());
        }
        let Some(found) = store.ticket(id, now).await? else { continue };
        // A later end is an end of these, too, and must not be forgotten. Big-endian numbers are
        // ordered as their bytes are.
        if found.value[..] >= value[..] || store.replace(id, found.version, &value, until).await? {
            return Ok(());
        }
    }
    Err(BUSY)
}

/// Whether a login of `subject` from `then` counts still.
#[cfg(feature = "pages")]
pub(crate) async fn login_counts(
    store: &dyn Store,
    subject: &str,
    then: UnixTime,
    now: UnixTime,
) -> Result<bool, Unavailable> {
    let found = store.ticket(TicketId::of(KIND, subject), now).await?;
    counts(found.as_ref(), then)
}

#[cfg(feature = "pages")]
fn counts(ended: Option<&Ticket>, then: UnixTime) -> Result<bool, Unavailable> {
    let Some(ended) = ended else { return Ok(true) };
    // Nothing else writes them: one that cannot be read is a fault of the store.
    let millis = ended.value[..].try_into().map_err(|_| BUSY)?;
    Ok(then > UnixTime::from_millis(u64::from_be_bytes(millis)))
}

#[cfg(all(test, feature = "pages"))]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;

    #[test]
    fn a_row_for_each_login() {
        let at = UnixTime::from_millis;
        let ended = |value: &[u8]| Ticket { value: value.to_vec(), version: 1, expires_at: at(9) };
        let five = ended(&5_u64.to_be_bytes());
        for (ended, then, expected) in [
            (None, 0, Ok(true)),
            (Some(&five), 4, Ok(false)),
            (Some(&five), 5, Ok(false)),
            (Some(&five), 6, Ok(true)),
            (Some(&ended(b"")), 6, Err(BUSY)),
        ] {
            assert_eq!(counts(ended, at(then)), expected, "{ended:?} {then}");
        }
    }

    #[tokio::test]
    async fn an_end_never_moves_back_and_is_that_of_one_person() {
        let store = MemoryStore::new();
        let at = UnixTime::from_millis;
        for now in [2000, 3000, 1000] {
            end_logins(&store, "ada", at(now)).await.expect("in memory");
        }
        for (subject, then, expected) in
            [("ada", 3000, false), ("ada", 3001, true), ("eve", 0, true)]
        {
            let found = login_counts(&store, subject, at(then), at(4000)).await;
            assert_eq!(found, Ok(expected), "{subject} {then}");
        }
    }
}
