//! What the command's end tells a script.

use std::process::ExitCode;

use unlapse_core::{CustodyError, Error, StoreError};

use crate::config::ConfigError;

/// An exit code. `exec` ends with its child's instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done.
    Ok = 0,
    /// The command or its configuration is wrong.
    Usage = 2,
    /// A person has to log in.
    LoginNeeded = 10,
    /// Nothing is lost: the same command may succeed later.
    Temporary = 11,
    /// Another process held the lease for all of the wait (C6).
    LeaseBusy = 12,
    /// The server, a rule of the profile or the sealing key refuses.
    Denied = 13,
    /// What is stored cannot be used (C4).
    StoreDamaged = 14,
    /// A refresh token was sent, and what became of it is not known (R7).
    OutcomeUnknown = 15,
}

impl Exit {
    /// The code as a number.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl From<&Error> for Exit {
    fn from(error: &Error) -> Self {
        match error {
            Error::NeedsLogin { .. } => Self::LoginNeeded,
            Error::OutcomeUnknown { .. } => Self::OutcomeUnknown,
            Error::ClientRejected { .. } | Error::SenderKey { .. } | Error::RuleBroken { .. } => {
                Self::Denied
            }
            Error::Store(error) => error.into(),
            // `Temporary`, `BreakerOpen`, `Deadline`; and what this version does not know yet is
            // not known to have ended anything.
            _ => Self::Temporary,
        }
    }
}

impl From<&StoreError> for Exit {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Busy { .. } => Self::LeaseBusy,
            // The right key was not given: the person is refused, the store is whole.
            StoreError::Custody(
                CustodyError::PassphraseNeeded
                | CustodyError::PassphraseWrong
                | CustodyError::KeyWrong,
            ) => Self::Denied,
            StoreError::Damaged { .. } | StoreError::TooLarge | StoreError::Custody(_) => {
                Self::StoreDamaged
            }
            // `Full`, `ReadOnly`, `Io`, `Fenced`.
            _ => Self::Temporary,
        }
    }
}

impl From<&ConfigError> for Exit {
    fn from(_: &ConfigError) -> Self {
        Self::Usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::samples;

    #[test]
    fn a_row_for_each_error() {
        let expected = |code: &str, error: &Error| match code {
            "login_needed" | "rotation_lost" => 10,
            "temporary_failure" | "rate_limited" | "breaker_open" | "deadline" | "lease_lost"
            | "store_full" | "store_read_only" | "store_unavailable" => 11,
            "lease_busy" => 12,
            "client_rejected" | "dpop_rejected" | "sender_key" | "token_rule_broken"
            | "custody_key_wrong" => 13,
            "store_damaged" | "record_too_large" => 14,
            "outcome_unknown" => 15,
            "custody_unavailable" => match error {
                Error::Store(StoreError::Custody(
                    CustodyError::PassphraseNeeded | CustodyError::PassphraseWrong,
                )) => 13,
                _ => 14,
            },
            other => panic!("{other} has no row"),
        };
        for error in samples::errors() {
            assert_eq!(Exit::from(&error).code(), expected(error.code(), &error), "{error}");
        }
    }

    #[test]
    fn every_configuration_error_is_usage() {
        for error in samples::config_errors() {
            assert_eq!(Exit::from(&error), Exit::Usage);
        }
    }

    #[test]
    fn the_numbers_are_those_of_the_documentation() {
        let rows = [
            (Exit::Ok, 0),
            (Exit::Usage, 2),
            (Exit::LoginNeeded, 10),
            (Exit::Temporary, 11),
            (Exit::LeaseBusy, 12),
            (Exit::Denied, 13),
            (Exit::StoreDamaged, 14),
            (Exit::OutcomeUnknown, 15),
        ];
        for (exit, code) in rows {
            assert_eq!(exit.code(), code);
        }
    }
}
