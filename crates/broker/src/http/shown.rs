//! Connections as the API shows them: never with a secret.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::code::Code;
use crate::connection::{Connection, State};
use crate::timestamp::Timestamp;

/// A connection.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    tenant: &'a str,
    user: &'a str,
    provider: &'a str,
    account: &'a str,
    state: &'static str,
    /// Why only its user can help.
    code: Option<Code>,
    generation: u64,
    scope: Option<&'a str>,
    access_expires_at: Option<Timestamp>,
    refresh_expires_at: Option<Timestamp>,
    due_at: Option<Timestamp>,
    failing: Option<Failing>,
    metadata: &'a BTreeMap<String, String>,
    created_at: Timestamp,
    connected_at: Timestamp,
    seen_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct Failing {
    code: Code,
    count: u32,
}

impl<'a> Shown<'a> {
    pub(super) fn of(connection: &'a Connection) -> Self {
        let Connection {
            id,
            state,
            generation,
            scope,
            access_expires_at,
            refresh_expires_at,
            due_at,
            failing,
            metadata,
            created_at,
            connected_at,
            seen_at,
        } = connection;
        Self {
            tenant: id.tenant.as_str(),
            user: &id.user,
            provider: id.provider.as_str(),
            account: &id.account,
            state: state.as_str(),
            code: match state {
                State::Active => None,
                State::NeedsUser(code) => Some(*code),
            },
            generation: *generation,
            scope: scope.as_deref(),
            access_expires_at: access_expires_at.map(Timestamp),
            refresh_expires_at: refresh_expires_at.map(Timestamp),
            due_at: due_at.map(Timestamp),
            failing: failing.map(|failing| Failing { code: failing.code, count: failing.count }),
            metadata,
            created_at: Timestamp(*created_at),
            connected_at: Timestamp(*connected_at),
            seen_at: seen_at.map(Timestamp),
        }
    }
}
