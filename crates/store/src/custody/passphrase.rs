//! A key from a passphrase.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Mutex, OnceLock, PoisonError};

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::{constant_time, hkdf, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use unlapse_core::{CustodyError, Secret};
use zeroize::Zeroizing;

use super::derivation::sum;
use super::{Custody, Derivation, RootKey, Salt, Stretch};

/// Stretched secrets that are remembered; more salts than this nobody has honestly.
const REMEMBERED: usize = 64;

type Ask = dyn Fn() -> Result<Secret, CustodyError> + Send + Sync;

/// Stretches a passphrase (C2): PBKDF2-HMAC-SHA-256 by default, or Argon2id.
///
/// The passphrase is asked for when it is first needed, and once. Stretching costs a tenth of a
/// second on purpose, so that its result is remembered for each salt, and records written later
/// share the salt of the first one.
pub struct Passphrase {
    ask: Box<Ask>,
    answer: OnceLock<Result<Secret, CustodyError>>,
    stretch: Stretch,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    roots: HashMap<(Stretch, Salt), RootKey>,
    /// What records are sealed with.
    current: Option<Derivation>,
}

impl Passphrase {
    /// A passphrase that `ask` yields, from a terminal, a descriptor or the environment.
    pub fn new(ask: impl Fn() -> Result<Secret, CustodyError> + Send + Sync + 'static) -> Self {
        Self {
            ask: Box::new(ask),
            answer: OnceLock::new(),
            stretch: Stretch::PBKDF2,
            known: Mutex::default(),
        }
    }

    /// Stretched this way when a record is sealed. Records that were stretched otherwise still
    /// open. Says [`CustodyError::Derivation`] for parameters out of range.
    pub fn stretch(mut self, stretch: Stretch) -> Result<Self, CustodyError> {
        self.stretch = stretch.check()?;
        Ok(self)
    }

    fn root(
        &self,
        known: &mut Known,
        stretch: Stretch,
        salt: Salt,
    ) -> Result<RootKey, CustodyError> {
        if let Some(root) = known.roots.get(&(stretch, salt)) {
            return Ok(root.clone());
        }
        let passphrase = self.answer.get_or_init(|| (self.ask)()).as_ref().map_err(Clone::clone)?;
        let root = stretched(passphrase, stretch, &salt)?;
        if known.roots.len() >= REMEMBERED {
            known.roots.clear();
        }
        known.roots.insert((stretch, salt), root.clone());
        Ok(root)
    }
}

impl Custody for Passphrase {
    fn derivation(&self) -> Result<Derivation, CustodyError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(current) = &known.current {
            return Ok(current.clone());
        }
        let salt = Salt::random()?;
        let root = self.root(&mut known, self.stretch, salt)?;
        let check = check(&root)?;
        let sum = sum(self.stretch, &salt, &check);
        let derivation = Derivation::Passphrase { stretch: self.stretch, salt, check, sum };
        known.current = Some(derivation.clone());
        Ok(derivation)
    }

    fn covers(&self, derivation: &Derivation) -> bool {
        matches!(derivation, Derivation::Passphrase { .. })
    }

    fn unlock(&self, derivation: &Derivation) -> Result<RootKey, CustodyError> {
        let Derivation::Passphrase { stretch, salt, check: expected, sum: written } = derivation
        else {
            return Err(CustodyError::Derivation);
        };
        let stretch = stretch.check()?;
        if *written != sum(stretch, salt, expected) {
            return Err(CustodyError::Derivation);
        }
        // Held while stretching: whoever else wants this salt waits for the one result.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let root = self.root(&mut known, stretch, *salt)?;
        let found = check(&root)?;
        constant_time::verify_slices_are_equal(found.as_bytes(), expected.as_bytes())
            .map_err(|_| CustodyError::PassphraseWrong)?;
        if stretch == self.stretch && known.current.is_none() {
            known.current = Some(derivation.clone());
        }
        Ok(root)
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passphrase").field("stretch", &self.stretch).finish_non_exhaustive()
    }
}

fn stretched(passphrase: &Secret, stretch: Stretch, salt: &Salt) -> Result<RootKey, CustodyError> {
    let mut root = Zeroizing::new([0; 32]);
    let passphrase = passphrase.expose().as_bytes();
    match stretch {
        Stretch::Pbkdf2 { rounds } => {
            let rounds = NonZeroU32::new(rounds).ok_or(CustodyError::Derivation)?;
            let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
            pbkdf2::derive(algorithm, rounds, salt.as_bytes(), passphrase, &mut *root);
        }
        Stretch::Argon2id { memory_kib, passes, lanes } => {
            let params = Params::new(memory_kib, passes, lanes, Some(32))
                .map_err(|_| CustodyError::Derivation)?;
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                .hash_password_into(passphrase, salt.as_bytes(), &mut *root)
                .map_err(|_| CustodyError::Derivation)?;
        }
        Stretch::Unknown => return Err(CustodyError::Derivation),
    }
    Ok(root)
}

/// The key check value: eight bytes that follow from the secret and lead nowhere.
fn check(root: &RootKey) -> Result<String, CustodyError> {
    let mut bytes = [0; 32];
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"unlapse passphrase check v1")
        .extract(root.as_slice())
        .expand(&[b"check"], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut bytes))
        .map_err(|_| CustodyError::Derivation)?;
    Ok(URL_SAFE_NO_PAD.encode(&bytes[..8]))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const QUICK: Stretch = Stretch::Pbkdf2 { rounds: 1_000 };

    fn passphrase(text: &'static str) -> Passphrase {
        Passphrase::new(move || Ok(Secret::new(text))).stretch(QUICK).expect("in range")
    }

    #[test]
    fn c2_a_wrong_passphrase_is_told_from_broken_parameters() {
        let derivation = passphrase("right").derivation().expect("parameters");
        assert!(passphrase("right").unlock(&derivation).is_ok());
        let wrong = passphrase("wrong").unlock(&derivation);
        assert_eq!(wrong, Err(CustodyError::PassphraseWrong));
        let Derivation::Passphrase { stretch, check, sum, .. } = derivation else { panic!() };
        let salt = Salt::random().expect("random");
        let rotten = Derivation::Passphrase { stretch, salt, check, sum };
        assert_eq!(passphrase("right").unlock(&rotten), Err(CustodyError::Derivation));
    }

    #[test]
    fn the_passphrase_is_asked_for_once_and_late() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let custody = Passphrase::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(Secret::new("p"))
        });
        let custody = custody.stretch(QUICK).expect("in range");
        assert_eq!(asked.load(Ordering::SeqCst), 0);
        let derivation = custody.derivation().expect("parameters");
        custody.unlock(&derivation).expect("opens");
        assert_eq!(custody.derivation().as_ref(), Ok(&derivation));
        assert_eq!(asked.load(Ordering::SeqCst), 1);

        let needed = Passphrase::new(|| Err(CustodyError::PassphraseNeeded));
        assert_eq!(needed.derivation(), Err(CustodyError::PassphraseNeeded));
    }

    #[test]
    fn records_written_later_share_the_salt_that_was_read() {
        let derivation = passphrase("p").derivation().expect("parameters");
        let later = passphrase("p");
        later.unlock(&derivation).expect("opens");
        assert_eq!(later.derivation(), Ok(derivation));
    }

    #[test]
    fn c2_argon2id_opens_what_it_sealed_and_pbkdf2_is_another_key() {
        let argon = Stretch::Argon2id { memory_kib: 64, passes: 1, lanes: 1 };
        let custody = passphrase("p").stretch(argon).expect("in range");
        let derivation = custody.derivation().expect("parameters");
        let root = custody.unlock(&derivation).expect("opens");
        assert_eq!(passphrase("p").unlock(&derivation).as_ref(), Ok(&root));
        let Derivation::Passphrase { salt, .. } = derivation else { panic!() };
        assert_ne!(stretched(&Secret::new("p"), QUICK, &salt), Ok(root));
    }

    #[test]
    fn c2_pbkdf2_is_the_standard_one() {
        // RFC 7914 §11's PBKDF2-HMAC-SHA-256 vectors take other salts than ours, so that the
        // primitive is held against one of them directly.
        let mut out = [0; 64];
        let rounds = NonZeroU32::new(1).expect("one");
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, b"salt", b"passwd", &mut out);
        assert_eq!(out[..8], [0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08, 0x9f]);
    }

    #[test]
    fn c13_debug_has_no_secret() {
        let custody = passphrase("canary-4711");
        custody.derivation().expect("parameters");
        assert!(!format!("{custody:?}").contains("canary"));
    }
}
