//! A signing key that somebody brings along: PKCS#8, as PEM (RFC 7468 §10) or DER.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use unlapse_verify::Algorithm;
use zeroize::Zeroizing;

use crate::signing_key::SigningKey;

/// The text is no key that can be taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadImport {
    /// Larger than 16 KiB.
    #[error("it is larger than 16 KiB")]
    TooLarge,
    /// An encrypted key.
    #[error("the key is encrypted: decrypt it with `openssl pkcs8 -in FILE -out PLAIN`")]
    Encrypted,
    /// A key in a form of its own kind: PKCS#1, SEC 1, OpenSSH.
    #[error("the key is not PKCS#8: convert it with `openssl pkcs8 -topk8 -nocrypt -in FILE`")]
    OtherForm,
    /// A public key or a certificate.
    #[error("it holds no private key")]
    Public,
    /// More than one block.
    #[error("it holds more than one thing: give one private key alone")]
    Several,
    /// No PEM or DER at all, or damaged.
    #[error("it is no private key in PKCS#8, PEM or DER")]
    Malformed,
    /// A whole key of a kind that is not used here.
    #[error("it is no key of Ed25519, of P-256, or of RSA with 2048 to 8192 bits")]
    Kind,
}

/// Largest file that is read. RSA of 8192 bits takes 6.4 KiB.
const MAX: usize = 16 * 1024;

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

impl SigningKey {
    /// From a private key in PKCS#8, PEM or DER: of Ed25519, P-256 or RSA (2048 to 8192 bits).
    pub fn import(document: &[u8]) -> Result<Self, BadImport> {
        if document.len() > MAX {
            return Err(BadImport::TooLarge);
        }
        // DER begins with a sequence; no text does.
        let der = match document.first() {
            Some(0x30) => Zeroizing::new(document.to_vec()),
            _ => from_pem(core::str::from_utf8(document).map_err(|_| BadImport::Malformed)?)?,
        };
        let key = |algorithm| Self::from_pkcs8(algorithm, &der).ok();
        Algorithm::ALL.into_iter().find_map(key).ok_or(BadImport::Kind)
    }
}

/// The one block of a PEM text, decoded.
fn from_pem(text: &str) -> Result<Zeroizing<Vec<u8>>, BadImport> {
    let mut blocks = text.split(BEGIN).skip(1);
    let block = blocks.next().ok_or(BadImport::Malformed)?;
    if blocks.next().is_some() {
        return Err(BadImport::Several);
    }
    let (label, rest) = block.split_once(DASHES).ok_or(BadImport::Malformed)?;
    match label {
        "PRIVATE KEY" => {}
        "ENCRYPTED PRIVATE KEY" => return Err(BadImport::Encrypted),
        label if label.ends_with("PRIVATE KEY") => return Err(BadImport::OtherForm),
        "PUBLIC KEY" | "RSA PUBLIC KEY" | "CERTIFICATE" => return Err(BadImport::Public),
        _ => return Err(BadImport::Malformed),
    }
    let (body, after) = rest.split_once("-----END PRIVATE KEY-----").ok_or(BadImport::Malformed)?;
    if !after.trim().is_empty() {
        return Err(BadImport::Malformed);
    }
    // At its full size from the start: growing would leave copies behind.
    let mut packed = Zeroizing::new(String::with_capacity(body.len()));
    packed.extend(body.split_ascii_whitespace());
    STANDARD.decode(packed.as_bytes()).map(Zeroizing::new).map_err(|_| BadImport::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pem(label: &str, der: &[u8]) -> String {
        let body = STANDARD.encode(der);
        let lines: Vec<_> = body.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    }

    #[test]
    fn rfc7468_10_a_key_of_each_kind_comes_in_as_pem_and_as_der() {
        for algorithm in Algorithm::ALL {
            let key = SigningKey::generate(algorithm).expect("drawn");
            let der = key.to_pkcs8().expect("a document");
            let pem = pem("PRIVATE KEY", &der);
            for document in [&der, pem.as_bytes(), pem.replace('\n', "\r\n").as_bytes()] {
                let imported = SigningKey::import(document).expect("a key");
                assert_eq!(imported.jwk(), key.jwk());
            }
        }
    }

    /// The example of the RFC, as OpenSSL writes it.
    #[test]
    fn rfc8410_10_3_a_key_of_others() {
        let key = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                   -----END PRIVATE KEY-----\n";
        let key = SigningKey::import(key.as_bytes()).expect("a key");
        let jwk = serde_json::to_value(key.jwk()).expect("JSON");
        assert_eq!(jwk["x"], "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE");
    }

    #[test]
    fn j6_a_row_for_each_thing_that_is_no_key() {
        let key = SigningKey::generate(Algorithm::EdDsa).expect("drawn");
        let der = key.to_pkcs8().expect("a document");
        let good = pem("PRIVATE KEY", &der);
        let rows: [(String, BadImport); 14] = [
            (String::new(), BadImport::Malformed),
            ("ssh-ed25519 AAAA".to_owned(), BadImport::Malformed),
            ("x".repeat(MAX + 1), BadImport::TooLarge),
            (pem("ENCRYPTED PRIVATE KEY", &der), BadImport::Encrypted),
            (pem("RSA PRIVATE KEY", &der), BadImport::OtherForm),
            (pem("EC PRIVATE KEY", &der), BadImport::OtherForm),
            (pem("OPENSSH PRIVATE KEY", &der), BadImport::OtherForm),
            (pem("PUBLIC KEY", &der), BadImport::Public),
            (pem("CERTIFICATE", &der), BadImport::Public),
            (format!("{good}{good}"), BadImport::Several),
            (format!("{good}more"), BadImport::Malformed),
            (good.replace("-----END PRIVATE KEY-----", ""), BadImport::Malformed),
            (good.replace('M', "!"), BadImport::Malformed),
            (pem("PRIVATE KEY", b"0\x03\x02\x01\x00"), BadImport::Kind),
        ];
        for (text, expected) in rows {
            assert_eq!(SigningKey::import(text.as_bytes()).err(), Some(expected), "{text}");
        }
        assert_eq!(SigningKey::import(&der[..der.len() - 1]).err(), Some(BadImport::Kind));
        assert_eq!(SigningKey::import(b"\xff").err(), Some(BadImport::Malformed));
    }

    proptest! {
        #[test]
        fn j6_no_document_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(SigningKey::import(&bytes).is_err());
        }
    }
}
