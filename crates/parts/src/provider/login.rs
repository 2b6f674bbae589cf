//! One login, and what a refresh token of it brings.

use std::time::Duration;

use super::callers::Spender;
use super::terms::Rotation;

/// A login: sixteen bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Login {
    /// How often it was refreshed.
    pub(super) generation: u32,
    /// When the last time was, in milliseconds since the start.
    pub(super) refreshed_at: u32,
    /// Who did it.
    pub(super) spender: Spender,
    pub(super) is_alive: bool,
    /// The answer to the last refresh was lost on the way.
    pub(super) reply_lost: bool,
}

/// What a refresh token brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Brings {
    /// The next generation.
    Next,
    /// What it has brought before.
    Same,
    /// The end of the login.
    End,
    /// Nothing: it never was one of this login.
    Nothing,
}

/// What the refresh token of generation `sent` brings to a login of generation `current`, whose last
/// refresh was `ago`.
pub(super) fn brings(rotation: Rotation, sent: u32, current: u32, ago: Duration) -> Brings {
    let is_last = sent.checked_add(1) == Some(current);
    match rotation {
        // Only the first is ever handed out.
        Rotation::Stable if sent == 0 => Brings::Next,
        Rotation::Stable => Brings::Nothing,
        _ if sent > current => Brings::Nothing,
        _ if sent == current => Brings::Next,
        // The successor's use would have made another.
        Rotation::UntilUsed if is_last => Brings::Same,
        Rotation::Grace(grace) if is_last && ago <= grace => Brings::Same,
        Rotation::UntilUsed | Rotation::Grace(_) | Rotation::Strict => Brings::End,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_for_each_rotation_and_token() {
        const T: Duration = Duration::from_secs(30);
        let late = T + Duration::from_millis(1);
        let rows = [
            (Rotation::Stable, 0, 0, T, Brings::Next),
            (Rotation::Stable, 0, 9, T, Brings::Next),
            (Rotation::Stable, 1, 9, T, Brings::Nothing),
            (Rotation::Strict, 4, 4, T, Brings::Next),
            (Rotation::Strict, 3, 4, Duration::ZERO, Brings::End),
            (Rotation::Strict, 5, 4, T, Brings::Nothing),
            (Rotation::Grace(T), 4, 4, late, Brings::Next),
            (Rotation::Grace(T), 3, 4, T, Brings::Same),
            (Rotation::Grace(T), 3, 4, late, Brings::End),
            (Rotation::Grace(T), 2, 4, Duration::ZERO, Brings::End),
            (Rotation::UntilUsed, 3, 4, late, Brings::Same),
            (Rotation::UntilUsed, 2, 4, Duration::ZERO, Brings::End),
        ];
        for (rotation, sent, current, ago, expected) in rows {
            let brought = brings(rotation, sent, current, ago);
            assert_eq!(brought, expected, "{rotation:?} {sent} of {current}");
        }
    }

    #[test]
    fn millions_fit() {
        assert_eq!(size_of::<Login>(), 16);
    }
}
