//! Tokens in, claims out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use unlapse_core::UnixTime;

use crate::access_claims::AccessClaims;
use crate::algorithm::Algorithm;
use crate::clock::Clock;
use crate::denylist::Denylist;
use crate::dpop_policy::DpopPolicy;
use crate::header::Header;
use crate::held::Held;
use crate::held::SharedKeys;
use crate::jwk_set::JwkSet;
use crate::jwks_cache::{AtHand, JwksCache, Need};
use crate::jws::{BadJws, Compact, Jws, decode};
use crate::refusal::Refusal;
use crate::refused::Terms;
use crate::remembered::{Remembered, Tag};
use crate::rules::{Rules, judge_claims, judge_header};
use crate::verified::{Known, Verified};
use crate::verifier_builder::VerifierBuilder;

/// Says whether access tokens are genuine, and meant for us. Clones share what they remember.
#[derive(Clone)]
pub struct Verifier(pub(crate) Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) rules: Rules,
    pub(crate) keys: Keys,
    pub(crate) denylist: Option<Arc<Denylist>>,
    pub(crate) dpop: Option<DpopPolicy>,
    pub(crate) remembered: Remembered,
    pub(crate) clock: Clock,
    pub(crate) terms: Arc<Terms>,
    pub(crate) last_header: ArcSwapOption<GoodHeader>,
}

/// A header that the rules accept, as it was written.
pub(crate) struct GoodHeader {
    pub(crate) text: String,
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: String,
}

/// Where the keys come from.
#[derive(Clone)]
#[non_exhaustive]
pub enum Keys {
    /// Their owner sets them.
    Shared(SharedKeys),
    /// The issuer publishes them.
    Cached(JwksCache),
}

impl From<JwkSet> for Keys {
    fn from(set: JwkSet) -> Self {
        Self::Shared(SharedKeys::new(set))
    }
}

impl From<SharedKeys> for Keys {
    fn from(keys: SharedKeys) -> Self {
        Self::Shared(keys)
    }
}

impl From<JwksCache> for Keys {
    fn from(cache: JwksCache) -> Self {
        Self::Cached(cache)
    }
}

/// What could be found out with the keys at hand.
enum Found {
    Verified(Verified),
    Refused(Refusal),
    /// Other keys are needed first.
    Needs(Need, Refusal),
}

impl Verifier {
    /// For tokens of `issuer` that are meant for `audience`, verified with `keys`.
    pub fn builder(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        keys: impl Into<Keys>,
    ) -> VerifierBuilder {
        VerifierBuilder::new(Rules::new(issuer, audience), keys.into())
    }

    /// Verifies a token that came without a proof of possession. One that is bound to a key is
    /// refused: whoever sent it may have stolen it.
    pub async fn verify(&self, token: &str) -> Result<Verified, Refusal> {
        unbound(self.verify_any(token).await?)
    }

    /// Verifies a token with the keys at hand: asks nobody, and waits for nothing.
    pub fn verify_at_once(&self, token: &str) -> Result<Verified, Refusal> {
        match self.find(token, (self.0.clock)(), false) {
            Found::Verified(verified) => unbound(verified),
            Found::Refused(refusal) | Found::Needs(_, refusal) => Err(refusal),
        }
    }

    /// Verifies a token, whether bound to a key or not. For those that do not act on it, such as
    /// introspection; and for those that see to the proof themselves ([`AccessClaims::jkt`]).
    pub async fn verify_any(&self, token: &str) -> Result<Verified, Refusal> {
        match self.find(token, (self.0.clock)(), true) {
            Found::Verified(verified) => Ok(verified),
            Found::Refused(refusal) => Err(refusal),
            Found::Needs(need, refusal) => {
                let Keys::Cached(cache) = &self.0.keys else { return Err(refusal) };
                cache.ask(need).await;
                match self.find(token, (self.0.clock)(), false) {
                    Found::Verified(verified) => Ok(verified),
                    Found::Refused(refusal) | Found::Needs(_, refusal) => Err(refusal),
                }
            }
        }
    }

    /// The rules that it applies.
    pub fn rules(&self) -> &Rules {
        &self.0.rules
    }

    fn find(&self, token: &str, now: UnixTime, may_ask: bool) -> Found {
        let parts = &*self.0;
        let held;
        let keys: &Held = match &parts.keys {
            Keys::Shared(shared) => {
                held = shared.held();
                let Some(keys) = held.as_deref() else {
                    return Found::Refused(Refusal::KeysUnavailable);
                };
                keys
            }
            Keys::Cached(cache) => {
                let (keys, at_hand) = cache.at_hand(now);
                held = keys;
                match (at_hand, held.as_deref()) {
                    (AtHand::Good, Some(keys)) => keys,
                    (AtHand::Overdue, Some(keys)) if !may_ask => keys,
                    (AtHand::Overdue, Some(_)) => {
                        return Found::Needs(Need::Newer, Refusal::KeysUnavailable);
                    }
                    _ => return Found::Needs(Need::Any, Refusal::KeysUnavailable),
                }
            }
        };
        match parts.look(token, keys, now) {
            Ok(verified) => Found::Verified(verified),
            Err(Refusal::KeyUnknown) => Found::Needs(Need::Unknown, Refusal::KeyUnknown),
            Err(refusal) => Found::Refused(refusal),
        }
    }
}

impl Parts {
    fn look(&self, token: &str, keys: &Held, now: UnixTime) -> Result<Verified, Refusal> {
        if token.len() > Jws::MAX {
            return Err(BadJws::TooLong.into());
        }
        let tag = self.remembered.tag(token);
        if let Some(known) = self.remembered.find(&tag) {
            // A key that is no longer published signs nothing, and did not sign this.
            if !known.is_of(keys) {
                return Err(Refusal::KeyUnknown);
            }
            judge_claims(&known.claims, &self.rules, now)?;
            self.not_denied(&known.claims, &known.denials)?;
            return Ok(Verified(known));
        }
        let known = Arc::new(self.read(tag, token, keys, now)?);
        self.remembered.insert(Arc::clone(&known), now);
        Ok(Verified(known))
    }

    /// A token that is not remembered: the signature is looked at before what it signs.
    fn read(&self, tag: Tag, token: &str, keys: &Held, now: UnixTime) -> Result<Known, Refusal> {
        let jws = Compact::parse(token)?;
        let header = self.header(jws.header)?;
        let Some(key) = keys.set.find(&header.kid, header.algorithm) else {
            let has = keys.set.has(&header.kid);
            return Err(if has { Refusal::Algorithm } else { Refusal::KeyUnknown });
        };
        if !key.key().verifies(jws.message.as_bytes(), &decode(jws.signature)?) {
            return Err(Refusal::Signature);
        }
        // Only now, so that what strangers write takes nobody's place.
        if !self.last_header.load().as_ref().is_some_and(|last| Arc::ptr_eq(last, &header)) {
            self.last_header.store(Some(Arc::clone(&header)));
        }
        let known = Known {
            tag,
            header,
            key: key.thumbprint(),
            claims: AccessClaims::parse(&decode(jws.claims)?)?,
            keys_version: AtomicU64::new(keys.version),
            denials: AtomicU64::new(u64::MAX),
            terms: Arc::clone(&self.terms),
        };
        judge_claims(&known.claims, &self.rules, now)?;
        self.not_denied(&known.claims, &known.denials)?;
        Ok(known)
    }

    /// What a header says that is accepted. An issuer writes the same one into each of its tokens,
    /// so that the last one is most often this one too.
    fn header(&self, text: &str) -> Result<Arc<GoodHeader>, Refusal> {
        if let Some(last) = &*self.last_header.load()
            && last.text == text
        {
            return Ok(Arc::clone(last));
        }
        let header = Header::parse(text)?;
        let algorithm = judge_header(&header, &self.rules)?;
        let kid = header.kid.unwrap_or_default();
        Ok(Arc::new(GoodHeader { text: text.to_owned(), algorithm, kid }))
    }

    /// Whether neither the token nor its session is denied. As long as nothing was added to the
    /// list since the last look, what was not denied then is not now.
    fn not_denied(&self, claims: &AccessClaims, looked_at: &AtomicU64) -> Result<(), Refusal> {
        let Some(denylist) = &self.denylist else { return Ok(()) };
        let additions = denylist.additions();
        if looked_at.load(Ordering::Relaxed) == additions {
            return Ok(());
        }
        if denylist.denies(&claims.jti) || claims.sid.as_deref().is_some_and(|s| denylist.denies(s))
        {
            return Err(Refusal::Revoked);
        }
        looked_at.store(additions, Ordering::Relaxed);
        Ok(())
    }
}

fn unbound(verified: Verified) -> Result<Verified, Refusal> {
    if verified.cnf.is_some() { Err(Refusal::Bound) } else { Ok(verified) }
}
