//! How secrets rest: a master key wraps a data key per tenant, and the data key seals.
//!
//! ```text
//! master key (file, environment, or a command)     wraps, with the tenant and the key's id
//!   └ data keys of a tenant, in generations        seal, with the tenant and the place
//!       └ records, secrets of apps and webhooks, what a connect has to remember
//!   └ derived: what sessions of the dashboard are sealed with, which rest in browsers
//! ```
//!
//! What was sealed for one place opens in no other: not for another tenant, connection or
//! generation, and not as another kind of secret.

mod associated;
mod data_key;
mod data_keys;
mod envelope;
mod key_command;
mod keys_away;
mod master_key;
mod master_keys;
mod purpose;
mod rotation;
mod seal_records;
pub(crate) mod xaes;

use associated::associated;
pub use envelope::Envelope;
pub use key_command::KeyCommand;
pub use keys_away::KeysAway;
pub use master_keys::{BadMasterKeys, MasterKeys};
pub use purpose::Purpose;
pub use rotation::{Rotation, RotationWaits};
