//! Records in a database.

mod call;
mod claim;
mod contract;
mod copies;
mod doubtful;
mod due;
mod fence;
mod found;
mod held;
mod lease;
mod line;
mod look;
mod node;
mod overview;
mod record_id;
mod release;
mod save;
mod schema;
mod seal;
mod spool;
mod store;
mod take;
mod timetable;

pub use due::Due;
pub use node::NodeId;
pub use overview::{Count, Overview};
pub use record_id::{RecordId, SHARDS};
pub use seal::{Seal, Sealed};
pub use store::{SqlOptions, SqlStore};
pub use timetable::{Next, Timetable};
