//! The right word for a mistyped one.

/// Longer words are compared by their beginning, so that hostile input costs nothing.
const LONGEST: usize = 64;

/// The candidate that `word` most likely means; `None` when none is close.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = folded(word);
    // A third of a word may be wrong: more, and the suggestion is a guess that misleads.
    let most = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &folded(candidate)), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `Refresh-Ahead` is `refresh_ahead`.
fn folded(word: &str) -> String {
    word.chars()
        .take(LONGEST)
        .map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_for_each_kind_of_slip() {
        let keys = ["refresh_ahead", "skew", "scopes", "grant"];
        let rows = [
            ("refreshahead", Some("refresh_ahead")),
            ("refresh-ahead", Some("refresh_ahead")),
            ("Refresh_Ahaed", Some("refresh_ahead")),
            ("scope", Some("scopes")),
            ("skwe", Some("skew")),
            ("colour", None),
            ("", None),
        ];
        for (word, expected) in rows {
            assert_eq!(nearest(word, keys), expected, "{word}");
        }
    }

    #[test]
    fn a_huge_word_costs_little() {
        assert_eq!(nearest(&"x".repeat(1 << 20), ["grant"]), None);
    }
}
