//! The table of succession as SQL: [`decide`](crate::decide) and [`apply`](crate::apply) in one
//! query, of which a store makes one conditional statement.
//!
//! The conformance tests compare it with the two functions, row by random row.

use crate::succession::{Refusal, Succession};

/// What is asked, in the order of the parameters after the session's id, which is the first. The
/// time is the last and belongs to [`advance`]'s `held`.
pub(crate) const ASKED: [&str; 7] =
    ["generation", "client", "jkt", "kid", "grace", "replay_cap", "idle_lifetime"];

/// [`decide`](crate::decide), in its order. A difference of times that is negative counts as zero
/// there, which a grace of zero tells from one that is within.
const DECIDE: &str = "CASE
    WHEN held.revoked_at IS NOT NULL THEN 'session_revoked'
    WHEN held.now >= held.ends_at THEN 'session_expired'
    WHEN held.now >= held.idle_ends_at THEN 'refresh_token_expired'
    WHEN asked.client <> held.client THEN 'client_mismatch'
    WHEN held.jkt IS NOT NULL AND asked.jkt IS DISTINCT FROM held.jkt THEN 'dpop_mismatch'
    WHEN asked.generation > held.generation THEN 'from_the_future'
    WHEN asked.generation = held.generation THEN 'rotate'
    WHEN asked.generation < held.generation - 1 THEN 'revoke_reuse'
    WHEN asked.grace = 0 OR held.now - held.rotated_at >= asked.grace THEN 'revoke_reuse'
    WHEN held.replays >= asked.replay_cap THEN 'replay_uncounted'
    ELSE 'replay' END";

/// [`apply`](crate::apply), a column each.
const APPLY: &str = "id, subject, client, scopes, jkt, label, opened_at,
    CASE WHEN succession IN ('rotate', 'replay') THEN now ELSE seen_at END AS seen_at,
    CASE succession WHEN 'rotate' THEN generation + 1 ELSE generation END AS generation,
    CASE succession WHEN 'rotate' THEN next_kid ELSE kid END AS kid,
    CASE succession WHEN 'rotate' THEN now ELSE rotated_at END AS rotated_at,
    CASE succession WHEN 'rotate' THEN 0 WHEN 'replay' THEN replays + 1 ELSE replays END
        AS replays,
    CASE WHEN succession <> 'rotate' THEN idle_ends_at
        WHEN now + idle_lifetime < ends_at THEN now + idle_lifetime ELSE ends_at END
        AS idle_ends_at,
    ends_at,
    CASE succession WHEN 'revoke_reuse' THEN now ELSE revoked_at END AS revoked_at,
    CASE succession WHEN 'revoke_reuse' THEN 'reuse' ELSE revoked_because END
        AS revoked_because,
    salt, succession";

/// The successions that change the session, as the query names them.
#[cfg(feature = "postgres")]
pub(crate) const CHANGES: [&str; 3] = ["rotate", "replay", "revoke_reuse"];

/// The query, up to a table `decided` of one row or none: the session after the decision, and the
/// `succession` itself; what is left to the store is to write it where
/// `succession IN ('rotate', 'replay', 'revoke_reuse')`, which [`CHANGES`] says again.
///
/// `asked` makes a row of the [`ASKED`] parameters. `held` is further tables, the last of which is
/// `held`: the row of the session, no other call able to change it, and `now`.
pub(crate) fn advance(asked: &str, held: &str) -> String {
    format!(
        "WITH asked AS ({asked}), {held},
        judged AS (SELECT held.*, asked.kid AS next_kid, asked.idle_lifetime,
            {DECIDE} AS succession FROM held CROSS JOIN asked),
        decided AS (SELECT {APPLY} FROM judged) "
    )
}

/// A `succession` as the query names it.
pub(crate) fn succession(name: &str) -> Option<Succession> {
    Some(match name {
        "rotate" => Succession::Rotate,
        // That the second writes nothing is all they differ in.
        "replay" | "replay_uncounted" => Succession::Replay,
        "revoke_reuse" => Succession::RevokeReuse,
        "from_the_future" => Succession::FromTheFuture,
        "session_revoked" => Succession::Refused(Refusal::SessionRevoked),
        "session_expired" => Succession::Refused(Refusal::SessionExpired),
        "refresh_token_expired" => Succession::Refused(Refusal::RefreshTokenExpired),
        "client_mismatch" => Succession::Refused(Refusal::ClientMismatch),
        "dpop_mismatch" => Succession::Refused(Refusal::DpopMismatch),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_the_query_gives_is_known() {
        let names: Vec<_> = DECIDE
            .split('\'')
            .skip(1)
            .step_by(2)
            .map(|name| succession(name).unwrap_or_else(|| panic!("{name}")))
            .collect();
        // Reuse has two lines, and a replay two names; the rest one each.
        assert_eq!(names.len(), 11);
        assert_eq!(succession("anything else"), None);
    }
}
