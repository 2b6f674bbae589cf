//! What a broker said, for people and for scripts.

use serde_json::Value;

use super::Run;
use crate::report::one_line;
use crate::terminal;

/// A line of JSON, as the broker wrote it, or the lines that `told` makes of it.
pub(super) fn data(run: &Run<'_>, value: &Value, told: impl FnOnce(&Value) -> String) {
    if run.common.json {
        terminal::data(&format!("{value}\n"));
    } else {
        terminal::data(&told(value));
    }
}

/// A line that is no data; with --json, the data in its place.
pub(super) fn done(run: &Run<'_>, value: &Value, told: &str) {
    if run.common.json {
        terminal::data(&format!("{value}\n"));
    } else if !run.common.quiet {
        terminal::note(told);
    }
}

/// A member as text that moves no cursor; `-` where there is none.
pub(super) fn text(value: &Value, member: &str) -> String {
    match value.get(member) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => one_line(text),
        Some(Value::Array(items)) => {
            let words =
                items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), one_line));
            words.collect::<Vec<_>>().join(" ")
        }
        Some(other) => one_line(&other.to_string()),
    }
}

/// The members of a list.
pub(super) fn list<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value.get(member).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Rows below their heads, in columns as wide as they have to be.
pub(super) fn table<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let rows = rows.iter().map(|row| row[column].chars().count());
        rows.chain([heads[column].len()]).max().unwrap_or_default()
    };
    let widths: [usize; N] = core::array::from_fn(width);
    let line = |cells: [&str; N]| {
        let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    let head = line(heads);
    let rows = rows.iter().map(|row| line(row.each_ref().map(String::as_str)));
    std::iter::once(head).chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_are_as_wide_as_they_have_to_be() {
        let rows = [["ä".to_owned(), "long enough".to_owned()], ["bb".to_owned(), String::new()]];
        assert_eq!(table(["A", "B"], &rows), "A   B\nä   long enough\nbb\n");
    }

    #[test]
    fn r18_what_a_broker_says_moves_no_cursor() {
        let value = json!({ "a": "x\u{1b}[2J", "b": ["p", "q\n"], "c": null, "d": 7 });
        let said = ["a", "b", "c", "d", "e"].map(|member| text(&value, member));
        assert_eq!(said, ["x [2J", "p q ", "-", "7", "-"]);
    }
}
