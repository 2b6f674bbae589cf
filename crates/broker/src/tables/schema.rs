//! The tables, a step at a time.

use unlapse_store::sql::Step;

/// A step that was released is never changed: the next corrects it.
pub(super) const STEPS: &[Step] = &[Step {
    sqlite: include_str!("schema/sqlite.sql"),
    postgres: include_str!("schema/postgres.sql"),
}];
