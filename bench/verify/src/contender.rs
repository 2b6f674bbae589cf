//! What is measured: one way to know that a token is genuine.

use anyhow::Result;

/// A way to verify one token again and again.
pub(crate) trait Contender {
    /// Verifies so often; any failure is an error.
    fn verify(&self, times: u32) -> Result<()>;

    /// It refuses the token with another signature: proof that it looks at it.
    fn refuses_another(&self) -> bool;
}
