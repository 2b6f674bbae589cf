//! Randomness from the operating system.
//!
//! Not from the cryptographic library: its generator seeds itself from the processor's timing jitter
//! when a process first draws from it, which takes some 25 ms, several times as long as everything
//! else in a save. A command that renews one token would pay that every time.

/// Fills `bytes`.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), getrandom::Error> {
    getrandom::fill(bytes)
}

/// A tag that tells names apart.
pub(crate) fn tag() -> Result<u32, getrandom::Error> {
    let mut bytes = [0; 4];
    fill(&mut bytes)?;
    Ok(u32::from_be_bytes(bytes))
}

/// The value of an `Idempotency-Key` header: a random UUID (RFC 9562 §5.4) as a string of RFC 9651, as
/// the header's draft wants it.
pub(crate) fn idempotency_key() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    fill(&mut bytes)?;
    let bits =
        (u128::from_be_bytes(bytes) & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let groups = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    Ok(format!("\"{}\"", groups.join("-")))
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_idempotency_key_is_a_random_uuid_in_quotes() {
        for _ in 0..50 {
            let key = super::idempotency_key().expect("randomness");
            assert_eq!(key.len(), 38, "{key}");
            assert!(key.starts_with('"') && key.ends_with('"'), "{key}");
            assert_eq!(key.as_bytes()[15], b'4', "{key}");
            assert!(b"89ab".contains(&key.as_bytes()[20]), "{key}");
            assert_ne!(key, super::idempotency_key().expect("randomness"));
        }
    }
}
