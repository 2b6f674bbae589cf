//! What to do about an error of the queue.

use unlapse::outbox::OutboxError;
use unlapse_core::StoreError;

use crate::diagnosis::Diagnosis;
use crate::exit::Exit;

/// An error of the queue, for people. Each code stands here as well, where it is looked for.
pub(crate) fn of(error: &OutboxError) -> Diagnosis {
    match error {
        OutboxError::TooMany { .. } | OutboxError::Full { .. } => Diagnosis {
            code: "queue_full",
            ..told(
                error,
                Exit::Temporary,
                "nothing was queued: send what waits with `unlapse queue flush`, drop what was \
                 refused with `unlapse queue drop --failed`, or raise the limits in `[queue]`",
            )
        },
        OutboxError::TooLarge { .. } => Diagnosis {
            code: "queue_too_large",
            ..told(
                error,
                Exit::Usage,
                "nothing was queued: send a smaller body, or raise `max_body` in `[queue]`",
            )
        },
        OutboxError::Busy { .. } => Diagnosis {
            code: "queue_busy",
            ..told(
                error,
                Exit::LeaseBusy,
                "nothing is lost: what waits is being sent; try again in a moment",
            )
        },
        OutboxError::NoEntry { .. } => Diagnosis {
            code: "queue_no_entry",
            ..told(
                error,
                Exit::Usage,
                "it was sent, or dropped; `unlapse queue list` shows what there is",
            )
        },
        OutboxError::Damaged { .. } => Diagnosis {
            code: "queue_damaged",
            ..told(
                error,
                Exit::StoreDamaged,
                "it is never sent, and in nobody's way: make the request again if it is still \
                 wanted",
            )
        },
        OutboxError::Store(error) => of_store(error),
        // What cannot be sent, or has no place in a queue.
        _ => Diagnosis {
            code: "queue_refused",
            ..told(
                error,
                Exit::Usage,
                "nothing was queued: the token is put on when a request is sent, to an https URL \
                 or to this machine",
            )
        },
    }
}

fn told(error: &OutboxError, exit: Exit, hint: &str) -> Diagnosis {
    let (message, hint) = (error.to_string(), hint.to_owned());
    Diagnosis { code: error.code(), message, hint, retry_at: None, exit }
}

/// There is no place to keep anything in.
pub(crate) fn nowhere(profile: &str) -> Diagnosis {
    Diagnosis {
        code: "queue_refused",
        message: format!(
            "nothing of {profile} is kept on the disk, so that nothing can wait there"
        ),
        hint: "leave out --no-store and UNLAPSE_NO_STORE, or set `persist = \"on\"` in `[store]`"
            .to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

fn of_store(error: &StoreError) -> Diagnosis {
    let diagnosis = Diagnosis::of_store(error, "PROFILE");
    let hint = match error {
        StoreError::Full { .. } => {
            "make room and run the command again: what is queued stays queued, and nothing is half \
             queued"
        }
        StoreError::ReadOnly { .. } => {
            "make the directory of the queue writable for this user, or set another `path` in \
             `[store]`"
        }
        StoreError::Fenced => "run the command again: another process has taken over",
        StoreError::Custody(unlapse_core::CustodyError::KeyWrong) => {
            "nothing is changed: set UNLAPSE_HOME as it was, or put back the key file that `unlapse \
             doctor` names; what waits was sealed under that key"
        }
        _ => return Diagnosis { hint: diagnosis.hint.replace(" PROFILE", ""), ..diagnosis },
    };
    Diagnosis { hint: hint.to_owned(), ..diagnosis }
}

#[cfg(test)]
mod tests {
    use unlapse::outbox::EntryId;
    use unlapse_core::{CustodyError, Damage};

    use super::*;

    #[test]
    fn c17_every_error_has_its_code_an_exit_and_a_hint_of_its_own() {
        let id = EntryId { number: 1, tag: 2 };
        let place = || "/p".to_owned();
        let rows = [
            (OutboxError::TooMany { most: 1 }, 11),
            (OutboxError::Full { most: 1 }, 11),
            (OutboxError::TooLarge { most: 1 }, 2),
            (OutboxError::FieldRefused { field: "cookie" }, 2),
            (OutboxError::BadIdempotencyKey, 2),
            (OutboxError::Unsendable { why: "w" }, 2),
            (OutboxError::Busy { holder: None }, 12),
            (OutboxError::NoEntry { id }, 2),
            (OutboxError::Damaged { id, damage: Damage::Corrupt, kept: None }, 14),
            (OutboxError::Store(StoreError::Full { place: place() }), 11),
            (OutboxError::Store(StoreError::ReadOnly { place: place() }), 11),
            (OutboxError::Store(StoreError::Fenced), 11),
            (OutboxError::Store(StoreError::Custody(CustodyError::KeyWrong)), 13),
            (OutboxError::Store(StoreError::Custody(CustodyError::PassphraseNeeded)), 13),
        ];
        for (error, exit) in rows {
            let found = of(&error);
            assert_eq!((found.code, found.exit.code()), (error.code(), exit), "{error}");
            assert!(!found.hint.is_empty() && !found.hint.contains("PROFILE"), "{}", found.hint);
        }
    }
}
