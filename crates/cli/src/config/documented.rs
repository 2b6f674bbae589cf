//! A page of documentation against the keys of a table, for the tests of both.

use super::section::Section;

/// Every key of a table has a row under `heading`, in order and with its range, and there is no other.
#[track_caller]
pub(super) fn has_every_key<S: Section>(page: &str, heading: &str) {
    let section = page.split("\n## ").flat_map(|part| part.split("\n### "));
    let section = section.into_iter().find(|part| part.starts_with(heading)).expect(heading);
    let rows = section.lines().skip_while(|line| !line.starts_with("| key ")).skip(2);
    let rows: Vec<_> = rows.take_while(|line| line.starts_with('|')).collect();
    let documented: Vec<_> = rows.iter().filter_map(|row| row.split('`').nth(1)).collect();
    let keys = S::keys();
    assert_eq!(documented, keys.iter().map(|(key, _)| *key).collect::<Vec<_>>(), "{heading}");
    for ((key, allowed), row) in keys.iter().zip(rows) {
        let range = allowed.split_once(" from ").and_then(|(_, range)| range.split(',').next());
        if let Some(range) = range {
            assert!(row.contains(range), "{key}: {row} lacks {range}");
        }
    }
}

/// The examples of a page.
pub(super) fn examples(page: &str) -> Vec<&str> {
    page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}
