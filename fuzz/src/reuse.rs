//! A reuse class as people write it (R7).

use unlapse_core::Reuse;

/// What reads, reads back, with the same window; nothing but the word itself is `strict`.
pub fn reuse(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let Ok(class) = text.parse::<Reuse>() else { return };
    assert_eq!(class.to_string().parse(), Ok(class));
    assert_eq!(class == Reuse::Strict, text == "strict");
    if let Reuse::Grace(window) = class {
        assert_eq!(class.window(), Some(window));
    }
}
