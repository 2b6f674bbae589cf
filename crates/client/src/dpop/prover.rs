//! The prover in production.

use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderValue;
use unlapse_core::{Secret, SenderKeyProblem};
use unlapse_oauth::dpop::{Algorithm, BadSenderKey, Proof, SenderKey, Target, is_nonce};
use zeroize::Zeroizing;

use crate::effects::{Clock, Prover, ToProve};

/// Random bytes, as an effect: of keys and of the names of proofs.
pub trait Random: Send + Sync {
    /// Fills `bytes` with what nobody can guess.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), SenderKeyProblem>;
}

/// The operating system's.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), SenderKeyProblem> {
        getrandom::fill(bytes).map_err(|_| SenderKeyProblem::Randomness)
    }
}

/// Makes keys and proofs.
///
/// The key that was used last stays parsed: a proof costs its signature alone. The first of ES256 in a
/// process takes some 30 ms of a processor more, since aws-lc gathers randomness of its own for it;
/// EdDSA needs none.
pub struct Dpop {
    algorithm: Algorithm,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    parsed: Mutex<Option<(Secret, Arc<SenderKey>)>>,
}

impl Dpop {
    /// New keys are of `algorithm`; those that are kept already prove as what they are.
    pub fn new(algorithm: Algorithm, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { algorithm, clock, random, parsed: Mutex::default() }
    }

    fn parsed(&self, key: &Secret) -> Result<Arc<SenderKey>, SenderKeyProblem> {
        let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, parsed)) = &*parsed
            && known == key
        {
            return Ok(Arc::clone(parsed));
        }
        let found = SenderKey::parse(key).map_err(|_| SenderKeyProblem::Unusable)?;
        let found = Arc::new(found);
        *parsed = Some((key.clone(), Arc::clone(&found)));
        Ok(found)
    }
}

impl Prover for Dpop {
    fn draw(&self) -> Result<Secret, SenderKeyProblem> {
        // One seed in four thousand million is out of range: two in a row are no chance.
        for _ in 0..2 {
            let mut seed = Zeroizing::new([0; 32]);
            self.random.fill(&mut *seed)?;
            match SenderKey::from_seed(self.algorithm, &seed) {
                Err(BadSenderKey::Seed) => {}
                key => {
                    let document = key.and_then(|key| key.to_document());
                    return document.map_err(|_| SenderKeyProblem::Randomness);
                }
            }
        }
        Err(SenderKeyProblem::Randomness)
    }

    fn thumbprint(&self, key: &Secret) -> Result<String, SenderKeyProblem> {
        Ok(self.parsed(key)?.thumbprint())
    }

    fn prove(&self, key: &Secret, request: ToProve<'_>) -> Result<HeaderValue, SenderKeyProblem> {
        let target = Target::parse(request.url).map_err(|_| SenderKeyProblem::Target)?;
        if !request.nonce.is_none_or(is_nonce) {
            return Err(SenderKeyProblem::Nonce);
        }
        let mut jti = [0; 16];
        self.random.fill(&mut jti)?;
        let proof = Proof {
            method: request.method,
            target: &target,
            access_token: request.access_token,
            nonce: request.nonce,
            jti,
            issued_at: self.clock.now().wall,
        };
        self.parsed(key)?.prove(&proof).map_err(|_| SenderKeyProblem::Randomness)
    }
}
