//! Scopes as callers send them (RFC 6749 §3.3).

use super::refusal::Refusal;
use crate::scope::is_scope;

/// Most words of a list.
const MOST_WORDS: usize = 256;
/// Longest word, in bytes.
const LONGEST_WORD: usize = 256;

/// Refuses a list that has something else than words of a scope.
pub(super) fn check_words(scopes: &[String]) -> Result<(), Refusal> {
    let is_word = |scope: &String| {
        (1..=LONGEST_WORD).contains(&scope.len()) && is_scope(scope) && !scope.contains(' ')
    };
    if scopes.len() <= MOST_WORDS && scopes.iter().all(is_word) {
        return Ok(());
    }
    let detail = "`scopes` are 256 words at most (RFC 6749 §3.3), of 256 bytes at most";
    Err(Refusal::bad_request(detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6749_3_3_a_list_is_of_words() {
        let check = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            check_words(&words).is_ok()
        };
        let long = "x".repeat(LONGEST_WORD);
        let longer = format!("{long}x");
        assert!(check(&[]));
        assert!(check(&["read", "https://a.example/b", &long]));
        assert!(check(&["a"; MOST_WORDS]));
        for bad in [&["a b"][..], &[""], &["ä"], &[longer.as_str()], &["a"; MOST_WORDS + 1]] {
            assert!(!check(bad), "{bad:?}");
        }
    }
}
