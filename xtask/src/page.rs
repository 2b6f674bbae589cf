//! Pages of the documentation that have parts which a job writes.

use std::fs;

use anyhow::{Context, Result};

/// Puts `content` between a page's markers of this name.
pub(crate) fn fill(page: &str, name: &str, content: &str) -> Result<()> {
    let before = fs::read_to_string(page).with_context(|| format!("reading {page}"))?;
    let after = filled(&before, name, content).with_context(|| format!("filling {page}"))?;
    fs::write(page, after).with_context(|| format!("writing {page}"))
}

/// The text with `content` between the markers of `name`.
pub(crate) fn filled(text: &str, name: &str, content: &str) -> Result<String> {
    let (start, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let parts = text.split_once(&start).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(&end)?;
        Some((before, after))
    });
    let (before, after) = parts.with_context(|| format!("there is no `{start}` … `{end}`"))?;
    Ok(format!("{before}{start}\n{}\n{end}{after}", content.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_markers_is_replaced() {
        let page = "# A\n<!-- bench:hot -->\nold\n<!-- /bench:hot -->\nB <!-- bench:storm -->";
        let new = filled(page, "bench:hot", "| new |\n").unwrap();
        let expected =
            "# A\n<!-- bench:hot -->\n| new |\n<!-- /bench:hot -->\nB <!-- bench:storm -->";
        assert_eq!(new, expected);
        assert_eq!(
            filled(&new, "bench:hot", "| new |").unwrap(),
            expected,
            "again changes nothing"
        );
        assert!(
            filled(page, "bench:storm", "").is_err_and(|error| error.to_string().contains("storm"))
        );
    }
}
