//! Why a key is not to be had.

use crate::code::Code;
use crate::name::Name;
use crate::problem::Problem;

/// Why a data key is not to be had. Nothing was overwritten: what is sealed under it opens again when
/// the master key is back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeysAway {
    /// It is wrapped under a master key that is not among those given.
    #[error("the master key `{id}` is needed, and is not among those given")]
    NoMaster {
        /// The master key's id: its name, and a check of its bytes.
        id: String,
    },
    /// The key command has failed, or took too long.
    #[error("the command that keeps the master key has failed")]
    CommandFailed,
    /// The key command answered with something that is no key.
    #[error("the command that keeps the master key gave no key")]
    BadReply,
    /// The wrapped key was altered in the database, or belongs to another tenant.
    #[error("a data key of the tenant `{tenant}` is damaged in the database")]
    Damaged {
        /// Whose it is.
        tenant: Name,
    },
    /// There is no such key in the database.
    #[error("a data key of the tenant `{tenant}` is not in the database")]
    Unknown {
        /// Whose it is.
        tenant: Name,
    },
}

impl KeysAway {
    /// Whether the same question may be answered a little later.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::CommandFailed | Self::BadReply)
    }
}

impl From<KeysAway> for Problem {
    fn from(away: KeysAway) -> Self {
        let code = match away {
            KeysAway::Damaged { .. } => Code::RecordDamaged,
            _ => Code::KeysAway,
        };
        Self::new(code, away.to_string())
    }
}
