//! The secrets that are planted, and how they are looked for.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Part of every refresh token of the test server.
pub(crate) const REFRESH_TOKEN: &str = "refreshrefreshrefresh";
/// Part of every access token of the test server.
pub(crate) const ACCESS_TOKEN: &str = "accessaccessaccess";
pub(crate) const PASSWORD: &str = "canary-password-2f7a";
pub(crate) const CLIENT_SECRET: &str = "canary-stored-client-secret-9c41";
pub(crate) const ENV_SECRET: &str = "canary-client-secret-of-the-environment-77d0";
pub(crate) const PASSPHRASE: &str = "canary-passphrase-51be";
pub(crate) const API_KEY: &str = "canary-api-key-e83c";
/// A whole key, in the form in which it is kept and brought.
pub(crate) const SENDER_KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgeIR2JuARRiGycS6RoIkl\
t3GuqPzkUqiZbLczDUrsweqhRANCAARtRlCzgwWI5gNXMYgAcCboZGAPazWSb4QxaEyNraC6eH8hTuYI2YanHeMjN2ZH3s2t/udxM1nZ\
q0yL8ILrQLTO";
/// Typed where it does not belong.
pub(crate) const MISPLACED: &str = "canary-misplaced-0d6f";

pub(crate) const ALL: [&str; 9] = [
    REFRESH_TOKEN,
    ACCESS_TOKEN,
    PASSWORD,
    CLIENT_SECRET,
    SENDER_KEY,
    ENV_SECRET,
    PASSPHRASE,
    API_KEY,
    MISPLACED,
];

/// What a secret looks like in a longer text: itself, and the part of its base64 that is the same
/// wherever it begins.
fn guises(secret: &str) -> Vec<Vec<u8>> {
    let mut guises = vec![secret.as_bytes().to_vec()];
    for before in 0..3 {
        let padded = [&vec![b'x'; before], secret.as_bytes()].concat();
        for encoded in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            // The first characters depend on what stands before, the last ones on what follows.
            let start = (before * 8).div_ceil(6);
            let end = padded.len() * 8 / 6;
            guises.push(encoded.as_bytes()[start..end].to_vec());
        }
    }
    guises
}

pub(crate) fn holds(haystack: &[u8], secret: &str) -> bool {
    guises(secret).iter().any(|guise| haystack.windows(guise.len()).any(|part| part == guise))
}

/// Panics when one of `secrets` is in `text`.
#[track_caller]
pub(crate) fn search(what: &str, text: &[u8], secrets: &[&str]) {
    for secret in secrets {
        let shown = String::from_utf8_lossy(text);
        assert!(!holds(text, secret), "R18: {secret} is in {what}:\n{shown}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_finds_what_is_hidden() {
        for before in ["", "a", "ab", "abc"] {
            let text = format!("{before}{PASSWORD} and more");
            assert!(holds(text.as_bytes(), PASSWORD));
            assert!(holds(STANDARD_NO_PAD.encode(&text).as_bytes(), PASSWORD), "{before}");
            assert!(holds(format!("[{}]", URL_SAFE_NO_PAD.encode(&text)).as_bytes(), PASSWORD));
        }
        assert!(!holds(b"nothing of the kind, not even canary-password-2f7", PASSWORD));
    }
}
