//! Passwords: Argon2id hashes, checked off the executor and few at a time.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;
use std::sync::Arc;

use argon2::password_hash::phc;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use unlapse_core::Secret;

use crate::random;
use crate::store::Unavailable;

/// What a guess costs. The default is OWASP's first choice for Argon2id of one lane: 19 MiB, two
/// passes; some 35 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory in KiB: 8 to 1,048,576.
    pub memory_kib: u32,
    /// Passes over it: 1 to 64.
    pub passes: u32,
}

impl Default for PasswordCost {
    fn default() -> Self {
        Self { memory_kib: Params::DEFAULT_M_COST, passes: Params::DEFAULT_T_COST }
    }
}

/// A password or its hash is not usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadPassword {
    /// The cost is out of range.
    #[error("the cost is out of range: 8 KiB to 1 GiB of memory, 1 to 64 passes, one lane")]
    Cost,
    /// The text is no hash that can be checked here.
    #[error("it is no Argon2id hash in PHC format (`$argon2id$v=19$m=…,t=…,p=…$salt$hash`)")]
    Hash,
}

impl PasswordCost {
    fn argon2(self) -> Result<Argon2<'static>, BadPassword> {
        let in_range = (8..=1 << 20).contains(&self.memory_kib) && (1..=64).contains(&self.passes);
        let params = Params::new(self.memory_kib, self.passes, 1, None);
        match params {
            Ok(params) if in_range => Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params)),
            _ => Err(BadPassword::Cost),
        }
    }
}

/// The hash of a password, in PHC format. Its `Display` is what a store keeps.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(phc::PasswordHash);

impl PasswordHash {
    /// Hashes a password under a fresh salt. Takes as long as a guess: off the executor.
    pub fn new(password: &Secret, cost: PasswordCost) -> Result<Self, BadPassword> {
        let salt = random::bytes::<16>();
        cost.argon2()?
            .hash_password_with_salt(password.expose().as_bytes(), &salt)
            .map(Self)
            .map_err(|_| BadPassword::Cost)
    }

    /// A hash that no password is known for, but that takes as long to check as one of `cost`:
    /// unknown users are checked against it, so that they cannot be told from known ones.
    fn of_nobody(cost: PasswordCost) -> Result<Self, BadPassword> {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD_NO_PAD;
        cost.argon2()?;
        let PasswordCost { memory_kib, passes } = cost;
        let salt = STANDARD_NO_PAD.encode(random::bytes::<16>());
        let hash = STANDARD_NO_PAD.encode(random::bytes::<32>());
        format!("$argon2id$v=19$m={memory_kib},t={passes},p=1${salt}${hash}").parse()
    }

    /// Whether `password` is the one. Takes as long as hashing it.
    fn verifies(&self, password: &Secret) -> bool {
        Argon2::default().verify_password(password.expose().as_bytes(), &self.0).is_ok()
    }
}

impl FromStr for PasswordHash {
    type Err = BadPassword;

    fn from_str(text: &str) -> Result<Self, BadPassword> {
        let hash = phc::PasswordHash::new(text).map_err(|_| BadPassword::Hash)?;
        let params = Params::try_from(&hash).map_err(|_| BadPassword::Hash)?;
        let whole = hash.salt.is_some() && hash.hash.is_some();
        if hash.algorithm.as_str() != "argon2id" || hash.version != Some(19) || !whole {
            return Err(BadPassword::Hash);
        }
        // A hash from a store is data too: it must not name a cost that stops the process.
        PasswordCost { memory_kib: params.m_cost(), passes: params.t_cost() }.argon2()?;
        if params.p_cost() == 1 { Ok(Self(hash)) } else { Err(BadPassword::Cost) }
    }
}

impl fmt::Display for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(redacted)")
    }
}

/// Lets password checks through: as many at once as there are processors, and so many more to
/// wait. Each takes 19 MiB and 35 ms, which nobody should be able to ask for without end.
#[derive(Debug)]
pub(crate) struct PasswordChecks {
    nobody: PasswordHash,
    running: Arc<Semaphore>,
    queued: Arc<Semaphore>,
}

/// The right to check one password now.
pub(crate) struct Turn {
    _running: OwnedSemaphorePermit,
    _queued: OwnedSemaphorePermit,
}

/// Enough for fifty processes of one user that log in together (C14), at 35 ms each.
const QUEUE: usize = 128;

impl PasswordChecks {
    pub(crate) fn new(cost: PasswordCost) -> Result<Self, BadPassword> {
        let processors = std::thread::available_parallelism().map_or(1, core::num::NonZero::get);
        Ok(Self {
            nobody: PasswordHash::of_nobody(cost)?,
            running: Arc::new(Semaphore::new(processors)),
            queued: Arc::new(Semaphore::new(QUEUE)),
        })
    }

    /// Waits for a turn, first come first served.
    pub(crate) async fn turn(&self) -> Result<Turn, Unavailable> {
        let busy = Unavailable { retry_after: Duration::from_secs(2) };
        let queued = Arc::clone(&self.queued).try_acquire_owned().map_err(|_| busy)?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| busy)?;
        Ok(Turn { _running: running, _queued: queued })
    }

    /// Whether `password` is the one that `hash` was made of; without a hash it never is, after
    /// the same time. Runs on the pool for blocking work, and keeps its turn there when the caller
    /// is gone; otherwise the caller has it back.
    pub(crate) async fn verify(
        &self,
        hash: Option<PasswordHash>,
        password: Secret,
        turn: Turn,
    ) -> Result<(bool, Turn), Unavailable> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let check = tokio::task::spawn_blocking(move || (hash.verifies(&password), turn));
        // It fails only when the runtime shuts down.
        let away = Unavailable { retry_after: Duration::from_secs(1) };
        let (right, turn) = check.await.map_err(|_| away)?;
        Ok((right & known, turn))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: PasswordCost = PasswordCost { memory_kib: 8, passes: 1 };

    #[test]
    fn j2_a_hash_reads_back_and_knows_its_password() {
        let hash = PasswordHash::new(&Secret::new("correct horse"), CHEAP).expect("hashed");
        let text = hash.to_string();
        assert!(text.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{text}");
        let read: PasswordHash = text.parse().expect("reads back");
        assert_eq!(read, hash);
        assert!(read.verifies(&Secret::new("correct horse")));
        assert!(!read.verifies(&Secret::new("correct horsf")));
        assert_eq!(format!("{hash:?}"), "PasswordHash(redacted)");
    }

    #[test]
    fn j2_a_hash_that_is_none_or_costs_too_much_is_refused() {
        let salt_and_hash = "c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";
        let with = |head: &str| format!("{head}${salt_and_hash}").parse::<PasswordHash>();
        assert!(with("$argon2id$v=19$m=8,t=1,p=1").is_ok());
        for bad in [
            "$argon2i$v=19$m=8,t=1,p=1",
            "$argon2id$v=16$m=8,t=1,p=1",
            "$argon2id$v=19$m=4294967295,t=1,p=1",
            "$argon2id$v=19$m=8,t=4294967295,p=1",
            "$argon2id$v=19$m=64,t=1,p=8",
            "$scrypt$ln=1,r=1,p=1",
        ] {
            assert!(with(bad).is_err(), "{bad}");
        }
        for bad in ["", "plain", "$argon2id$v=19$m=8,t=1,p=1"] {
            assert_eq!(bad.parse::<PasswordHash>().err(), Some(BadPassword::Hash), "{bad}");
        }
    }

    #[tokio::test]
    async fn j2_unknown_users_are_checked_too_and_never_let_in() {
        let checks = PasswordChecks::new(CHEAP).expect("in range");
        let hash = PasswordHash::new(&Secret::new("pw"), CHEAP).expect("hashed");
        for (hash, password, expected) in
            [(Some(hash.clone()), "pw", true), (Some(hash), "no", false), (None, "pw", false)]
        {
            let turn = checks.turn().await.expect("a turn");
            let (right, _turn) =
                checks.verify(hash, Secret::new(password), turn).await.expect("checked");
            assert_eq!(right, expected);
        }
    }

    #[tokio::test]
    async fn j2_the_queue_has_an_end() {
        let checks = PasswordChecks::new(CHEAP).expect("in range");
        let mut turns = Vec::new();
        while let Ok(permit) = Arc::clone(&checks.queued).try_acquire_owned() {
            turns.push(permit);
        }
        assert_eq!(turns.len(), QUEUE);
        assert!(checks.turn().await.is_err());
        turns.pop();
        assert!(checks.turn().await.is_ok());
    }
}
