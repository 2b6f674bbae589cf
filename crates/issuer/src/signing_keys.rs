//! The signing keys of an issuer as they are kept, and what is done to them.

use core::time::Duration;
use std::sync::Arc;

use unlapse_core::UnixTime;
use unlapse_verify::Algorithm;

use crate::audit::{Audit, Event};
use crate::audit_log::AuditEntry;
use crate::bad_keys::BadKeys;
use crate::clock::Clock;
use crate::kept_keys::KeptKey;
use crate::key_cycle::{KeyLife, KeyPolicy, LINGERS, Stage, Step, plan};
use crate::key_ring::HeldKey;
use crate::pepper::Peppers;
use crate::random;
use crate::sealed_key::{SealedKey, sealed_under};
use crate::signing_key::{BadSigningKey, SigningKey};
use crate::store::Store;
use crate::tickets::TicketId;

/// A key as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    /// Its name: its thumbprint (RFC 7638).
    pub kid: String,
    /// The pepper it is sealed under, where that can be read.
    pub pepper: Option<String>,
    /// Its algorithm; `None` when it was revoked or does not open.
    pub algorithm: Option<Algorithm>,
    /// Where it is in its life, or why that cannot be said.
    pub stage: Result<Stage, BadKeys>,
}

/// The signing keys of an issuer as they are kept: for [`Issuer::keep_keys`] and for people.
///
/// Several nodes may do all of this at the same time, and lose nothing: each change compares and
/// sets, and whoever makes a key says so first.
///
/// [`Issuer::keep_keys`]: crate::Issuer::keep_keys
pub struct SigningKeys {
    store: Arc<dyn Store>,
    peppers: Arc<Peppers>,
    algorithms: Vec<Algorithm>,
    policy: KeyPolicy,
    clock: Clock,
}

/// What came of a round.
pub(crate) struct Round {
    pub(crate) held: Vec<Arc<HeldKey>>,
    /// This node has set another key to work.
    pub(crate) rotated: bool,
}

/// Whoever makes a key has so long before somebody else tries.
const CLAIM: Duration = Duration::from_secs(60);

/// Two nodes with the same peppers in another order reseal a key for each other once in this time.
const RESEAL: Duration = Duration::from_secs(600);

/// A key is made, made active and followed by another in three turns; one more sees that all is
/// done.
const TURNS: usize = 4;

/// No `sid` and no `jti` begins so.
const NEWS: &str = "keys.";

/// So often a change of one key is tried while others change it.
const ATTEMPTS: usize = 8;

impl SigningKeys {
    /// Of `store`, sealed under `peppers`. Access tokens are signed with the first of
    /// `algorithms`; of each there is an active key and a next one.
    pub fn new(
        store: Arc<dyn Store>,
        peppers: Arc<Peppers>,
        algorithms: Vec<Algorithm>,
        policy: KeyPolicy,
        clock: Clock,
    ) -> Self {
        Self { store, peppers, algorithms, policy, clock }
    }

    /// What access tokens are signed with.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithms.first().copied().unwrap_or_default()
    }

    /// Every key that is kept, those that do not open too.
    pub async fn list(&self) -> Result<Vec<ListedKey>, BadKeys> {
        let kept = self.store.keys().await?;
        let listed = kept.into_iter().map(|kept| {
            let opened = SealedKey::open(&kept.kid, &kept.document, &self.peppers);
            let pepper = sealed_under(&kept.document).map(|pepper| pepper.as_str().to_owned());
            let key = opened.as_ref().ok().and_then(SealedKey::jwk);
            ListedKey {
                algorithm: key.map(unlapse_verify::Jwk::algorithm),
                stage: opened
                    .map(|key| key.stage())
                    .map_err(|bad| BadKeys::unopened(&kept.kid, bad)),
                kid: kept.kid,
                pepper,
            }
        });
        Ok(listed.collect())
    }

    /// Asks for another active key of `algorithm`, or of every one. It is the next one at once if
    /// that has been published for long enough, and as soon as it has been otherwise.
    pub async fn rotate(&self, algorithm: Option<Algorithm>) -> Result<(), BadKeys> {
        for held in self.round(&[]).await?.held {
            let SealedKey::Active { key, since, .. } = &held.key else { continue };
            if algorithm.is_none_or(|wanted| wanted == key.algorithm()) {
                let due = SealedKey::Active { key: Arc::clone(key), since: *since, due: true };
                // When another has changed it, it is not the active one any more.
                self.replace(&held, &due).await?;
            }
        }
        let rotated = self.round(&[]).await?.rotated;
        self.tell().await;
        if rotated {
            self.audit(Event::KeyRotated).await;
        }
        Ok(())
    }

    /// Gives a key up: nothing that it signed is accepted from now on, and it never comes back.
    /// Where it was the one that signed, the next one does at once. It need not open: so a key
    /// whose pepper is lost is given up, too.
    pub async fn revoke(&self, kid: &str) -> Result<(), BadKeys> {
        let unknown = || BadKeys::Unknown { kid: kid.to_owned() };
        for _ in 0..ATTEMPTS {
            let kept = self.store.keys().await?;
            let kept = kept.into_iter().find(|kept| kept.kid == kid).ok_or_else(unknown)?;
            let opened = SealedKey::open(kid, &kept.document, &self.peppers);
            if matches!(opened, Ok(SealedKey::Revoked { .. })) {
                return Ok(());
            }
            let document =
                SealedKey::Revoked { since: self.now() }.seal(kid, self.peppers.newest());
            if self.store.replace_key(&KeptKey { document, ..kept }).await? {
                self.audit(Event::KeyRevoked).await;
                let round = self.round(&[]).await;
                self.tell().await;
                return match round {
                    // That another key does not open is no reason to keep this one.
                    Err(BadKeys::PepperMissing { .. } | BadKeys::Damaged { .. }) => Ok(()),
                    round => round.map(drop),
                };
            }
        }
        Err(BadKeys::Contended)
    }

    /// Takes a key in: it is published from now on, and is the next to sign. Returns its name.
    pub async fn import(&self, key: SigningKey) -> Result<String, BadKeys> {
        let kid = key.jwk().kid().to_owned();
        let key = SealedKey::Pending { key: Arc::new(key), since: self.now() };
        let document = key.seal(&kid, self.peppers.newest());
        if !self.store.insert_key(&kid, &document).await? {
            let known = self.list().await?.into_iter().find(|listed| listed.kid == kid);
            let stage = known.and_then(|known| known.stage.ok()).map_or("sealed", Stage::as_str);
            return Err(BadKeys::Known { kid, stage });
        }
        self.round(&[]).await?;
        self.tell().await;
        Ok(kid)
    }

    /// Does what is to be done, and reads the keys: `before` saves opening what has not changed.
    pub(crate) async fn round(&self, before: &[Arc<HeldKey>]) -> Result<Round, BadKeys> {
        let mut held = self.read(before).await?;
        let mut rotated = false;
        for _ in 0..TURNS {
            let planned_at = self.now();
            let steps = self.plan(&held);
            if steps.is_empty() && !self.reseal(&held).await? {
                break;
            }
            let turn = self.turn(steps, &held, planned_at).await?;
            rotated |= turn.rotated;
            held = self.read(&held).await?;
            if turn.waits {
                break;
            }
        }
        Ok(Round { held, rotated })
    }

    /// Goes the steps that were planned for `held`. Where another node is faster, the rest of them
    /// is not: the key that was to sign may be revoked, and the one before must not retire then.
    async fn turn(
        &self,
        steps: Vec<Step>,
        held: &[Arc<HeldKey>],
        planned_at: UnixTime,
    ) -> Result<Turn, BadKeys> {
        let mut turn = Turn::default();
        for step in steps {
            let replaces = replaces_another(&step, held);
            match self.apply(step, held, planned_at).await? {
                Applied::Done => turn.rotated |= replaces,
                Applied::Outrun => break,
                Applied::Claimed => turn.waits = true,
            }
        }
        Ok(turn)
    }

    async fn read(&self, before: &[Arc<HeldKey>]) -> Result<Vec<Arc<HeldKey>>, BadKeys> {
        let kept = self.store.keys().await?;
        kept.into_iter().map(|kept| self.open(kept, before)).collect()
    }

    fn open(&self, kept: KeptKey, before: &[Arc<HeldKey>]) -> Result<Arc<HeldKey>, BadKeys> {
        let KeptKey { kid, version, document } = kept;
        let same = |held: &&Arc<HeldKey>| held.kid == kid && held.version == version;
        if let Some(held) = before.iter().find(same) {
            return Ok(Arc::clone(held));
        }
        let key = SealedKey::open(&kid, &document, &self.peppers);
        let key = key.map_err(|bad| BadKeys::unopened(&kid, bad))?;
        Ok(Arc::new(HeldKey { kid, version, pepper: sealed_under(&document), key }))
    }

    fn plan(&self, held: &[Arc<HeldKey>]) -> Vec<Step> {
        let lives: Vec<_> = held
            .iter()
            .filter_map(|held| {
                let algorithm = held.key.jwk()?.algorithm();
                Some(KeyLife { kid: &held.kid, algorithm, stage: held.key.stage() })
            })
            .collect();
        plan(&lives, &self.algorithms, &self.policy, self.now())
    }

    async fn apply(
        &self,
        step: Step,
        held: &[Arc<HeldKey>],
        planned_at: UnixTime,
    ) -> Result<Applied, BadKeys> {
        let find = |kid: &str| held.iter().find(|held| held.kid == kid);
        let (kid, next) = match step {
            Step::Make { algorithm, active } => {
                // The first keys of several algorithms are made one after the other: each is as
                // active as was planned when there was none. A plan that had to wait is none.
                let active = active && self.now().since(planned_at) < CLAIM;
                return self.make(algorithm, active, held).await;
            }
            Step::Remove { kid } => {
                tracing::info!(kid, "a signing key is forgotten");
                self.store.remove_key(&kid).await?;
                return Ok(Applied::Done);
            }
            Step::Activate { kid, since } => {
                let Some(SealedKey::Pending { key, .. }) = find(&kid).map(|held| &held.key) else {
                    return Ok(Applied::Outrun);
                };
                let key = Arc::clone(key);
                (kid, SealedKey::Active { key, since, due: false })
            }
            Step::Retire { kid } => {
                let Some(jwk) = find(&kid).and_then(|held| held.key.jwk()) else {
                    return Ok(Applied::Outrun);
                };
                let next = SealedKey::Retiring {
                    jwk: Box::new(jwk.clone()),
                    until: self.now().plus(LINGERS),
                };
                (kid, next)
            }
        };
        let Some(held) = find(&kid) else { return Ok(Applied::Outrun) };
        if !self.replace(held, &next).await? {
            return Ok(Applied::Outrun);
        }
        tracing::info!(kid, stage = next.stage().as_str(), "a signing key goes on in its life");
        Ok(Applied::Done)
    }

    /// Makes a key, unless somebody else is at it.
    async fn make(
        &self,
        algorithm: Algorithm,
        active: bool,
        held: &[Arc<HeldKey>],
    ) -> Result<Applied, BadKeys> {
        let claim = TicketId::of("signing key", algorithm.as_str());
        let now = self.now();
        if !self.store.insert(claim, b"", now.plus(CLAIM), now).await? {
            return Ok(Applied::Claimed);
        }
        // With the claim in hand: whoever had it before may have made one since we looked.
        let held = self.read(held).await?;
        let made =
            |step: &Step| matches!(step, Step::Make { algorithm: it, .. } if *it == algorithm);
        if self.plan(&held).iter().any(made) {
            let made = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm)).await;
            let key = Arc::new(made.map_err(|_| BadSigningKey::Generation)??);
            let (kid, since) = (key.jwk().kid().to_owned(), self.now());
            let key = if active {
                SealedKey::Active { key, since, due: false }
            } else {
                SealedKey::Pending { key, since }
            };
            let document = key.seal(&kid, self.peppers.newest());
            self.store.insert_key(&kid, &document).await?;
            tracing::info!(kid, stage = key.stage().as_str(), "a signing key is made");
        }
        // A claim that is not given back ends by itself.
        self.store.replace(claim, 1, b"", now).await?;
        Ok(Applied::Done)
    }

    /// Seals under the newest pepper what is sealed under another; says whether anything was.
    async fn reseal(&self, held: &[Arc<HeldKey>]) -> Result<bool, BadKeys> {
        let newest = self.peppers.newest().kid();
        let mut resealed = false;
        for held in held.iter().filter(|held| held.pepper.as_ref() != Some(newest)) {
            let turn = format!("{} {}", held.kid, newest.as_str());
            let turn = TicketId::of("signing key resealed", &turn);
            let now = self.now();
            if self.store.insert(turn, b"", now.plus(RESEAL), now).await? {
                resealed |= self.replace(held, &held.key).await?;
            }
        }
        Ok(resealed)
    }

    /// Keeps `key` in the place of `held`, if nobody has changed that since: whether it did.
    async fn replace(&self, held: &HeldKey, key: &SealedKey) -> Result<bool, BadKeys> {
        let document = key.seal(&held.kid, self.peppers.newest());
        let kept = KeptKey { kid: held.kid.clone(), version: held.version, document };
        Ok(self.store.replace_key(&kept).await?)
    }

    /// Tells every node that a person has changed the keys, by the way that revocations go: within
    /// a second. Nodes look now and then in any case, so that nothing is lost when it fails.
    async fn tell(&self) {
        if self.store.deny(&format!("{NEWS}{}", random::id()), self.now()).await.is_err() {
            tracing::warn!("other nodes see the change of the signing keys 30 s later");
        }
    }

    /// Whether what was denied says that keys have changed.
    pub(crate) fn is_news(denied: &str) -> bool {
        denied.starts_with(NEWS)
    }

    /// What a person did. A store that takes the change and not the entry loses the entry.
    async fn audit(&self, event: Event) {
        let audit =
            Audit { at: self.now(), event, session: None, subject: None, client: None, peer: None };
        if self.store.append(&[AuditEntry::from(&audit)]).await.is_err() {
            tracing::warn!(event = event.as_str(), "an entry of the audit log is lost");
        }
    }

    fn now(&self) -> UnixTime {
        (self.clock)()
    }
}

/// What became of a turn.
#[derive(Debug, Default)]
struct Turn {
    /// A key was set to work in another's place.
    rotated: bool,
    /// Somebody else is making a key.
    waits: bool,
}

/// What became of a step.
enum Applied {
    Done,
    /// Somebody else has changed that key.
    Outrun,
    /// Somebody else is making that key.
    Claimed,
}

/// Whether a step sets a key to work in another's place.
fn replaces_another(step: &Step, held: &[Arc<HeldKey>]) -> bool {
    let Step::Activate { kid, .. } = step else { return false };
    let algorithm = |held: &HeldKey| held.key.jwk().map(unlapse_verify::Jwk::algorithm);
    let next = held.iter().find(|held| held.kid == *kid).and_then(|held| algorithm(held));
    held.iter().any(|held| matches!(held.key, SealedKey::Active { .. }) && algorithm(held) == next)
}

#[cfg(test)]
#[path = "signing_keys_tests.rs"]
mod tests;
