//! Random bytes that nobody guesses, and what is made of them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use unlapse::unlapse_core::Secret;
use unlapse_verify::sha256;
use zeroize::Zeroizing;

/// Fills `bytes` from the generator.
pub(crate) fn fill(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes)
        .expect("the generator is seeded by the operating system before the process can ask it");
}

/// 256 bits.
pub(crate) fn bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    fill(&mut bytes);
    bytes
}

/// 256 bits in base64url: a `state`, a ticket, or a `code_verifier` (RFC 7636 §4.1).
pub(crate) fn token() -> Secret {
    let bytes = Zeroizing::new(bytes());
    Secret::from(URL_SAFE_NO_PAD.encode(&bytes[..]))
}

/// The `code_challenge` of a verifier: its SHA-256 (RFC 7636 §4.2).
pub(crate) fn challenge(verifier: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(sha256(verifier.expose().as_bytes()))
}

/// What a `state` is remembered under: whoever reads the table learns none.
pub(crate) fn hash(state: &Secret) -> [u8; 32] {
    sha256(state.expose().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc7636_appendix_b() {
        let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn no_two_are_alike() {
        let (one, other) = (token(), token());
        assert_eq!(one.expose().len(), 43);
        assert_ne!(one.expose(), other.expose());
    }
}
