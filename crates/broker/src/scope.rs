//! The scope of a token (RFC 6749 §3.3).

/// Longest scope of a token, in bytes.
const LONGEST: usize = 4096;

/// Whether it can be a token's scope: RFC 6749 §3.3, with any spaces between.
pub(crate) fn is_scope(scope: &str) -> bool {
    let is_ok = |byte: u8| matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~');
    scope.len() <= LONGEST && scope.bytes().all(is_ok)
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
}
