//! Scopes as callers send them (RFC 6749 §3.3).

use super::refusal::Refusal;

/// Longest scope of a token, in bytes.
const LONGEST: usize = 4096;
/// Most words of a list.
const MOST_WORDS: usize = 256;
/// Longest word, in bytes.
const LONGEST_WORD: usize = 256;

/// Whether it can be a token's scope: RFC 6749 §3.3, with any spaces between.
pub(super) fn is_scope(scope: &str) -> bool {
    let is_ok = |byte: u8| matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~');
    scope.len() <= LONGEST && scope.bytes().all(is_ok)
}

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
    fn rfc6749_3_3_a_row_for_each_scope() {
        for good in ["", "read", "read  write", "https://a.example/b", &"x".repeat(LONGEST)] {
            assert!(is_scope(good), "{good}");
        }
        for bad in ["a\"b", "a\\b", "a\nb", "ä", &"x".repeat(LONGEST + 1)] {
            assert!(!is_scope(bad), "{bad}");
        }
    }

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
