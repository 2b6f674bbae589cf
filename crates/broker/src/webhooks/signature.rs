//! Signatures of webhooks, by Standard Webhooks 1.0: whoever has the secret knows that a message is
//! the broker's, whole, and new.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use unlapse::unlapse_core::{Secret, UnixTime};
use zeroize::Zeroizing;

use crate::random;

/// How a secret begins, so that scanners for secrets find it.
const PREFIX: &str = "whsec_";

/// A key that webhooks are signed with: `whsec_` and 24 to 64 bytes in base64.
#[derive(Clone)]
pub struct SigningSecret(Zeroizing<Vec<u8>>);

/// The text is no signing secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signing secret is `whsec_` and 24 to 64 bytes in base64")]
pub struct BadSigningSecret;

impl SigningSecret {
    /// A new one, of 32 bytes that nobody can guess.
    ///
    /// # Panics
    /// Where the operating system gives no randomness, without which nothing here is safe.
    pub fn draw() -> Self {
        let mut bytes = Zeroizing::new(vec![0; 32]);
        random::fill(&mut bytes);
        Self(bytes)
    }

    /// Reads one.
    pub fn parse(text: &Secret) -> Result<Self, BadSigningSecret> {
        let encoded = text.expose().strip_prefix(PREFIX).ok_or(BadSigningSecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| BadSigningSecret)?;
        let bytes = Zeroizing::new(bytes);
        if (24..=64).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(BadSigningSecret) }
    }

    /// As its owner is shown it, once.
    pub fn to_text(&self) -> Secret {
        Secret::from(format!("{PREFIX}{}", STANDARD.encode(&*self.0)))
    }

    /// The value of `webhook-signature` for a message of this id, sent at this time.
    pub fn sign(&self, id: &str, sent_at: UnixTime, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let mut context = hmac::Context::with_key(&key);
        context.update(id.as_bytes());
        context.update(format!(".{}.", sent_at.as_secs()).as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

impl core::fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_webhooks_the_example_of_the_specification() {
        // From the reference libraries' own tests.
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let secret = SigningSecret::parse(&secret).expect("a secret");
        let signed = secret.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            UnixTime::from_secs(1_614_265_330),
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_reads_back_and_is_never_shown() {
        let secret = SigningSecret::draw();
        let text = secret.to_text();
        let again = SigningSecret::parse(&text).expect("it was written so");
        let at = UnixTime::from_secs(1);
        assert_eq!(again.sign("a", at, b"b"), secret.sign("a", at, b"b"));
        assert_ne!(SigningSecret::draw().sign("a", at, b"b"), secret.sign("a", at, b"b"));
        assert!(!format!("{secret:?}").contains(&text.expose()[6..]));
        for bad in ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!"] {
            assert_eq!(SigningSecret::parse(&Secret::new(bad)).err(), Some(BadSigningSecret));
        }
    }
}
