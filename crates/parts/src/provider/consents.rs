//! Consents that users have given, and the codes that stand for them (RFC 6749 §4.1).

use std::collections::HashMap;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What a code was given for, until it is redeemed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Consent {
    pub(super) redirect_uri: String,
    /// By `S256` (RFC 7636 §4.2).
    pub(super) challenge: Option<String>,
}

/// Codes that nobody has redeemed yet, by the login that they open.
#[derive(Debug, Default)]
pub(super) struct Consents(HashMap<u32, Consent>);

impl Consents {
    pub(super) fn give(&mut self, family: u32, consent: Consent) {
        self.0.insert(family, consent);
    }

    /// Whether the code of this login is good for whoever sends it. It is sent once (RFC 6749 §4.1.2).
    pub(super) fn redeem(
        &mut self,
        family: u32,
        redirect_uri: Option<&str>,
        verifier: Option<&str>,
    ) -> bool {
        let Some(consent) = self.0.remove(&family) else { return false };
        let proven = match (&consent.challenge, verifier) {
            (None, None) => true,
            (Some(challenge), Some(verifier)) => *challenge == s256(verifier),
            _ => false,
        };
        proven && redirect_uri == Some(consent.redirect_uri.as_str())
    }
}

/// RFC 7636 §4.6.
fn s256(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appendix B of RFC 7636.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn rfc6749_4_1_3_a_row_for_each_way_to_redeem_a_code() {
        const AT: &str = "https://app.example/callback";
        let rows = [
            (None, Some(AT), None, true),
            (Some(CHALLENGE), Some(AT), Some(VERIFIER), true),
            (Some(CHALLENGE), Some(AT), Some("another"), false),
            (Some(CHALLENGE), Some(AT), None, false),
            // RFC 9700 §2.1.1: whoever shows a verifier has begun with a challenge.
            (None, Some(AT), Some(VERIFIER), false),
            (None, Some("https://app.example/other"), None, false),
            (None, None, None, false),
        ];
        for (challenge, redirect_uri, verifier, is_good) in rows {
            let mut consents = Consents::default();
            let challenge = challenge.map(str::to_owned);
            consents.give(7, Consent { redirect_uri: AT.to_owned(), challenge });
            assert!(!consents.redeem(8, Some(AT), verifier), "another login's");
            assert_eq!(consents.redeem(7, redirect_uri, verifier), is_good, "{redirect_uri:?}");
            assert!(!consents.redeem(7, Some(AT), verifier), "twice");
        }
    }
}
