//! What is known of a connection's provider and tenant.

use core::time::Duration;

use unlapse::unlapse_core::Reuse;
use unlapse::unlapse_oauth::provider::AccessTtl;

use crate::tenant::Speed;

/// What is known of a connection's provider and tenant, beside its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// How eagerly the tenant's connections are renewed.
    pub(crate) speed: Speed,
    /// How long an access token lives when the reply does not say. Where nobody knows, it is taken for
    /// an hour: tokens without an expiry that are never renewed are how users of other brokers were
    /// logged out.
    pub(crate) access_ttl: AccessTtl,
    /// The provider renews no token that is younger.
    pub(crate) min_age: Duration,
    /// A renewal ends the access token before it: those in use elsewhere should be near their end.
    pub(crate) refresh_revokes_access: bool,
    /// How long a refresh token lives unused, where the reply does not say.
    pub(crate) refresh_idle: Option<Duration>,
    /// How long a login lives, however often it is renewed.
    pub(crate) refresh_absolute: Option<Duration>,
    /// What using a refresh token twice does (R7).
    pub(crate) reuse: Reuse,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            speed: Speed::Eager,
            access_ttl: AccessTtl::Unknown,
            min_age: Duration::ZERO,
            refresh_revokes_access: false,
            refresh_idle: None,
            refresh_absolute: None,
            reuse: Reuse::Unknown,
        }
    }
}
