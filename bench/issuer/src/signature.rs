//! The signature alone: what no issuer can do without.

use std::hint::black_box;
use std::time::Duration;

use anyhow::Result;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rustix::time::{ClockId, clock_gettime};
use unlapse_issuer::Algorithm;

/// About the size of what is signed of an access token.
const MESSAGE: [u8; 400] = [b'x'; 400];

/// A key of aws-lc-rs, with nothing of ours around it.
pub(crate) enum Signer {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair, Vec<u8>),
}

impl Signer {
    pub(crate) fn new(algorithm: Algorithm) -> Result<Self> {
        Ok(match algorithm {
            Algorithm::EdDsa => Self::Ed25519(Ed25519KeyPair::generate()?),
            Algorithm::Es256 => {
                Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?)
            }
            Algorithm::Rs256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
                let signature = vec![0; pair.public_modulus_len()];
                Self::Rsa(pair, signature)
            }
            other => anyhow::bail!("{other:?} is not measured"),
        })
    }

    /// Signs for so long; returns signatures per second of processor time.
    pub(crate) fn rate(&mut self, time: Duration) -> Result<f64> {
        let start = own_time()?;
        let mut signatures = 0_u32;
        loop {
            // Few enough to be quick with RSA, many enough that the clock costs nothing.
            for _ in 0..16 {
                self.sign()?;
            }
            signatures += 16;
            let spent = own_time()?.saturating_sub(start);
            if spent >= time {
                return Ok(f64::from(signatures) / spent.as_secs_f64());
            }
        }
    }

    fn sign(&mut self) -> Result<()> {
        let message = black_box(&MESSAGE);
        match self {
            Self::Ed25519(pair) => drop(black_box(pair.try_sign(message)?)),
            Self::P256(pair) => drop(black_box(pair.sign(&SystemRandom::new(), message)?)),
            Self::Rsa(pair, signature) => {
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, signature)?;
            }
        }
        Ok(())
    }
}

/// This thread's own time: what others do to the processor meanwhile does not count.
fn own_time() -> Result<Duration> {
    Ok(Duration::try_from(clock_gettime(ClockId::ThreadCPUTime))?)
}
