//! `unlapse-verify`: signature, rules, and whether it was revoked.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use unlapse_verify::{Denylist, JwkSet, Verifier};

use crate::contender::Contender;
use crate::token::{ISSUER, Token};

pub(crate) struct Ours {
    verifier: Verifier,
    text: String,
    forged: String,
}

impl Ours {
    /// A token that is not remembered: each time as if it came for the first time.
    pub(crate) fn first(token: &Token) -> Result<Self> {
        Self::new(token, 0)
    }

    /// As users have it: from the second time on, a token is remembered.
    pub(crate) fn remembered(token: &Token) -> Result<Self> {
        Self::new(token, 10_000)
    }

    fn new(token: &Token, remember: usize) -> Result<Self> {
        let verifier = Verifier::builder(ISSUER, ISSUER, JwkSet::new([token.jwk.clone()]))
            .denylist(Arc::new(Denylist::default()))
            .remember(remember)
            .build()?;
        Ok(Self { verifier, text: token.text.clone(), forged: token.forged.clone() })
    }
}

impl Contender for Ours {
    fn verify(&self, times: u32) -> Result<()> {
        for _ in 0..times {
            let verified = self.verifier.verify_at_once(black_box(&self.text));
            black_box(verified.ok().context("it is genuine")?);
        }
        Ok(())
    }

    fn refuses_another(&self) -> bool {
        self.verifier.verify_at_once(&self.forged).is_err()
    }
}
