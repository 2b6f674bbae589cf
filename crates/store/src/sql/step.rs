//! How a schema came to be.

/// A step of a schema, for each engine; several commands, with `;` between them. A step that was
/// released is never changed: the next corrects it.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// For SQLite, where tables are best `STRICT`.
    pub sqlite: &'static str,
    /// For `PostgreSQL`. Names need no schema: everything is made in that of
    /// [`Options::schema`](super::Options::schema).
    pub postgres: &'static str,
}
