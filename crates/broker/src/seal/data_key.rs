//! What seals for one tenant.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::xaes;
use crate::name::Name;
use crate::random;

/// A data key of a tenant, unwrapped.
pub(super) struct DataKey {
    /// Names it beside what it has sealed.
    pub(super) id: String,
    pub(super) tenant: Name,
    /// Grows by one with each rotation; the newest that is in use seals.
    pub(super) generation: i64,
    pub(super) key: xaes::Key,
}

impl DataKey {
    /// A key that was just drawn.
    pub(super) fn draw(tenant: &Name, generation: i64) -> Self {
        let mut id = [0; 12];
        random::fill(&mut id);
        let id = URL_SAFE_NO_PAD.encode(id);
        Self { id, tenant: tenant.clone(), generation, key: xaes::draw() }
    }
}
