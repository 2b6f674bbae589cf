//! What `config show` prints.

use core::fmt::Write as _;

use serde_json::{Value, json};

use super::origin::Origin;

/// One value of the configuration and where it comes from. Never a secret: of those only the
/// variable is named, and whether it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The key with its table: `profile.acme.grant`.
    pub(crate) key: String,
    /// The value in words.
    pub(crate) value: String,
    /// Who set it.
    pub(crate) origin: Origin,
}

impl Row {
    /// A row of `table`.
    pub(crate) fn of(table: &str, (key, value, origin): (&str, String, Origin)) -> Self {
        Self { key: format!("{table}.{key}"), value, origin }
    }
}

/// The rows as a table for people.
pub(crate) fn table(rows: &[Row]) -> String {
    let width = |of: fn(&Row) -> &str| {
        rows.iter().map(|row| of(row).chars().count()).max().unwrap_or_default()
    };
    let (keys, values) = (width(|row| &row.key), width(|row| &row.value));
    let mut table = String::new();
    for Row { key, value, origin } in rows {
        // Writing to a `String` cannot fail.
        let _ = writeln!(table, "{key:keys$}  {value:values$}  {origin}");
    }
    table
}

/// The rows as `--json` prints them.
pub(crate) fn json(rows: &[Row]) -> Value {
    let rows = rows.iter().map(
        |Row { key, value, origin }| json!({ "key": key, "value": value, "origin": origin.json() }),
    );
    json!({ "values": rows.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;

    fn rows() -> [Row; 2] {
        let file = Origin::File { path: Arc::from(Path::new("/c.toml")), line: 3 };
        [
            Row::of("profile.a", ("grant", "password".to_owned(), file)),
            Row::of("http", ("read_timeout", "30s".to_owned(), Origin::Default)),
        ]
    }

    #[test]
    fn a_table_has_columns() {
        assert_eq!(
            table(&rows()),
            "profile.a.grant    password  /c.toml:3\nhttp.read_timeout  30s       default\n"
        );
        assert_eq!(table(&[]), "");
    }

    #[test]
    fn json_names_file_and_line() {
        let value = json(&rows());
        assert_eq!(
            value["values"][0]["origin"],
            json!({ "kind": "file", "file": "/c.toml", "line": 3 })
        );
        assert_eq!(value["values"][1]["origin"], json!({ "kind": "default" }));
    }
}
