//! Refresh tokens as families: what each class of server does when one is used twice.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// What a server does with refresh tokens (R7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Rotates; a token used twice revokes its family.
    Strict,
    /// Rotates; the token before the current one gets the same successor for so long.
    Grace(Duration),
    /// Rotates; the token before the current one works until the current one is used.
    UntilUsed,
    /// Never rotates.
    Stable,
}

/// What the server has seen. All of them only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests for tokens, whatever came of them.
    pub requests: u64,
    /// Those of them that brought a refresh token.
    pub refresh_requests: u64,
    /// Refresh tokens that were rotated, or taken where nothing rotates.
    pub refreshes: u64,
    /// Refresh tokens taken again where that is allowed.
    pub replays: u64,
    /// Superseded refresh tokens that were not allowed any more.
    pub reuses: u64,
    /// Families that a reuse has ended.
    pub families_revoked: u64,
    /// Refresh tokens refused for any reason.
    pub refused: u64,
    /// Grants without a refresh token: client credentials, password, login endpoint.
    pub logins: u64,
    /// Successful requests to the revocation endpoint.
    pub revocations: u64,
}

/// A login and its successors.
#[derive(Debug)]
struct Family {
    /// The number of the current refresh token.
    current: u64,
    rotated_at: Instant,
    revoked: bool,
}

/// All logins, and what was seen of them.
#[derive(Debug, Default)]
pub(super) struct Families {
    by_id: HashMap<u64, Family>,
    serial: u64,
    pub(super) counts: Counts,
}

/// Granted: an access token, and a refresh token where the server gives one.
#[derive(Clone, Debug)]
pub(super) struct Issued {
    pub(super) access_token: String,
    pub(super) refresh_token: Option<String>,
}

impl Families {
    /// A new login.
    pub(super) fn begin(&mut self) -> Issued {
        let family = self.serial() << 8;
        let fresh = Family { current: 0, rotated_at: Instant::now(), revoked: false };
        self.by_id.insert(family, fresh);
        self.issued(family, 0)
    }

    /// An access token of a family that has no refresh token.
    pub(super) fn access_only(&mut self) -> Issued {
        Issued { refresh_token: None, ..self.begin() }
    }

    /// Takes a refresh token; `None` when it is refused.
    pub(super) fn refresh(&mut self, token: &str, class: Class) -> Option<Issued> {
        self.counts.refresh_requests += 1;
        let issued = self.judge(token, class);
        if issued.is_none() {
            self.counts.refused += 1;
        }
        issued
    }

    fn judge(&mut self, token: &str, class: Class) -> Option<Issued> {
        let (id, number) = parse(token, "rt")?;
        let family = self.by_id.get_mut(&id)?;
        if family.revoked {
            return None;
        }
        if number == family.current {
            if class != Class::Stable {
                family.current += 1;
                family.rotated_at = Instant::now();
            }
            let current = family.current;
            self.counts.refreshes += 1;
            let issued = self.issued(id, current);
            // Where nothing rotates, the reply says nothing of it (RFC 6749 §6).
            return Some(match class {
                Class::Stable => Issued { refresh_token: None, ..issued },
                _ => issued,
            });
        }
        let allowed = number + 1 == family.current
            && match class {
                Class::Grace(window) => family.rotated_at.elapsed() < window,
                Class::UntilUsed => true,
                Class::Strict | Class::Stable => false,
            };
        if allowed {
            let current = family.current;
            self.counts.replays += 1;
            return Some(self.issued(id, current));
        }
        family.revoked = true;
        self.counts.reuses += 1;
        self.counts.families_revoked += 1;
        None
    }

    /// Ends the family of a refresh or access token.
    pub(super) fn revoke(&mut self, token: &str) {
        let family = parse(token, "rt").or_else(|| parse(token, "at"));
        if let Some(family) = family.and_then(|(id, _)| self.by_id.get_mut(&id)) {
            family.revoked = true;
            self.counts.revocations += 1;
        }
    }

    /// Ends every family, as an administrator does.
    pub(super) fn revoke_all(&mut self) {
        for family in self.by_id.values_mut() {
            family.revoked = true;
        }
    }

    /// Whether an access token is one of ours, of a family that lives.
    pub(super) fn accepts(&self, access_token: &str) -> bool {
        let family = parse(access_token, "at").and_then(|(id, _)| self.by_id.get(&id));
        family.is_some_and(|family| !family.revoked)
    }

    fn issued(&mut self, family: u64, number: u64) -> Issued {
        let serial = self.serial();
        Issued {
            // Never the same twice.
            access_token: format!("at.{family:x}.{number}.{serial:x}.{}", "access".repeat(6)),
            refresh_token: Some(format!("rt.{family:x}.{number}.{}", "refresh".repeat(6))),
        }
    }

    fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }
}

/// Family and number of a token of that kind.
fn parse(token: &str, kind: &str) -> Option<(u64, u64)> {
    let mut parts = token.split('.');
    if parts.next()? != kind {
        return None;
    }
    Some((u64::from_str_radix(parts.next()?, 16).ok()?, parts.next()?.parse().ok()?))
}
