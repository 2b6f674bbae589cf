//! A secret on its way into a header (RFC 6750 §2.1).

use unlapse_core::Secret;
use unlapse_oauth::{ApiKeyHeader, bearer as header};

/// A token goes out as one word behind one scheme, byte for byte, or not at all; and neither the
/// header nor an error shows it. The first line is the scheme, the rest the token.
pub fn bearer(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let (first, token) = text.split_once('\n').unwrap_or(("", text));
    let secret = Secret::new(token);
    match header::authorization(first, &secret) {
        Ok(value) => {
            assert!(value.is_sensitive());
            assert_eq!(format!("{value:?}"), "Sensitive");
            let value = value.to_str().expect("visible ASCII");
            let (scheme, word) = value.split_once(' ').expect("a scheme and a token");
            assert_eq!(word, token);
            assert!(!word.contains(|c: char| !c.is_ascii_graphic()), "more than a word");
            let bearer = first.is_empty() && scheme == "Bearer";
            assert!(bearer || scheme.eq_ignore_ascii_case(first), "another scheme");
        }
        Err(error) => {
            let other = header::authorization(first, &Secret::new("\n"));
            let empty = header::authorization(first, &Secret::new(""));
            // One of three sentences, whatever the token is.
            assert!([other, empty].contains(&Err(error)), "{error}");
        }
    }
    let Ok(name) = ApiKeyHeader::new(first, "Key ") else { return };
    if let Ok(value) = name.value(&secret) {
        assert!(value.is_sensitive());
        assert_eq!(value.as_bytes(), [b"Key ", token.as_bytes()].concat());
    }
}
