//! What a person types to let a device in (RFC 8628 §6.1).

use core::fmt;

use crate::random;

/// No vowels, so that no words come about, and nothing that looks like a digit.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LENGTH: usize = 8;

/// Eight letters of twenty: 34 bits, which is why guesses are limited. Shown as `XXXX-XXXX`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct UserCode([u8; LENGTH]);

impl UserCode {
    /// One that nobody can guess.
    pub(crate) fn random() -> Self {
        let mut letters = [0; LENGTH];
        for letter in &mut letters {
            *letter = loop {
                let [byte] = random::bytes();
                // The last 16 of 256 would make some letters more likely.
                if byte < 240 {
                    break LETTERS[usize::from(byte) % LETTERS.len()];
                }
            };
        }
        Self(letters)
    }

    /// Reads what somebody typed: case, dashes and spaces do not count.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > 4 * LENGTH {
            return None;
        }
        let typed = text.bytes().filter(|byte| !matches!(byte, b'-' | b' '));
        let typed: Vec<u8> = typed.map(|byte| byte.to_ascii_uppercase()).collect();
        let ours = typed.iter().all(|letter| LETTERS.contains(letter));
        typed.try_into().ok().filter(|_| ours).map(Self)
    }

    /// Its letters alone.
    pub(crate) fn letters(&self) -> &str {
        core::str::from_utf8(&self.0).expect("its letters are ASCII")
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = self.letters().split_at(LENGTH / 2);
        write!(f, "{first}-{last}")
    }
}

impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8628_6_1_case_dashes_and_spaces_do_not_count() {
        let code = UserCode::parse("WDJB-MJHT").expect("a code");
        assert_eq!(code.to_string(), "WDJB-MJHT");
        for typed in ["wdjbmjht", "WDJB MJHT", " wd-jb-mj-ht ", "WDJBMJHT"] {
            assert_eq!(UserCode::parse(typed), Some(code), "{typed}");
        }
        let long = "WDJBMJHT".to_owned() + &"-".repeat(100);
        for bad in ["", "WDJB-MJH", "WDJB-MJHTT", "WDJA-MJHT", "WDJB-MJH1", "ẄDJBMJHT", &long] {
            assert_eq!(UserCode::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_letter_comes_up() {
        let drawn: Vec<u8> = (0..200).flat_map(|_| UserCode::random().0).collect();
        // 1600 draws: that one of twenty is missing has a chance of 10⁻³⁴.
        assert!(LETTERS.iter().all(|letter| drawn.contains(letter)));
        let code = UserCode::random();
        assert_eq!(UserCode::parse(&code.to_string()), Some(code));
    }
}
