//! Randomness from the operating system.
//!
//! Not from the cryptographic library: its generator seeds itself from the processor's timing jitter
//! when a process first draws from it, which takes some 25 ms, several times as long as everything
//! else in a save. A command that renews one token would pay that every time.

/// Fills `bytes`.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), getrandom::Error> {
    getrandom::fill(bytes)
}
