//! Tokens whose signature was found to hold, so that the next request costs a hash.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use unlapse_core::UnixTime;

use crate::nonces::NoRandomness;
use crate::verified::Known;

/// What a token is remembered by.
///
/// A GMAC (NIST SP 800-38D) under a key of this process alone. Whoever chooses tokens does not know
/// the key and never sees a tag, so that two of theirs have the same one with a probability below
/// 2⁻¹¹⁸ (their length in blocks, at most 2⁹, over 2¹²⁸): a forged token is never taken for one that
/// is remembered. It costs a fraction of SHA-256. The nonce is always the same: what that gives
/// away is given to those who see tags.
pub(crate) type Tag = [u8; 16];

/// A bounded table of places, sixteen for each value of a part of the tag. Nothing is locked, and
/// readers write nothing that others read: they scale with the cores.
pub(crate) struct Remembered {
    key: LessSafeKey,
    /// The other half of each place's tag, so that a look that fails touches no place. Zero: empty.
    halves: Box<[AtomicU64]>,
    places: Box<[ArcSwapOption<Known>]>,
}

const WAYS: usize = 16;

impl Remembered {
    /// For `capacity` tokens at least; none at all for zero.
    pub(crate) fn new(capacity: usize) -> Result<Self, NoRandomness> {
        let mut key = zeroize::Zeroizing::new([0; 16]);
        aws_lc_rs::rand::fill(&mut *key).map_err(|_| NoRandomness)?;
        let key = UnboundKey::new(&AES_128_GCM, &*key).map_err(|_| NoRandomness)?;
        let places = match capacity {
            0 => 0,
            // So many that a group is hardly ever full before all are.
            some => some.div_ceil(WAYS).saturating_mul(5).div_ceil(4).next_power_of_two() * WAYS,
        };
        Ok(Self {
            key: LessSafeKey::new(key),
            halves: (0..places).map(|_| AtomicU64::new(0)).collect(),
            places: (0..places).map(|_| ArcSwapOption::empty()).collect(),
        })
    }

    /// The tag of a token.
    pub(crate) fn tag(&self, token: &str) -> Tag {
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        let mut nothing = [];
        let sealed =
            self.key.seal_in_place_separate_tag(nonce, Aad::from(token.as_bytes()), &mut nothing);
        let mut tag = [0; 16];
        tag.copy_from_slice(sealed.expect("8 KiB of associated data are never too long").as_ref());
        tag
    }

    /// The token of this tag.
    pub(crate) fn find(&self, tag: &Tag) -> Option<Arc<Known>> {
        let (start, half) = self.group(tag)?;
        for at in start..start + WAYS {
            if self.halves[at].load(Ordering::Acquire) == half
                && let Some(known) = &*self.places[at].load()
                && known.tag == *tag
            {
                return Some(Arc::clone(known));
            }
        }
        None
    }

    /// Remembers it in an empty place of its group, in that of a token that has expired by `now`,
    /// or else in that of any other.
    pub(crate) fn insert(&self, known: Arc<Known>, now: UnixTime) {
        let Some((start, half)) = self.group(&known.tag) else { return };
        let free = |at: &usize| {
            let place = self.places[*at].load();
            place
                .as_ref()
                .is_none_or(|other| other.claims.expires_at() <= now || other.tag == known.tag)
        };
        let any = start + usize::from(known.tag[15]) % WAYS;
        let at = (start..start + WAYS).find(free).unwrap_or(any);
        self.places[at].store(Some(known));
        // Between these two, a reader sees a half that does not fit and finds nothing.
        self.halves[at].store(half, Ordering::Release);
    }

    /// Where the group of a tag begins, and the half that is looked for in it.
    fn group(&self, tag: &Tag) -> Option<(usize, u64)> {
        let groups = self.places.len() / WAYS;
        let (first, second) = tag.split_at(8);
        let first = u64::from_le_bytes(*first.first_chunk()?);
        let second = u64::from_le_bytes(*second.first_chunk()?);
        #[expect(clippy::cast_possible_truncation, reason = "any part of the tag will do")]
        let group = first as usize & groups.checked_sub(1)?;
        Some((group * WAYS, second.max(1)))
    }
}

#[cfg(test)]
#[path = "remembered_tests.rs"]
mod tests;
