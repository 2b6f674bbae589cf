//! A duration as people write it.

use unlapse_core::duration as spans;

/// What reads is written in its shortest form, which reads as the same.
pub fn duration(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let Ok(span) = spans::parse(text) else { return };
    let written = spans::format(span);
    assert!(written.len() <= text.len(), "{written} is longer than {text}");
    assert_eq!(spans::parse(&written), Ok(span));
}
